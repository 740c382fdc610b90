package persist_test

import (
	"testing"

	"partnercost/internal/billing"
)

const (
	// unequal selects the rows in which the summary and the facts differ.
	unequal = `(SELECT partner, month, currency_code, invoice_type, customers, pretax_total, tax, after_tax_total FROM finance.monthly_costs
		EXCEPT SELECT partner, month, currency_code, invoice_type, customers, pretax_total, tax, after_tax_total FROM finance.month_totals)
		UNION ALL (SELECT partner, month, currency_code, invoice_type, customers, pretax_total, tax, after_tax_total FROM finance.month_totals
		EXCEPT SELECT partner, month, currency_code, invoice_type, customers, pretax_total, tax, after_tax_total FROM finance.monthly_costs)`
	stale  = `SELECT to_char(month, 'YYYY-MM') AS month FROM finance.stale_months ORDER BY month`
	movers = `SELECT to_char(month, 'MM') AS month, right(customer_id::text, 1) AS c, invoice_type, currency_code, after_tax_before, after_tax_now, difference, percent, place
		FROM finance.top_movers ORDER BY month, currency_code, invoice_type, place`
)

func TestSummariesFollowTheFacts(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	step := func(what string, statements ...billing.Statement) {
		b.collect(statements...)
		// The console relies on this when it looks for missing customers.
		wantLines(t, what+": customers without an outcome", b.query(`SELECT customer_id FROM finance.customers WHERE last_outcome IS NULL`))
		wantLines(t, what+": summary and facts", b.query(unequal))
		wantLines(t, what+": stale", b.query(stale))
	}
	eur := detail(billing.OneTime, "2026-09-01", "2026-09-30", "EUR", "7")
	endless := detail("Marketplace", "2026-09-01", "", "", "5")
	step("first", statement(customerA, both(recurring(9, "10"), oneTime(9, "20"), eur, endless)), statement(customerB, both(recurring(9, "100"))))
	step("restated", statement(customerA, both(recurring(9, "11"), oneTime(9, "20"), eur, endless)))
	moved := recurring(9, "11")
	moved.Period.End = date("2026-11-11")
	step("an end that moves to another month", statement(customerA, both(moved, oneTime(9, "20"), eur, endless)))
	step("next month", statement(customerA, both(recurring(10, "12"), oneTime(10, "19"))))
	step("unchanged", statement(customerA, both(recurring(10, "12"), oneTime(10, "19"))))

	// Every change of a fact marks its month, even one by hand.
	b.change(`DELETE FROM collector.cost_details WHERE currency_code = 'EUR'`)
	wantLines(t, "stale after a removal", b.query(stale), "2026-09")
	step("the run after", statement(customerA, both(recurring(10, "12"), oneTime(10, "19"))))
}

func TestUnfinishedRunLeavesItsMonthsMarked(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	run := billing.Run{ID: "00000000-0000-4000-a000-000000000001", Partner: "contoso", Kind: billing.KindDaily, StartedAt: night(1), Version: "v1"}
	if err := b.store.BeginRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Write(t.Context(), run, []billing.Statement{statement(customerA, both(recurring(9, "1"), oneTime(9, "2")))}); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "stale while it runs", b.query(stale), "2026-09", "2026-10")
	wantLines(t, "totals while it runs", b.query(`SELECT month FROM finance.month_totals`))
	if err := b.store.FinishRun(t.Context(), run, billing.StatusInterrupted, billing.Tally{}, nil); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "stale after its end", b.query(stale))
	wantLines(t, "summary and facts", b.query(unequal))
}

func TestTopMoversCompareWithTheMonthBefore(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	const customerC billing.CustomerID = "00000000-0000-4000-8000-00000000000c"
	b.collect(statement(customerA, both(oneTime(8, "10"))), statement(customerB, both(oneTime(8, "100"))))
	wantLines(t, "of the first month, which has none before", b.query(movers))
	// B has no bill yet, which is no movement. C is new.
	b.collect(statement(customerA, both(oneTime(9, "15"))), statement(customerC, both(oneTime(9, "1000"))))
	wantLines(t, "of the newest month", b.query(movers), "09 c OneTime USD 0 1000 1000 null 1", "09 a OneTime USD 10 15 5 50.0 2")
	// B had no bill at all in September. C's October is unchanged.
	b.collect(statement(customerA, both(oneTime(10, "12"))), statement(customerC, both(oneTime(10, "1000"))))
	wantLines(t, "when there is a newer month", b.query(movers),
		"09 c OneTime USD 0 1000 1000 null 1", "09 b OneTime USD 100 0 -100 -100.0 2", "09 a OneTime USD 10 15 5 50.0 3",
		"10 a OneTime USD 15 12 -3 -20.0 1")
	// A restatement counts in its month and in the next one.
	b.collect(statement(customerA, both(oneTime(9, "16"))))
	wantLines(t, "after a restatement", b.query(movers),
		"09 c OneTime USD 0 1000 1000 null 1", "09 b OneTime USD 100 0 -100 -100.0 2", "09 a OneTime USD 10 16 6 60.0 3",
		"10 a OneTime USD 16 12 -4 -25.0 1")
}
