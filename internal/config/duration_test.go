package config

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0":       0,
		"90s":     90 * time.Second,
		"1h30m":   90 * time.Minute,
		"-5m":     -5 * time.Minute,
		"0d":      0,
		"800d":    800 * 24 * time.Hour,
		"1d12h":   36 * time.Hour,
		"106751d": 106751 * 24 * time.Hour,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	const malformed = ` is not a duration such as "90s", "5m" or "800d"`
	for text, want := range map[string]string{
		"":                 `""` + malformed,
		"5":                `"5"` + malformed,
		"d":                `"d"` + malformed,
		"-1d":              `"-1d"` + malformed,
		"1.5d":             `"1.5d"` + malformed,
		"1d-1h":            `"1d-1h"` + malformed,
		"1d2d":             `"1d2d"` + malformed,
		"1h1d":             `"1h1d"` + malformed,
		"99999999999d":     `"99999999999d"` + malformed,
		"106752d":          `"106752d" is longer than 292 years`,
		"106751d24h":       `"106751d24h" is longer than 292 years`,
		"9999999999999999": `"9999999999999999"` + malformed,
	} {
		if got, err := parseDuration(text); err == nil || err.Error() != want {
			t.Errorf("parseDuration(%q) = %v, %v; want the error %s", text, got, err, want)
		}
	}
}
