package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"partnercost/internal/progress"
	"partnercost/internal/sheet"
)

// output is stdout. It records the first error: a command whose results are lost has
// failed, even if its work has succeeded.
type output struct {
	to io.Writer

	mu   sync.Mutex
	lost error
}

// Write implements io.Writer. After an error nothing more is written, so the output has no
// gap.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost != nil {
		return 0, o.lost
	}
	n, err := o.to.Write(b)
	if err != nil {
		o.lost = fmt.Errorf("write the results: %w", err)
		return n, o.lost
	}
	return n, nil
}

// failure returns the error that made the results incomplete.
func (o *output) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

// isTerminal reports whether the results go to a terminal.
func (o *output) isTerminal() bool {
	file, ok := o.to.(*os.File)
	return ok && progress.IsTerminal(file)
}

// writeTable prints a table for people.
func writeTable(w io.Writer, t sheet.Table) error { return t.Write(sheet.NewText(w)) }

// writeJSON prints v as indented JSON.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
