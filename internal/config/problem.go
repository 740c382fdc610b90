package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is an error in a file, with the place where it must be corrected.
type Problem struct {
	// File is as the user named it, or relative to the configuration file.
	File string
	// Line counts from 1; 0 means the whole file.
	Line int
	// Key is the path of the key in the configuration, such as
	// "partners[0].customers.ids[3]"; it is empty when the problem has no key.
	Key string
	// Message says what is wrong and what to do. It holds no secret.
	Message string
}

// Error returns the problem as FILE:LINE: KEY: MESSAGE.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Errors are all problems, at least one: those of the configuration file by line, then
// those of the customers files by file and line.
type Errors []Problem

// Error returns the problems, one per line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// sort orders the problems; those of the file first come first.
func (e Errors) sort(first string) {
	slices.SortStableFunc(e, func(a, b Problem) int {
		if a.File != b.File && a.File == first {
			return -1
		}
		if a.File != b.File && b.File == first {
			return 1
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
}
