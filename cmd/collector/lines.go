package main

import (
	"encoding/json"
	"fmt"
	"io"

	"partnercost/internal/sheet"
)

// lines prints results as they come: printable lines of text, or JSON
// objects, one a line.
type lines struct {
	w      io.Writer
	asJSON bool
}

func (l *lines) line(value any, text string) error {
	if l.asJSON {
		return json.NewEncoder(l.w).Encode(value)
	}
	_, err := fmt.Fprintln(l.w, sheet.Printable(text))
	return err
}
