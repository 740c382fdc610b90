package sheet

import (
	"strings"
	"unicode"
)

// Printable returns a text for one line of a terminal. Customers choose their names, so
// a name may hold escape sequences of a terminal, or change the direction of the text
// after it. Each such character becomes U+FFFD. White space becomes a space.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
