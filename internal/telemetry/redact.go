package telemetry

import (
	"regexp"
	"strings"
	"unicode"
)

// textBytes is how much of a text from outside is quoted.
const textBytes = 300

// A password in a connection string, and a user with a password in an address.
var (
	passwordSetting = regexp.MustCompile(`(?i)((?:ssl)?password\s*=\s*)('[^']*'|[^\s&]+)`)
	addressUser     = regexp.MustCompile(`(://)[^/\s]+@`)
)

// fit makes a text from outside fit for a line: short, printable, without passwords.
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
