package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// A file is read from one state of the database for as long as its reader takes. So
// that pages never wait for readers of files, fewer files are sent at a time than the
// database lends connections, and each reader must go on reading.
const (
	filesAtOnce = 2
	// turnWithin is how long a request waits for its turn.
	turnWithin = 10 * time.Second
	// readOnWithin is how long a reader may leave unread what it was sent.
	readOnWithin = 20 * time.Second
)

var (
	errBusy   = errors.New("other files are being downloaded")
	errUnread = errors.New("what was sent was not read")
)

// turn waits until a file may be sent; done ends that.
func (c *console) turn(ctx context.Context) (done func(), err error) {
	late := time.NewTimer(turnWithin)
	defer late.Stop()
	select {
	case c.files <- struct{}{}:
		return func() { <-c.files }, nil
	case <-late.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// download is a file on its way to a reader.
type download struct {
	to         http.ResponseWriter
	connection *http.ResponseController
	// stop ends the query whose rows nobody reads.
	stop context.CancelFunc
}

// newDownload begins a file that must be sent before ctx has its deadline.
func newDownload(ctx context.Context, to http.ResponseWriter, stop context.CancelFunc) *download {
	d := &download{to: to, connection: http.NewResponseController(to), stop: stop}
	if deadline, ok := ctx.Deadline(); ok {
		_ = d.connection.SetWriteDeadline(deadline) // in place of the server's; a test's recorder has none
	}
	return d
}

// Write implements io.Writer.
func (d *download) Write(b []byte) (int, error) {
	late := time.AfterFunc(readOnWithin, func() {
		_ = d.connection.SetWriteDeadline(time.Unix(1, 0)) // which is over, so the write below ends
	})
	defer late.Stop()
	n, err := d.to.Write(b)
	if err != nil {
		d.stop()
		return n, fmt.Errorf("%w: %w", errUnread, err)
	}
	return n, nil
}
