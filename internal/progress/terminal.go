package progress

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// Terminal is stderr. While progress bars are drawn, log lines pass through them, so
// that the lines appear above the bars.
type Terminal struct {
	mu sync.Mutex
	to io.Writer
}

// NewTerminal returns a terminal that writes to w.
func NewTerminal(w io.Writer) *Terminal { return &Terminal{to: w} }

// Write implements io.Writer. It never fails: work continues even if its output can no
// longer be written.
func (t *Terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.to.Write(b)
	return len(b), nil
}

// through makes all output pass through w until restore is called.
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

// IsTerminal reports whether f is a terminal on which bars can be drawn.
func IsTerminal(f *os.File) bool {
	width, _, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0
}
