package persist_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
	"partnercost/internal/persist/nights"
	"partnercost/internal/persist/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

const (
	customerA billing.CustomerID = "00000000-0000-4000-8000-00000000000a"
	customerB billing.CustomerID = "00000000-0000-4000-8000-00000000000b"
)

// factTables are the tables that an unchanged rerun must not touch.
var factTables = []string{
	"collector.customers", "collector.payloads", "collector.statements", "collector.billing_profiles", "collector.billing_profile_history", "collector.customer_names",
	"collector.cost_details", "collector.cost_detail_history", "collector.line_item_sets", "collector.line_items", "collector.findings",
}

// fixture is a store on a database of its own, with the nights that it collects.
type fixture struct {
	t     *testing.T
	url   string
	store *persist.Store
	runs  int
	now   time.Time
	// answers are the collected and imported statements, by the bodies of their documents.
	answers map[string]billing.Statement
	// profiles is how much of them may be stored.
	profiles billing.ProfileScope
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	b := &fixture{t: t, url: pgtest.New(t), now: night(0)}
	b.open()
	t.Cleanup(func() { b.store.Close() })
	return b
}

func (b *fixture) open() {
	b.t.Helper()
	store, err := persist.Open(b.t.Context(), persist.Options{URL: b.url, MaxConnections: 2, Profiles: b.profiles, Now: func() time.Time { return b.now }})
	if err != nil {
		b.t.Fatal(err)
	}
	b.store = store
}

// writes counts the rows written to the fact tables so far. The server's counters
// are exact only when every session has ended.
func (b *fixture) writes() map[string][3]int64 {
	b.t.Helper()
	b.store.Close()
	counts := pgtest.Writes(b.t, b.url, factTables...)
	b.open()
	return counts
}

// reader returns a reader of the stored data with a login.
func (b *fixture) reader(login string) *finance.Reader {
	b.t.Helper()
	reader, err := finance.Open(login)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = reader.Close() })
	return reader
}

// night is the time of the nth nightly run.
func night(n int) time.Time { return time.Date(2026, 11, 1+n, 2, 30, 0, 0, time.UTC) }

// collect stores the statements as the next night's run.
func (b *fixture) collect(statements ...billing.Statement) []billing.CustomerResult {
	b.t.Helper()
	b.runs++
	run := billing.Run{ID: fmt.Sprintf("00000000-0000-4000-9000-%012d", b.runs), Partner: "contoso", Kind: billing.KindOnce, StartedAt: night(b.runs), Version: "test"}
	b.remember(statements)
	return nights.Collect(b.t, b.store, run, statements...)
}

// remember dates the statements, and records which bodies belong to them.
func (b *fixture) remember(statements []billing.Statement) {
	if b.answers == nil {
		b.answers = map[string]billing.Statement{}
	}
	for i := range statements {
		s := &statements[i]
		s.FetchedAt = night(b.runs)
		for _, d := range s.Documents {
			b.answers[string(d.Body)] = *s
		}
	}
}

// query returns the rows of a query, each as its values joined by a blank.
func (b *fixture) query(sql string, args ...any) []string {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(b.t.Context(), "SELECT concat_ws(' ', VARIADIC ARRAY(SELECT coalesce(value, 'null') FROM json_each_text(to_json(q)))) FROM ("+sql+") q", args...)
	if err != nil {
		b.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	return lines
}

func (b *fixture) costs() []string {
	b.t.Helper()
	return b.query(`SELECT right(customer_id::text, 1) AS c, invoice_type, period_start, period_end, currency_code, pretax_total, tax, after_tax_total, revisions, ordinal
		FROM finance.costs ORDER BY customer_id, invoice_type, period_start, currency_code, ordinal`)
}

func (b *fixture) openFindings() []string {
	b.t.Helper()
	return b.query(`SELECT kind, severity, subject FROM finance.findings WHERE resolved_at IS NULL ORDER BY customer_id, kind, subject`)
}

func (b *fixture) changes() []string {
	b.t.Helper()
	return b.query(`SELECT invoice_type, period_start, period_end_before, period_end, currency_code, after_tax_before, after_tax_after, difference, revision, run_id
		FROM finance.cost_changes ORDER BY changed_at, invoice_type, period_start, revision`)
}

func (b *fixture) items() []string {
	b.t.Helper()
	return b.query(`SELECT invoice_type, billing_period_start, ordinal, charge_type, pretax_total FROM finance.line_items ORDER BY invoice_type, billing_period_start, ordinal`)
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// The invented facts of the tests, by short names.
var (
	amount    = nights.Amount
	date      = nights.Date
	detail    = nights.Detail
	recurring = nights.Recurring
	oneTime   = nights.OneTime
	item      = nights.Item
	statement = nights.Statement
)

func both(details ...billing.CostDetail) []billing.CostDetail { return details }
