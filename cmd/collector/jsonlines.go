package main

import (
	"encoding/json"
	"fmt"

	"partnercost/internal/sheet"
)

// lines prints results as they arrive, one per line: as printable text or as JSON objects.
type lines struct {
	w      *output
	asJSON bool
}

// line prints a result. It returns no error, because the work continues even if nobody
// reads its results: output records the loss.
func (l *lines) line(value any, text string) {
	if l.asJSON {
		_ = json.NewEncoder(l.w).Encode(value)
		return
	}
	_, _ = fmt.Fprintln(l.w, sheet.Printable(text))
}
