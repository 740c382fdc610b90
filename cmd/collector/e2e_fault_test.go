package main_test

import (
	"slices"
	"strings"
	"testing"
)

// emptyAtFirst are the tables and views that are empty after a first collection.
var emptyAtFirst = []string{
	"collector.billing_profile_history", "collector.cost_detail_history", "collector.findings", "finance.findings", "finance.cost_changes",
	"finance.top_movers", "finance.stale_months", "finance.exchange_rates", "finance.erasures", "finance.cost_change_lines", "finance.line_item_changes",
	"finance.invoices", "finance.invoice_lines", "finance.invoice_reconciliation", // invoices are not enabled
	"finance.machines", "finance.waiting_nights", // no daemon has run
}

func TestFactsTellRowsApart(t *testing.T) {
	t.Parallel()
	f := newFaultSite(t, 10)
	f.collector(t, "run").want(t, 0)
	want := f.facts(t)
	for name, rows := range want {
		if len(rows) == 0 && !slices.Contains(emptyAtFirst, name) {
			t.Errorf("%s is empty: it would hide what is lost", name)
		}
	}
	f.collector(t, "run").want(t, 0)
	f.holds(t, want, "a second run")
	// One row is deleted and one is doubled by hand.
	f.exec(t, `DELETE FROM collector.line_items WHERE (set_id, ordinal) = (SELECT set_id, ordinal FROM collector.line_items ORDER BY 1, 2 LIMIT 1)`)
	f.exec(t, `INSERT INTO collector.statements OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(s, '{"statement_id": 100000}')).* FROM collector.statements s ORDER BY statement_id LIMIT 1`)
	lost, doubled := f.facts(t).against(want)
	of := func(rows []string, names ...string) bool {
		for _, name := range names {
			if !slices.ContainsFunc(rows, func(row string) bool { return strings.HasPrefix(row, name+" ") }) {
				return false
			}
		}
		return true
	}
	if !of(lost, "collector.line_items", "finance.line_items") || !of(doubled, "collector.statements") || of(doubled, "collector.line_items") {
		t.Errorf("an item is gone and an entry of the log is doubled; found as lost and as doubled:\n%q\n%q", lost, doubled)
	}
}
