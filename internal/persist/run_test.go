package persist_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

func TestOneRunOfAPartnerAtATime(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	locked, release, err := b.store.LockPartner(t.Context(), "contoso")
	if err != nil {
		t.Fatal(err)
	}
	for partner, want := range map[string]bool{"contoso": true, "fabrikam": false} {
		if got, err := b.store.PartnerLocked(t.Context(), partner); err != nil || got != want {
			t.Errorf("%s is locked: %t, %v, want %t", partner, got, err, want)
		}
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
	// A released lock is free at once, every time.
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
	b := newFixture(t)
	locked, release, err := b.store.LockPartner(t.Context(), "contoso")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	const holders = `SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
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
	b := newFixture(t)
	dead := billing.Run{ID: "00000000-0000-4000-a000-000000000001", Partner: "contoso", Kind: billing.KindDaily, StartedAt: night(0), Version: "v1"}
	other := billing.Run{ID: "00000000-0000-4000-a000-000000000002", Partner: "fabrikam", Kind: billing.KindDaily, StartedAt: night(0), Version: "v1"}
	next := billing.Run{ID: "00000000-0000-4000-a000-000000000003", Partner: "contoso", Kind: billing.KindOnce, StartedAt: night(1), Version: "v2"}
	for _, run := range []billing.Run{dead, other, next} {
		if err := b.store.BeginRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	tally := billing.Tally{Total: 10, OK: 1, Unchanged: 2, NoCosts: 3, Failed: 4, RowsChanged: 5}
	if err := b.store.FinishRun(t.Context(), next, billing.StatusPartial, tally, errors.New("4 customers failed")); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "runs", b.query(`SELECT right(run_id::text, 1) AS id, partner, kind, status, customers_total, customers_ok, customers_unchanged, customers_no_costs,
		customers_failed, rows_changed, version, error FROM finance.runs ORDER BY run_id`),
		"1 contoso daily interrupted 0 0 0 0 0 0 v1 the process ended without closing the run",
		"2 fabrikam daily running 0 0 0 0 0 0 v1 null",
		"3 contoso once partial 10 1 2 3 4 5 v2 4 customers failed")
}

// fixed run ids, of which the tests name the last digit.
func runID(n int) string { return fmt.Sprintf("00000000-0000-4000-a000-%012d", n) }

const activeCustomers = `SELECT right(customer_id::text, 1) AS c, active FROM finance.customers ORDER BY 1`

func believeAll(int, int) bool { return true }

// retire retires the customers that the run did not find on the list.
func (b *fixture) retire(run billing.Run, believe func(unlisted, active int) bool) int {
	b.t.Helper()
	n, err := b.store.RetireUnlisted(b.t.Context(), run, nil, believe)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func TestCompleteRunRetiresCustomersItDidNotAskFor(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "1"))), statement(customerB, both(recurring(9, "2"))))
	run := billing.Run{ID: runID(1), Partner: "contoso", Kind: billing.KindDaily, StartedAt: night(2), Version: "v1"}
	if err := b.store.BeginRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Write(t.Context(), run, []billing.Statement{statement(customerA, both(recurring(9, "1")))}); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "after an incomplete run", b.query(activeCustomers), "a true", "b true")

	var told [2]int
	n := b.retire(run, func(unlisted, active int) bool { told = [2]int{unlisted, active}; return false })
	if n != 0 || told != [2]int{1, 2} {
		t.Errorf("retired %d, told of %v; want none, and 1 of 2", n, told)
	}
	wantLines(t, "probably incomplete", b.query(activeCustomers), "a true", "b true")

	if n := b.retire(run, believeAll); n != 1 {
		t.Errorf("retired %d customers, want 1", n)
	}
	wantLines(t, "after a complete run", b.query(activeCustomers), "a true", "b false")
	wantLines(t, "costs stay", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 1 0 1 0 1", "b Recurring 2026-09-12 2026-10-11 USD 2 0 2 0 1")
	b.collect(statement(customerB, both(recurring(9, "2"))))
	wantLines(t, "a customer that comes back", b.query(activeCustomers), "a true", "b true")
}

// A was collected by an interrupted run, and failed in a run of its own before the rest
// was collected. It was left out, and is still a customer.
func TestWhoWasLeftOutAsDoneIsNotRetired(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	run := func(n int, s ...billing.Statement) billing.Run {
		r := billing.Run{ID: runID(n), Partner: "contoso", Kind: billing.KindOnce, StartedAt: night(n), Version: "v1"}
		if _, err := b.store.Write(t.Context(), r, s); err != nil {
			t.Fatal(err)
		}
		return r
	}
	interrupted := run(1, statement(customerA, both(recurring(9, "1"))))
	run(2, billing.Statement{CustomerID: customerA, Failure: &billing.Failure{Class: billing.ServerFailure, Message: "down"}})
	rest := run(3, statement(customerB, both(recurring(9, "2"))))
	rest.Resumes = []string{interrupted.ID}
	if n := b.retire(rest, believeAll); n != 0 {
		t.Errorf("retired %d customers, want none", n)
	}
	wantLines(t, "coverage", b.query(`SELECT right(customer_id::text, 1) AS c, last_outcome FROM finance.coverage ORDER BY 1`), "a failed", "b ok")
}

// A customer on the list is recorded before any customer is collected, so a customer
// that a run does not reach is known to be missing. When it is no longer listed, it is
// retired.
func TestEnrolledCustomersAreMissingUntilTheyAreCollected(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "1"))))
	b.exec(b.session(), `UPDATE collector.customers SET active = false`)
	enrol := func() {
		if _, err := b.store.Enrol(t.Context(), "contoso", night(3), []billing.CustomerID{customerA, customerB}); err != nil {
			t.Fatal(err)
		}
	}
	enrol()
	state := `SELECT right(customer_id::text, 1) AS c, last_outcome, last_success_at IS NULL FROM finance.coverage ORDER BY 1`
	wantLines(t, "coverage", b.query(state), "a ok false", "b null true")
	before := b.query(`SELECT xmin, customer_key, first_seen_at FROM collector.customers ORDER BY customer_key`)
	enrol()
	wantLines(t, "nothing is written again", b.query(`SELECT xmin, customer_key, first_seen_at FROM collector.customers ORDER BY customer_key`), before...)

	run := billing.Run{ID: runID(4), Partner: "contoso", Kind: billing.KindDaily, StartedAt: night(4), Version: "v1"}
	if _, err := b.store.Write(t.Context(), run, []billing.Statement{statement(customerA, both(recurring(9, "1")))}); err != nil {
		t.Fatal(err)
	}
	b.retire(run, believeAll)
	wantLines(t, "after a run that was complete without it", b.query(activeCustomers), "a true", "b false")
}

// A run that was recorded while the clock was ahead must not be mistaken for the run of
// a coming night.
func TestRunsOfTheFutureAreCorrected(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	began := func(want time.Time) {
		t.Helper()
		got, _, err := b.store.LastCollection(t.Context(), "contoso")
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(want) {
			t.Errorf("the last collection began at %s, want %s", got.UTC(), want)
		}
	}
	b.now = night(1)
	b.keep([]ledgerEntry{{"1", night(1), billing.KindDaily, billing.ScopeAll, billing.StatusSucceeded}, {"2", night(2), billing.KindDaily, billing.ScopeAll, billing.StatusSucceeded}})
	began(night(1))
	b.now = night(2)
	began(night(1))
	wantLines(t, "the ledger", b.query(`SELECT right(run_id::text, 1) AS id, (started_at AT TIME ZONE 'UTC')::date AS began, finished_at >= started_at AS in_order FROM finance.runs ORDER BY 1`),
		"1 2026-11-02 true", "2 2026-11-02 true")
}
