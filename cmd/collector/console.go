package main

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// console is stderr. While progress bars are drawn there, what is logged passes
// through them, so that the lines stand above the bars and not in them.
type console struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer. It never fails: work does not end because nobody reads
// about it any more.
func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.to.Write(b)
	return len(b), nil
}

// through makes everything pass through w until restore is called.
func (c *console) through(w io.Writer) (restore func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.to
	c.to = w
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.to = before
	}
}

// isTerminal reports whether f is a terminal on which something can be drawn.
func isTerminal(f *os.File) bool {
	width, _, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0
}
