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

// output is stdout. It remembers that something could not be written: a command
// whose results are lost has failed, whatever became of its work.
type output struct {
	to io.Writer

	mu   sync.Mutex
	lost error
}

// Write implements io.Writer. After an error nothing is written any more, so that
// what was written has no gap.
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

// failure is the error that made results incomplete.
func (o *output) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

// isTerminal reports whether somebody reads the results on a terminal.
func (o *output) isTerminal() bool {
	file, ok := o.to.(*os.File)
	return ok && progress.IsTerminal(file)
}

// writeTable prints a table for people.
func writeTable(w io.Writer, t sheet.Table) error { return t.Write(sheet.NewText(w)) }

// writeJSON prints v for people and programs alike.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
