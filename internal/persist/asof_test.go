package persist_test

import (
	"testing"

	"partnercost/internal/billing"
)

// subscribed returns a line item of a detail, with values that identify it.
func subscribed(d billing.CostDetail, subscription, charge, quantity, total string) billing.LineItem {
	i := item(d, charge, total)
	i.SubscriptionID, i.OfferID, i.OfferName, i.Quantity = subscription, "offer-"+subscription, "Offer "+subscription, amount(quantity)
	return i
}

const lineChanges = `SELECT change, subscription_id, charge_type, pretax_before, pretax_after, difference FROM finance.line_item_changes
	ORDER BY changed_at, change, subscription_id, charge_type, pretax_before, pretax_after`

func TestLineChangesPairWhatIsTheSame(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	d, e := recurring(9, "100"), recurring(9, "67")
	b.collect(statement(customerA, both(d),
		subscribed(d, "s1", "FEE", "1", "30"), subscribed(d, "s2", "FEE", "1", "40"), subscribed(d, "s3", "FEE", "1", "10"), subscribed(d, "s3", "FEE", "1", "10"), subscribed(d, "s3", "FEE", "2", "10")))
	wantLines(t, "of a first set", b.query(lineChanges))
	b.collect(statement(customerA, both(e),
		subscribed(e, "s1", "FEE", "2", "31"), subscribed(e, "s1", "PRORATE", "1", "6"), subscribed(e, "s3", "FEE", "1", "10"), subscribed(e, "s3", "FEE", "2", "10"), subscribed(e, "s4", "FEE", "1", "5")))
	// Of the three lines of s3 the removed one is not mistaken for a change of the others.
	wantLines(t, "of the second", b.query(lineChanges),
		"came s1 PRORATE null 6 6", "came s4 FEE null 5 5", "changed s1 FEE 30 31 1", "went s2 FEE 40 null -40", "went s3 FEE 10 null -10")
	// The cost fell by 33 from 100 to 67; its lines fell by 38.
	wantLines(t, "why", b.query(`SELECT change, name, after_tax_difference, share_percent, cost_difference FROM finance.cost_change_lines ORDER BY change, after_tax_difference`),
		"came Offer s4 5 -15.2 -33", "came Offer s1 6 -18.2 -33", "changed Offer s1 1 -3.0 -33", "unexplained null 5 -15.2 -33",
		"went Offer s2 -40 121.2 -33", "went Offer s3 -10 30.3 -33")
	wantLines(t, "sum of the differences", b.query(`SELECT sum(after_tax_difference) = min(cost_difference) AS adds_up FROM finance.cost_change_lines GROUP BY customer_id`), "true")

	wantLines(t, "items of the first night", b.query(`SELECT subscription_id, pretax_total FROM finance.line_items_as_of('2026-11-02 12:00Z') ORDER BY 1, 2`),
		"s1 30", "s2 40", "s3 10", "s3 10", "s3 10")
	wantLines(t, "items before that", b.query(`SELECT subscription_id FROM finance.line_items_as_of('2026-11-01')`))
	wantLines(t, "items now", b.query(`(TABLE finance.line_items EXCEPT ALL SELECT * FROM finance.line_items_as_of('infinity'))
		UNION ALL (SELECT * FROM finance.line_items_as_of('infinity') EXCEPT ALL TABLE finance.line_items)`))
}

// A summary may be restated in a night in which its line items cannot be read.
func TestLinesThatComeLaterExplainARestatementToo(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	d, e, f := recurring(9, "100"), recurring(9, "110"), recurring(9, "115")
	b.collect(statement(customerA, both(d), subscribed(d, "s1", "FEE", "1", "100")))
	unread := statement(customerA, both(e))
	unread.LineItems = nil
	b.collect(unread)
	wantLines(t, "without the items", b.query(`SELECT change, after_tax_difference FROM finance.cost_change_lines`), "unexplained 10")
	b.collect(statement(customerA, both(e), subscribed(e, "s1", "FEE", "1", "110")))
	wantLines(t, "with the items", b.query(`SELECT change, after_tax_difference FROM finance.cost_change_lines`), "changed 10")
	b.collect(statement(customerA, both(f), subscribed(f, "s1", "FEE", "1", "115")))
	wantLines(t, "with the next restatement", b.query(`SELECT revision, change, after_tax_difference FROM finance.cost_change_lines ORDER BY revision`), "1 changed 10", "2 changed 5")
}

func TestCostsAsOf(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	const asOf = `SELECT right(customer_id::text, 1) AS c, period_start, after_tax_total, revisions, first_collected_at::date AS first, last_changed_at::date AS changed FROM finance.costs_as_of($1) ORDER BY 1, 2`
	b.collect(statement(customerA, both(recurring(8, "10"))))
	b.collect(statement(customerA, both(recurring(8, "11"))), statement(customerB, both(recurring(8, "20"))))
	b.collect(statement(customerA, both(recurring(8, "12"))))
	b.collect(statement(customerA, both(recurring(9, "13"))))
	for moment, want := range map[string][]string{
		"2026-11-02 02:29Z":    {},
		"2026-11-02 02:30Z":    {"a 2026-08-12 10 0 2026-11-02 2026-11-02"},
		"2026-11-03 02:30Z":    {"a 2026-08-12 11 1 2026-11-02 2026-11-03", "b 2026-08-12 20 0 2026-11-03 2026-11-03"},
		"2026-11-04 23:59:59Z": {"a 2026-08-12 12 2 2026-11-02 2026-11-04", "b 2026-08-12 20 0 2026-11-03 2026-11-03"},
	} {
		wantLines(t, moment, b.query(asOf, moment), want...)
	}
	const same = `(TABLE finance.costs EXCEPT ALL SELECT * FROM finance.costs_as_of('infinity')) UNION ALL (SELECT * FROM finance.costs_as_of('infinity') EXCEPT ALL TABLE finance.costs)`
	wantLines(t, "now", b.query(same))

	// A withdrawn cost is part of the history before its withdrawal.
	b.change(`WITH gone AS (DELETE FROM collector.cost_detail_history h USING collector.cost_details d, collector.customers c
			WHERE d.detail_id = h.detail_id AND c.customer_key = d.customer_key AND c.customer_id::text LIKE '%a' AND d.period_start = '2026-08-12' RETURNING h.*)
		INSERT INTO collector.withdrawn_rows (customer_key, run_id, withdrawn_at, detail, history)
		SELECT d.customer_key, d.run_id, '2026-11-06 02:30Z', to_jsonb(d), (SELECT jsonb_agg(to_jsonb(g)) FROM gone g)
		FROM collector.cost_details d JOIN collector.customers c USING (customer_key) WHERE c.customer_id::text LIKE '%a' AND d.period_start = '2026-08-12'`)
	b.change(`DELETE FROM collector.cost_details d USING collector.withdrawn_rows w WHERE d.detail_id = (w.detail ->> 'detail_id')::bigint`)
	wantLines(t, "before a withdrawal, with history", b.query(asOf, "2026-11-03 02:30Z"), "a 2026-08-12 11 1 2026-11-02 2026-11-03", "b 2026-08-12 20 0 2026-11-03 2026-11-03")
	wantLines(t, "before a withdrawal", b.query(asOf, "2026-11-05 02:30Z"), "a 2026-08-12 12 2 2026-11-02 2026-11-04", "a 2026-09-12 13 0 2026-11-05 2026-11-05", "b 2026-08-12 20 0 2026-11-03 2026-11-03")
	wantLines(t, "after it", b.query(asOf, "2026-11-06 02:30Z"), "a 2026-09-12 13 0 2026-11-05 2026-11-05", "b 2026-08-12 20 0 2026-11-03 2026-11-03")
	wantLines(t, "now, without it", b.query(same))
}

func TestNamesFoldCaseAndAccents(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	for name, want := range map[string]string{"Süd Books": "sud books", "STRASSE": "strasse", "Straße": "strasse", "Œuvre Ærø": "oeuvre aero", "Łódź": "lodz", "日本": "日本", "İzmir": "izmir"} {
		if got := b.query(`SELECT finance.fold($1) AS folded`, name); got[0] != want {
			t.Errorf("%s folds to %s, want %s", name, got[0], want)
		}
	}
}
