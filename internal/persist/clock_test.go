package persist_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
)

// An interrupted run from a time when the clock was ahead must not be resumed every
// night once the clock is right: the customers that it had collected would be left out
// until then.
func TestARunOfAClockGoneWrongIsNotResumed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		ahead      time.Duration // relative to night(0), which is now
		unfinished []string
	}{
		{"a year ahead", 366 * 24 * time.Hour, nil},
		{"an hour ahead", time.Hour, nil},
		{"a minute ahead", time.Minute, []string{"00000000-0000-4000-a000-000000000001"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.keep([]ledgerEntry{{id: "1", began: night(0).Add(test.ahead), kind: billing.KindDaily, scope: billing.ScopeAll, status: billing.StatusInterrupted}})
			unfinished, err := b.store.UnfinishedRuns(t.Context(), "contoso", night(0).Add(-time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.unfinished, unfinished); diff != "" {
				t.Errorf("runs to resume (-want +got):\n%s", diff)
			}
			// A run with the right clock counts beside it.
			b.keep([]ledgerEntry{{id: "2", began: night(0).Add(-time.Minute), kind: billing.KindDaily, scope: billing.ScopeAll, status: billing.StatusInterrupted}})
			unfinished, err = b.store.UnfinishedRuns(t.Context(), "contoso", night(0).Add(-time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if test.unfinished == nil {
				test.unfinished = []string{"00000000-0000-4000-a000-000000000002"}
			}
			if diff := cmp.Diff(test.unfinished, unfinished); diff != "" {
				t.Errorf("runs to resume after one of the right time (-want +got):\n%s", diff)
			}
		})
	}
}
