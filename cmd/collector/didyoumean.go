package main

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean suggests the known word that is closest to a mistyped one, or nothing.
func didYouMean(typed string, known []string) string {
	best, distance := "", len(typed)/3+2
	for _, word := range known {
		d := typos(strings.ToLower(typed), word)
		if d < distance || d == distance && best == "" && strings.HasPrefix(word, typed) {
			best, distance = word, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// typos counts the letters that were left out, added, mistaken for another or swapped
// with the next between two words.
func typos(a, b string) int {
	before, row := []int(nil), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			mistaken := 1
			if a[i-1] == b[j-1] {
				mistaken = 0
			}
			next[j] = slices.Min([]int{row[j] + 1, next[j-1] + 1, row[j-1] + mistaken})
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
