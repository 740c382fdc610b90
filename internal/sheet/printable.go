package sheet

import (
	"strings"
	"unicode"
)

// Printable is a text for one line of a terminal. Customers choose their names, so
// that a name may hold the escape sequences of a terminal, or turn the direction of
// what follows it: each such character becomes U+FFFD. White space becomes a space.
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
