package persist_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
)

// ledgerEntry is a run of the tests below: when it began, and its properties.
type ledgerEntry struct {
	id     string
	began  time.Time
	kind   billing.RunKind
	scope  billing.RunScope
	status billing.RunStatus // Running: the process is dead, or still collecting
}

// keep writes entries to the ledger.
func (b *fixture) keep(entries []ledgerEntry) {
	b.t.Helper()
	for _, e := range entries {
		run := billing.Run{ID: "00000000-0000-4000-a000-00000000000" + e.id, Partner: "contoso", Kind: e.kind, Scope: e.scope, StartedAt: e.began, Version: "v1"}
		if err := b.store.BeginRun(b.t.Context(), run); err != nil {
			b.t.Fatal(err)
		}
		if e.status == billing.StatusRunning {
			continue
		}
		if err := b.store.FinishRun(b.t.Context(), run, e.status, billing.Tally{}, nil); err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestWhatIsLeftOver(t *testing.T) {
	t.Parallel()
	const (
		daily, once, missing               = billing.KindDaily, billing.KindOnce, billing.KindMissing
		all, some, rest                    = billing.ScopeAll, billing.ScopeSome, billing.ScopeRest
		running, interrupted, failed, done = billing.StatusRunning, billing.StatusInterrupted, billing.StatusFailed, billing.StatusSucceeded
		partial                            = billing.StatusPartial
	)
	tests := []struct {
		name       string
		ledger     []ledgerEntry
		notBefore  time.Time
		unfinished []string
		// collected is when the newest complete collection began.
		collected time.Time
	}{
		{name: "nothing yet"},
		{name: "a complete night", ledger: []ledgerEntry{{"1", night(1), daily, all, done}}, collected: night(1)},
		{name: "with failed customers", ledger: []ledgerEntry{{"1", night(1), daily, all, partial}}, collected: night(1)},
		{name: "an interrupted night", ledger: []ledgerEntry{{"1", night(1), daily, all, interrupted}}, unfinished: []string{"1"}},
		{name: "a dead process", ledger: []ledgerEntry{{"1", night(1), once, all, running}}, unfinished: []string{"1"}},
		{
			name: "a failed night after a good one", ledger: []ledgerEntry{{"1", night(1), daily, all, done}, {"2", night(2), daily, all, failed}},
			unfinished: []string{"2"}, collected: night(1),
		},
		{name: "interrupted and completed", ledger: []ledgerEntry{{"1", night(1), daily, all, interrupted}, {"2", night(2), once, rest, done}}, collected: night(1)},
		{
			name: "interrupted twice", ledger: []ledgerEntry{{"1", night(1), daily, all, interrupted}, {"2", night(2), daily, rest, interrupted}},
			unfinished: []string{"1", "2"},
		},
		{
			name: "the newest night counts", ledger: []ledgerEntry{{"1", night(1), daily, all, interrupted}, {"2", night(2), daily, all, interrupted}},
			unfinished: []string{"2"},
		},
		{
			name: "others do not count", ledger: []ledgerEntry{{"1", night(1), daily, all, interrupted}, {"2", night(2), once, some, done}, {"3", night(3), missing, rest, done}},
			unfinished: []string{"1"},
		},
		{name: "too long ago", ledger: []ledgerEntry{{"1", night(1), daily, all, interrupted}}, notBefore: night(2)},
		{name: "by a clock in the future", ledger: []ledgerEntry{{"1", night(1), daily, all, done}, {"2", night(9), daily, all, done}}, collected: night(1)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.now = night(5)
			b.keep(test.ledger)
			unfinished, err := b.store.UnfinishedRuns(t.Context(), "contoso", test.notBefore)
			if err != nil {
				t.Fatal(err)
			}
			for i, id := range unfinished {
				unfinished[i] = id[len(id)-1:]
			}
			if diff := cmp.Diff(test.unfinished, unfinished); diff != "" {
				t.Errorf("unfinished (-want +got):\n%s", diff)
			}
			collected, _, err := b.store.LastCollection(t.Context(), "contoso")
			if err != nil {
				t.Fatal(err)
			}
			if !collected.Equal(test.collected) {
				t.Errorf("last collection began %s, want %s", collected, test.collected)
			}
		})
	}
}
