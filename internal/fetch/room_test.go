package fetch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

// Large answers are read one after the other: decoded, each takes several times its
// size.
func TestLargeAnswersTakeTurns(t *testing.T) {
	t.Parallel()

	const half = 24 << 20 // more than the connection buffers: once it is written, the client holds a large answer
	begun, refused := make(chan struct{}), make(chan struct{})
	sent := 0
	p, url := newPartner(t, nil)
	p.answers[profilePath] = func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(" ", half))
		_ = http.NewResponseController(w).Flush()
		if strings.Contains(r.URL.Path, string(idOf(1))) {
			close(begun)
			<-refused
		} else if sent++; sent == 1 {
			// More than a connection takes in by itself: it ends when the client hangs up.
			if _, err := io.WriteString(w, strings.Repeat(" ", 50<<20)); err == nil {
				t.Error("a second large answer was read beside the first")
			}
			close(refused)
			return
		}
		_, _ = io.WriteString(w, goodProfile)
	}
	c := client(t, fetch.Options{BaseURL: url})
	var group errgroup.Group
	read := func(id billing.CustomerID) func() error {
		return func() error {
			s, err := c.Statement(t.Context(), id)
			defer s.Release()
			if err == nil && s.Failure != nil {
				return s.Failure
			}
			return err
		}
	}
	group.Go(read(idOf(1)))
	<-begun
	group.Go(read(idOf(2)))
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := len(p.all()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

// A customer with two large answers does not wait for itself.
func TestCustomersWithLargeAnswersAreAllRead(t *testing.T) {
	t.Parallel()

	space := strings.Repeat(" ", 5<<20)
	_, url := newPartner(t, map[string]http.HandlerFunc{profilePath: says(200, space+goodProfile), summaryPath: says(200, space+goodSummary), itemsPath: says(200, goodItems)})
	for _, concurrency := range []int{1, 8} {
		o := full(url)
		o.Concurrency = concurrency
		c := client(t, o)
		var group errgroup.Group
		for range 2 {
			group.Go(func() error {
				s, err := c.Statement(t.Context(), asked)
				defer s.Release()
				if err == nil && s.Failure != nil {
					return s.Failure
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestPagesOfLineItemsAreBoundedTogether(t *testing.T) {
	t.Parallel()

	page := 0
	p, url := newPartner(t, nil)
	p.answers[itemsPath] = func(w http.ResponseWriter, r *http.Request) {
		page++
		says(200, strings.Repeat(" ", 3000)+strings.TrimSuffix(goodItems, "}")+`,"continuationToken":"`+strings.Repeat("x", page)+`"}`)(w, r)
	}
	o := full(url)
	o.MaxBody = 10_000
	s, err := client(t, o).Statement(t.Context(), asked)
	if err != nil || s.LineItems != nil || s.Costs == nil {
		t.Errorf("%+v, %v", s, err)
	}
	checkFailure(t, s.Failure, billing.BadAnswer, "", "the line items are too large")
	if page != 4 {
		t.Errorf("%d pages were read", page)
	}
}

// A large statement keeps the next one waiting until it is released, and small ones
// never wait.
func TestLargeStatementKeepsItsRoomUntilReleased(t *testing.T) {
	t.Parallel()

	large := strings.Repeat(" ", 5<<20) + goodProfile
	asked := make(chan struct{}, 16)
	p, url := newPartner(t, nil)
	p.answers[profilePath] = func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, string(idOf(3))) {
			_, _ = io.WriteString(w, goodProfile)
			return
		}
		_, _ = io.WriteString(w, large)
		asked <- struct{}{}
	}
	c := client(t, fetch.Options{BaseURL: url})
	first, err := c.Statement(t.Context(), idOf(1))
	if err != nil || first.Failure != nil || first.Done == nil {
		t.Fatal(first.Failure, err)
	}
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() {
		_, err := c.Statement(ctx, idOf(2))
		waiting <- err
	}()
	<-asked // the client breaks it off
	small, err := c.Statement(t.Context(), idOf(3))
	if err != nil || small.Failure != nil || small.Done != nil {
		t.Error("a small statement", small.Failure, err)
	}
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("the second large statement did not wait: %v", err)
	}
	first.Release()
	second, err := c.Statement(t.Context(), idOf(2))
	if err != nil || second.Failure != nil || second.Done == nil {
		t.Error("after the release", second.Failure, err)
	}
	second.Release()
}
