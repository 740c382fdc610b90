package progress

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
)

// lockedBuffer is a buffer that several goroutines may write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// slowly takes a second to fetch a customer.
type slowly struct{}

func (slowly) Visit(ctx context.Context, visit billing.Visit) (billing.Statement, error) {
	select {
	case <-time.After(time.Second):
		return billing.Statement{CustomerID: visit.CustomerID}, nil
	case <-ctx.Done():
		return billing.Statement{}, ctx.Err()
	}
}

func slowRun(customers int) *collect.Run {
	return collect.New(collect.Options{
		Customers: func(yield func(billing.Visit, error) bool) {
			for n := range customers {
				if !yield(billing.Visit{CustomerID: billing.CustomerID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", n))}, nil) {
					return
				}
			}
		},
		Source: slowly{},
		Sink: func(_ context.Context, batch []billing.Statement) ([]billing.CustomerResult, error) {
			return make([]billing.CustomerResult, len(batch)), nil
		},
		Concurrency: 1, Batch: 1, Now: time.Now,
	})
}

func TestProgressIsLoggedAtIntervals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		shown := Logged(5 * time.Second)
		run := slowRun(12)
		finish := shown.Follow(run.Progress, "contoso", slog.New(slog.NewTextHandler(&out, nil)).With("partner", "contoso"))
		if _, err := run.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		finish()
		shown.Close()
		if got := strings.Count(out.String(), "msg=progress partner=contoso"); got != 2 {
			t.Errorf("%d lines in 12 s at one every 5 s, want 2:\n%s", got, out.String())
		}
	})
}

func TestProgressIsDrawnOnATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, interrupted := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var out lockedBuffer
			stderr := NewTerminal(&out)
			shown := Drawn(stderr)
			run := slowRun(8)
			finish := shown.Follow(run.Progress, "contoso", slog.New(slog.DiscardHandler))
			if interrupted {
				time.AfterFunc(4500*time.Millisecond, cancel)
			}
			time.AfterFunc(3*time.Second, func() { fmt.Fprintln(stderr, "a line of the log") })
			if _, err := run.Collect(ctx); (err != nil) != interrupted {
				t.Errorf("error %v", err)
			}
			finish()
			shown.Close()
			for _, want := range []string{"contoso", "3/", "a line of the log\n"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not drawn:\n%s", want, out.String())
				}
			}
			if complete := strings.Contains(out.String(), "8/8"); complete == interrupted {
				t.Errorf("drawn to the end: %v, interrupted: %v\n%s", complete, interrupted, out.String())
			}
			fmt.Fprintln(stderr, "afterwards")
			if !strings.HasSuffix(out.String(), "afterwards\n") {
				t.Error("what follows the bars is lost")
			}
		}
	})
}
