package progress

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// Terminal is stderr. While progress bars are drawn there, what is logged passes
// through them, so that the lines stand above the bars and not in them.
type Terminal struct {
	mu sync.Mutex
	to io.Writer
}

// NewTerminal is a terminal that writes to w.
func NewTerminal(w io.Writer) *Terminal { return &Terminal{to: w} }

// Write implements io.Writer. It never fails: work does not end because nobody reads
// about it any more.
func (t *Terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.to.Write(b)
	return len(b), nil
}

// through makes everything pass through w until restore is called.
func (t *Terminal) through(w io.Writer) (restore func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.to
	t.to = w
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.to = before
	}
}

// IsTerminal reports whether f is a terminal on which something can be drawn.
func IsTerminal(f *os.File) bool {
	width, _, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0
}
