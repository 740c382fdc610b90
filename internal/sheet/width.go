package sheet

import (
	"unicode"

	"golang.org/x/text/width"
)

// cellWidth returns the number of columns that a text takes on a terminal: two for each
// wide character, such as those of Chinese and Japanese, and none for marks that
// combine with the character before.
func cellWidth(text string) int {
	places := 0
	for _, r := range text {
		switch {
		case r < unicode.MaxASCII:
			places++
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		default:
			places++
			if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
				places++
			}
		}
	}
	return places
}
