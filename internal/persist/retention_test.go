package persist_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

const aDay = 24 * time.Hour

func (b *fixture) prune(r persist.Retention) persist.Pruned {
	b.t.Helper()
	pruned, err := b.store.Prune(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return pruned
}

func TestPruneKeepsWhatCurrentRowsNeed(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "1"), oneTime(9, "5"))))  // the one-time detail stays current
	b.collect(statement(customerA, both(recurring(9, "2"), oneTime(10, "5")))) // restated by the next answer
	b.collect(statement(customerA, both(recurring(9, "3"), oneTime(10, "5"))))
	before := b.archived()
	tracker := pgtest.Track(t, b.url, factTables...)

	b.now = night(3).Add(800 * aDay)
	if got := b.prune(persist.Retention{Payloads: 900 * aDay, Runs: 900 * aDay}); got != (persist.Pruned{}) {
		t.Errorf("nothing is old enough, yet %+v were removed", got)
	}
	if got := b.prune(persist.Retention{}); got != (persist.Pruned{}) {
		t.Errorf("everything is to be kept, yet %+v were removed", got)
	}
	// No current row derives from the second answer's line items alone, but the one-time
	// detail of October derives from its summary. So its bodies stay, and a fourth answer
	// that restates everything releases some.
	b.collect(statement(customerA, both(recurring(9, "4"), oneTime(10, "6"))))
	got := b.prune(persist.Retention{Payloads: 700 * aDay})
	if got.Payloads == 0 {
		t.Error("no body was removed, though nothing that stands was derived from some")
	}
	if changes := tracker.Changes(t); changes == "" {
		t.Error("the tracker saw nothing of the fourth answer")
	}
	tracker = pgtest.Track(t, b.url, factTables...)
	b.prune(persist.Retention{Payloads: time.Nanosecond})
	if changes := tracker.Changes(t); changes != "" {
		t.Errorf("pruning changed facts:\n%s", changes)
	}
	wantLines(t, "costs without their body", b.query(`SELECT d.detail_id FROM collector.cost_details d JOIN collector.statements s USING (statement_id)
		LEFT JOIN collector.payloads p ON p.payload_hash = s.summary_hash WHERE p.body IS NULL`))
	left := b.archived()
	if len(left) >= len(before)+1 || len(left) == 0 {
		t.Errorf("%d bodies are left of %d", len(left), len(before)+1)
	}
}

func TestPruneLeavesWhatACollectionIsAboutToNeed(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "1"))))
	b.collect(statement(customerA, both(recurring(9, "2"))))
	b.now = night(2).Add(800 * aDay)
	before := b.archived()

	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT 1 FROM collector.payloads FOR KEY SHARE`); err != nil {
		t.Fatal(err)
	}
	b.prune(persist.Retention{Payloads: aDay})
	if diff := cmp.Diff(before, b.archived()); diff != "" {
		t.Errorf("bodies that a collection holds were removed (-before +after):\n%s", diff)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.prune(persist.Retention{Payloads: aDay}); got.Payloads == 0 {
		t.Error("the bodies were not removed afterwards either")
	}
}

// A body stays if an import has come to need it between the search for old bodies and
// their deletion.
func TestPruneLeavesWhatAnImportHasComeToNeed(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	first, second := saved("Company", both(recurring(9, "1"))), saved("Company", both(recurring(9, "2")))
	b.importSaved(first)
	b.importSaved(second) // no row derives from the first one's summary any longer
	b.now = night(2).Add(800 * aDay)

	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Pruning finds the old bodies and then waits here before it locks them.
	if _, err := tx.Exec(t.Context(), `LOCK TABLE collector.payloads IN EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	done := make(chan persist.Pruned)
	go func() {
		pruned, err := b.store.Prune(t.Context(), persist.Retention{Payloads: aDay})
		if err != nil {
			t.Error(err)
		}
		done <- pruned
	}()
	for waiting := false; !waiting; {
		err := tx.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'collector.payloads'::regclass)`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	// This is the effect of importing the first one again.
	_, err = tx.Exec(t.Context(), `UPDATE collector.cost_details SET statement_id = (SELECT min(statement_id) FROM collector.statements)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-done
	wantLines(t, "costs without their body", b.query(`SELECT d.detail_id FROM collector.cost_details d JOIN collector.statements s USING (statement_id)
		LEFT JOIN collector.payloads p ON p.payload_hash = s.summary_hash WHERE p.body IS NULL`))
}

// Removed bodies come back with an import that names them again.
func TestImportingAgainBringsTheBodyBack(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	first, second := saved("Company", both(recurring(9, "1"))), saved("Company", both(recurring(9, "2")))
	b.importSaved(first)
	b.importSaved(second)
	b.now = night(2).Add(800 * aDay)
	b.prune(persist.Retention{Payloads: aDay})
	b.unpack()
	wantLines(t, "summaries", b.query(`SELECT count(*) FROM collector.payloads WHERE convert_from(body, 'UTF8') LIKE 'summary %'`), "1")
	b.importSaved(first)
	wantLines(t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 1 0 1 2 1")
	wantLines(t, "bodies of the cost", b.query(`SELECT count(*) FROM collector.cost_details d JOIN collector.statements s USING (statement_id)
		JOIN collector.payloads p ON p.payload_hash = s.summary_hash`), "1")
}

func TestPruneRuns(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.keep([]ledgerEntry{
		{"1", night(1), billing.KindDaily, billing.ScopeAll, billing.StatusSucceeded},
		{"2", night(2), billing.KindDaily, billing.ScopeAll, billing.StatusSucceeded},
		{"3", night(3), billing.KindDaily, billing.ScopeAll, billing.StatusSucceeded},
	})
	failed := billing.Statement{CustomerID: customerB, FetchedAt: night(1), Failure: &billing.Failure{Class: billing.ServerFailure, Message: "down"}}
	run := billing.Run{ID: "00000000-0000-4000-a000-000000000001", Partner: "contoso", Kind: billing.KindDaily}
	if _, err := b.store.Write(t.Context(), run, []billing.Statement{failed}); err != nil {
		t.Fatal(err)
	}
	b.now = night(2).Add(400*aDay + time.Hour)
	if diff := cmp.Diff(persist.Pruned{Runs: 2, Failures: 1}, b.prune(persist.Retention{Runs: 400 * aDay})); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	b.now = night(900)
	if got := b.prune(persist.Retention{Runs: 400 * aDay}); got.Runs != 0 {
		t.Errorf("the newest run of the partner was removed too")
	}
}
