package console

import (
	"context"
	"errors"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// unread is a response that nobody reads: a write ends when its deadline is over.
type unread struct {
	http.ResponseWriter

	over chan struct{}
}

func (unread) Header() http.Header { return http.Header{} }

func (u unread) Write([]byte) (int, error) {
	<-u.over
	return 0, os.ErrDeadlineExceeded
}

// SetWriteDeadline implements what http.ResponseController looks for.
func (u unread) SetWriteDeadline(deadline time.Time) error {
	if time.Until(deadline) <= 0 {
		close(u.over)
	}
	return nil
}

func TestAReaderMustReadOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		begun := time.Now()
		d := newDownload(ctx, unread{over: make(chan struct{})}, stop)
		if _, err := d.Write([]byte("a,b\r\n")); !errors.Is(err, errUnread) {
			t.Errorf("the write ended with %v", err)
		}
		if took := time.Since(begun); took != readOnWithin {
			t.Errorf("it waited %v, want %v", took, readOnWithin)
		}
		if ctx.Err() == nil {
			t.Error("the query goes on")
		}
	})
}

func TestFilesHaveTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &console{files: make(chan struct{}, filesAtOnce)}
		var last func()
		for range filesAtOnce {
			done, err := c.turn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			last = done
		}
		begun := time.Now()
		if _, err := c.turn(t.Context()); !errors.Is(err, errBusy) || time.Since(begun) != turnWithin {
			t.Errorf("one too many had %v after %v", err, time.Since(begun))
		}
		time.AfterFunc(time.Second, last)
		if _, err := c.turn(t.Context()); err != nil {
			t.Errorf("after another's end it had %v", err)
		}
	})
}
