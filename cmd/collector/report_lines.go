package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// report prints results as they come: lines of text, or JSON objects, one a line.
type report struct {
	w      io.Writer
	asJSON bool
}

func (r *report) line(value any, text string) error {
	if r.asJSON {
		return json.NewEncoder(r.w).Encode(value)
	}
	_, err := fmt.Fprintln(r.w, text)
	return err
}
