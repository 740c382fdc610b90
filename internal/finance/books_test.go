package finance_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"partnercost/internal/billing"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
	"partnercost/internal/persist/nights"
	"partnercost/internal/persist/pgtest"
)

const (
	customerA billing.CustomerID = "00000000-0000-4000-8000-00000000000a"
	customerB billing.CustomerID = "00000000-0000-4000-8000-00000000000b"
)

// books is a private database with the nights that were collected into it.
type books struct {
	t     *testing.T
	url   string
	store *persist.Store
	runs  int
	now   time.Time
}

func newBooks(t *testing.T) *books {
	t.Helper()
	b := &books{t: t, url: pgtest.New(t), now: night(0)}
	store, err := persist.Open(t.Context(), persist.Options{URL: b.url, MaxConnections: 2, Now: func() time.Time { return b.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	b.store = store
	return b
}

// night returns the time of the nth nightly run.
func night(n int) time.Time { return time.Date(2026, 11, 1+n, 2, 30, 0, 0, time.UTC) }

func runID(n int) string { return fmt.Sprintf("00000000-0000-4000-9000-%012d", n) }

// collect stores the statements as the run of the next night.
func (b *books) collect(statements ...billing.Statement) {
	b.t.Helper()
	b.runs++
	run := billing.Run{ID: runID(b.runs), Partner: "contoso", Kind: billing.KindOnce, StartedAt: night(b.runs), Version: "test"}
	nights.Collect(b.t, b.store, run, statements...)
}

// reader returns a reader for a login.
func (b *books) reader(login string) *finance.Reader { return open(b.t, login) }

func both(details ...billing.CostDetail) []billing.CostDetail { return details }

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
