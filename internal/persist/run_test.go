package persist_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

func TestOneRunOfAPartnerAtATime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	locked, release, err := b.store.LockPartner(t.Context(), "contoso")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = b.store.LockPartner(t.Context(), "contoso")
	if !errors.Is(err, persist.ErrLocked) {
		t.Errorf("a second lock: error %v, want ErrLocked", err)
	}
	_, releaseOther, err := b.store.LockPartner(t.Context(), "fabrikam")
	if err != nil {
		t.Errorf("another partner's lock: %v", err)
	} else {
		releaseOther()
	}
	if locked.Err() != nil {
		t.Errorf("the lock's context ended while it was held: %v", context.Cause(locked))
	}
	release()
	// What was released is free at once, every time.
	for range 50 {
		_, release, err = b.store.LockPartner(t.Context(), "contoso")
		if err != nil {
			t.Fatalf("after release: %v", err)
		}
		release()
	}
}

func TestALockWhoseSessionBreaksIsTakenAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	locked, release, err := b.store.LockPartner(t.Context(), "contoso")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	const holders = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	first := b.query(holders)
	b.query(`SELECT pg_terminate_backend(pid) FROM (` + holders + `) h`)
	for {
		again := b.query(holders)
		if len(again) == 1 && !cmp.Equal(first, again) {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal("the lock was not taken again")
		}
	}
	if locked.Err() != nil {
		t.Errorf("the lock's context ended: %v", context.Cause(locked))
	}
}

func TestRunLedger(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dead := billing.Run{ID: "00000000-0000-4000-a000-000000000001", Partner: "contoso", Kind: billing.DailyRun, StartedAt: night(0), Version: "v1"}
	other := billing.Run{ID: "00000000-0000-4000-a000-000000000002", Partner: "fabrikam", Kind: billing.DailyRun, StartedAt: night(0), Version: "v1"}
	next := billing.Run{ID: "00000000-0000-4000-a000-000000000003", Partner: "contoso", Kind: billing.OnceRun, StartedAt: night(1), Version: "v2"}
	for _, run := range []billing.Run{dead, other, next} {
		if err := b.store.BeginRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	tally := billing.Tally{Total: 10, OK: 1, Unchanged: 2, NoCosts: 3, Failed: 4, RowsChanged: 5}
	if err := b.store.FinishRun(t.Context(), next, billing.Partial, tally, false, errors.New("4 customers failed")); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "runs", b.query(`SELECT right(run_id::text, 1) AS id, partner, kind, status, customers_total, customers_ok, customers_unchanged, customers_no_costs,
		customers_failed, rows_changed, version, error FROM finance.runs ORDER BY run_id`),
		"1 contoso daily interrupted 0 0 0 0 0 0 v1 the process ended without closing the run",
		"2 fabrikam daily running 0 0 0 0 0 0 v1 null",
		"3 contoso once partial 10 1 2 3 4 5 v2 4 customers failed")
}

func TestCompleteRunRetiresCustomersItDidNotAskFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.collect(statement(customerA, both(recurring(9, "1"))), statement(customerB, both(recurring(9, "2"))))
	run := billing.Run{ID: "00000000-0000-4000-a000-000000000001", Partner: "contoso", Kind: billing.DailyRun, StartedAt: night(2), Version: "v1"}
	collectA := func(complete bool) {
		if _, err := b.store.Write(t.Context(), run, []billing.Statement{statement(customerA, both(recurring(9, "1")))}); err != nil {
			t.Fatal(err)
		}
		if err := b.store.FinishRun(t.Context(), run, billing.Succeeded, billing.Tally{}, complete, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.store.BeginRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	active := `SELECT right(customer_id::text, 1) AS c, active FROM finance.customers ORDER BY 1`
	collectA(false)
	wantLines(t, "after an incomplete run", b.query(active), "a true", "b true")
	collectA(true)
	wantLines(t, "after a complete run", b.query(active), "a true", "b false")
	wantLines(t, "costs stay", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 1 0 1 0 1", "b Recurring 2026-09-12 2026-10-11 USD 2 0 2 0 1")
	b.collect(statement(customerB, both(recurring(9, "2"))))
	wantLines(t, "a customer that comes back", b.query(active), "a true", "b true")
}

func TestStatus(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	empty, err := b.store.Status(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(persist.Status{Runs: []persist.RunRecord{}, Partners: []persist.PartnerStatus{}}, empty); diff != "" {
		t.Errorf("status of an empty database (-want +got):\n%s", diff)
	}
	vanished := statement(customerA, both(recurring(9, "1"), oneTime(10, "1")))
	b.collect(vanished, billing.Statement{CustomerID: customerB, Failure: &billing.Failure{Class: billing.ServerFailure, Message: "down"}})
	b.collect(statement(customerA, both(recurring(9, "1"))))
	got, err := b.store.Status(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	finished, unseen := night(0), night(1)
	want := persist.Status{
		Runs: []persist.RunRecord{{
			ID: run2, Partner: "contoso", Kind: "once", Status: "succeeded", StartedAt: night(2), FinishedAt: &finished, Total: 1, OK: 0, Unchanged: 0, RowsChanged: 0,
		}},
		Partners: []persist.PartnerStatus{{
			Partner: "contoso", Customers: 2, Covered: 1, NeverCollected: 1, OldestUnseen: string(customerB), OldestUnseenSince: &unseen,
			OpenFindings: map[string]int{"warning": 1},
		}},
	}
	want.Runs[0].Unchanged = 1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}
