package main

import (
	"encoding/json"
	"fmt"

	"partnercost/internal/sheet"
)

// lines prints results as they come: printable lines of text, or JSON
// objects, one a line.
type lines struct {
	w      *output
	asJSON bool
}

// line prints one. Where nobody reads it the work whose result it is goes on: stdout
// remembers the loss.
func (l *lines) line(value any, text string) {
	if l.asJSON {
		_ = json.NewEncoder(l.w).Encode(value)
		return
	}
	_, _ = fmt.Fprintln(l.w, sheet.Printable(text))
}
