// Package spelling finds the known word that a mistyped one was probably meant to be.
package spelling

import (
	"slices"
	"strings"
)

// Nearest returns the known word that is closest to the typed one: one typing mistake
// and another for each four letters typed are allowed. If no word is that close, it
// returns the first that begins with what was typed, or "".
func Nearest(typed string, known []string) string {
	best, distance := "", 2+len(typed)/4
	for _, word := range known {
		if d := mistakes(strings.ToLower(typed), word); d < distance {
			best, distance = word, d
		}
	}
	if best != "" || typed == "" {
		return best
	}
	if i := slices.IndexFunc(known, func(word string) bool { return strings.HasPrefix(word, typed) }); i >= 0 {
		return known[i]
	}
	return ""
}

// mistakes counts the letters that were left out, added, replaced, or swapped with the
// next one, between two words.
func mistakes(a, b string) int {
	before, row := []int(nil), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := row[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			next[j] = min(row[j]+1, next[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
