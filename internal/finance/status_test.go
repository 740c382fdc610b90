package finance_test

import (
	"slices"
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

func TestStatus(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	reader := b.reader(pgtest.Login(t, b.url, "finance_reader"))
	empty, err := reader.Status(t.Context(), b.now, 5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(finance.Status{Runs: []finance.RunRecord{}, Machines: []finance.Machine{}, Running: []finance.RunningRun{}, Waiting: []finance.WaitingNight{}, Partners: []finance.PartnerStatus{}}, empty); diff != "" {
		t.Errorf("status of an empty database (-want +got):\n%s", diff)
	}
	vanished := nights.Statement(customerA, both(nights.Recurring(9, "1"), nights.OneTime(10, "1")))
	b.collect(vanished, billing.Statement{CustomerID: customerB, Failure: &billing.Failure{Class: billing.ServerFailure, Message: "down"}})
	b.collect(nights.Statement(customerA, both(nights.Recurring(9, "1"))))
	got, err := reader.Status(t.Context(), b.now, 1)
	if err != nil {
		t.Fatal(err)
	}
	finished, unseen, oldest := night(0), night(1), night(2)
	want := finance.Status{
		Machines: []finance.Machine{}, Running: []finance.RunningRun{}, Waiting: []finance.WaitingNight{},
		Runs: []finance.RunRecord{{
			ID: runID(2), Partner: "contoso", Kind: "once", Status: "succeeded", StartedAt: night(2), FinishedAt: &finished, Total: 1, OK: 0, Unchanged: 0, RowsChanged: 0,
		}},
		Partners: []finance.PartnerStatus{{
			Partner: "contoso", Customers: 2, Covered: 1, NeverCollected: 1, OldestPart: &oldest, OldestUnseen: string(customerB), OldestUnseenSince: &unseen,
			OpenFindings: map[string]int{"warning": 1},
		}},
	}
	want.Runs[0].Unchanged = 1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// A run under way is shown with its machine, and with the machine from which it was taken
// over.
func TestStatusOfWhatRuns(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	begin := func(run billing.Run) {
		t.Helper()
		run.Kind, run.StartedAt = billing.KindDaily, night(0)
		if err := b.store.BeginRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	begin(billing.Run{ID: runID(4), Partner: "contoso", Machine: "first"})
	begin(billing.Run{ID: runID(1), Partner: "contoso", Machine: "a", Resumes: []string{runID(4)}})
	begin(billing.Run{ID: runID(2), Partner: "contoso", Machine: "b", Resumes: []string{runID(4), runID(1)}}) // the other runs are dead
	begin(billing.Run{ID: runID(3), Partner: "fabrikam", Machine: "b"})
	for range 2 {
		if err := b.store.SeeMachine(t.Context(), persist.Machine{Process: runID(9), Name: "b", Version: "v1", PartnersAtOnce: 8}); err != nil {
			t.Fatal(err)
		}
	}
	execute(t, b.url, `INSERT INTO river.river_job (kind, state, finalized_at, args)
		SELECT 'night', state::river.river_job_state, CASE WHEN state IN ('completed', 'cancelled') THEN now() END, jsonb_build_object('partner', partner, 'tick', tick)
		FROM (VALUES ('available', 'waits', '2026-11-01T02:30:00Z'), ('retryable', 'failed', '2026-11-02T02:30:00Z'), ('running', 'contoso', '2026-11-01T02:30:00Z'),
			('completed', 'done', '2026-11-01T02:30:00Z'), ('cancelled', 'given up', '2026-11-01T02:30:00Z')) j (state, partner, tick)`)
	status, err := b.reader(pgtest.Login(t, b.url, "finance_reader")).Status(t.Context(), b.now, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []finance.RunningRun{
		{ID: runID(2), Partner: "contoso", Kind: "daily", Machine: "b", StartedAt: night(0), TakenOverFrom: "a"},
		{ID: runID(3), Partner: "fabrikam", Kind: "daily", Machine: "b", StartedAt: night(0)},
	}
	if diff := cmp.Diff(want, status.Running); diff != "" {
		t.Errorf("what runs (-want +got):\n%s", diff)
	}
	machine := status.Machines[0]
	if diff := cmp.Diff(finance.Machine{Name: "b", Version: "v1", PartnersNow: 2, PartnersAtOnce: 8}, machine, cmpopts.IgnoreTypes(time.Time{})); diff != "" || machine.SeenAt.Before(machine.StartedAt) {
		t.Errorf("the machine %+v (-want +got):\n%s", machine, diff)
	}
	if diff := cmp.Diff([]finance.WaitingNight{{Partner: "waits", DueSince: night(0), WaitsFor: "a free machine"}, {Partner: "failed", DueSince: night(1), WaitsFor: "another attempt"}},
		status.Waiting, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "WaitsSince" }, cmp.Ignore())); diff != "" {
		t.Errorf("what waits (-want +got):\n%s", diff)
	}
	now, _ := status.Tables()
	var headings []string
	for _, table := range now {
		headings = append(headings, table.Header[0])
	}
	if diff := cmp.Diff([]string{"PARTNER", "MACHINE", "RUNNING", "WAITING"}, headings); diff != "" {
		t.Errorf("the tables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"contoso", "daily", "b", "2026-11-01 02:30Z", "a", runID(2)}, now[2].Rows[0]); diff != "" {
		t.Errorf("the line of the first (-want +got):\n%s", diff)
	}
}

// All counts of covered customers agree at every instant.
func TestCoveredWithin(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	b.collect(nights.Statement(customerA, both(nights.Recurring(9, "1"))))
	reader := b.reader(b.url)
	for age, want := range map[time.Duration]int{billing.CoveredWithin: 1, billing.CoveredWithin + time.Microsecond: 0} {
		b.now = night(1).Add(age)
		status, err := reader.Status(t.Context(), b.now, 1)
		if err != nil {
			t.Fatal(err)
		}
		coverage, err := b.store.Coverage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := []int{status.Partners[0].Covered, coverage["contoso"].Covered}; !slices.Equal(got, []int{want, want}) {
			t.Errorf("%s after the success, status and metrics count %v, want %d", age, got, want)
		}
	}
}
