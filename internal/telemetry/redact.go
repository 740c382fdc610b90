package telemetry

import (
	"regexp"
	"strings"
	"unicode"
)

// textBytes bounds how much of a foreign text is repeated.
const textBytes = 300

// The places of a password in a connection string, and of a user and password in an
// address.
var (
	passwordSetting = regexp.MustCompile(`(?i)((?:ssl)?password\s*=\s*)('[^']*'|[^\s&]+)`)
	addressUser     = regexp.MustCompile(`(://)[^/\s]+@`)
)

// fit makes a foreign text fit for a line: short, printable, without passwords.
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
