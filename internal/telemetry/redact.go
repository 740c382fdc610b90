package telemetry

import (
	"regexp"
	"strings"
	"unicode"
)

// textBytes bounds what is repeated of a text that others wrote.
const textBytes = 300

// Where a password stands in a connection string, or a user and password in an address.
var (
	passwordSetting = regexp.MustCompile(`(?i)((?:ssl)?password\s*=\s*)('[^']*'|[^\s&]+)`)
	addressUser     = regexp.MustCompile(`(://)[^/\s]+@`)
)

// fit makes a text that others wrote fit for a line: short, printable, without
// passwords.
func fit(text string) string {
	text = passwordSetting.ReplaceAllString(text, "$1[redacted]")
	text = addressUser.ReplaceAllString(text, "$1[redacted]@")
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > textBytes {
		text = strings.ToValidUTF8(text[:textBytes], "") + "…"
	}
	return text
}
