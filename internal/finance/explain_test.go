package finance_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/persist/nights"
	"partnercost/internal/persist/pgtest"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	run1, run3 := runID(1), runID(3)
	r, o := nights.Recurring(9, "10"), nights.OneTime(10, "2")
	odd := nights.Detail("", "2026-10-02", "2026-10-30", "", "")
	twins := both(r, nights.OneTime(10, "2"), nights.OneTime(10, "3"), odd)
	first := nights.Statement(customerA, twins, nights.Item(r, "CYCLE FEE", "10"), nights.Item(o, "PURCHASE FEE", "2"))
	first.Findings = []billing.Finding{
		{Kind: billing.CurrencyMissing, Severity: billing.Warning, Subject: odd.Subject(), Detail: "No currency."},
		{Kind: billing.CustomerIDMismatch, Severity: billing.Warning, Detail: "Another id."},
	}
	b.collect(first)
	r.PretaxTotal, r.AfterTaxTotal = nights.Amount("12.50"), nights.Amount("12.50")
	b.collect(nights.Statement(customerA, both(r, nights.OneTime(10, "2"), nights.OneTime(10, "3"), odd), nights.Item(r, "CYCLE FEE", "12.50"), nights.Item(r, "CREDIT", "0"), nights.Item(o, "PURCHASE FEE", "2")))
	b.collect(nights.Statement(customerA, both(nights.Recurring(10, "12.50"), nights.OneTime(10, "2"))), nights.Statement(customerB, both(nights.Recurring(9, "99"))))

	// The right to read the views is sufficient.
	reader := b.reader(pgtest.Login(t, b.url, "finance_reader"))
	e, err := reader.Explain(t.Context(), "", customerA, "2026-10")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2026-10", "2026-11"}, e.Months); diff != "" {
		t.Errorf("months (-want +got):\n%s", diff)
	}
	type cost struct{ What, Total, Values, Runs, Sets, Items, Findings string }
	var got []cost
	for _, c := range e.Costs {
		g := cost{What: c.InvoiceType + " " + c.PeriodStart + " " + c.PeriodEnd + " " + c.CurrencyCode + string(rune('0'+c.Ordinal)), Total: c.AfterTaxTotal.String()}
		for _, v := range c.Revisions {
			g.Values += v.AfterTaxTotal.String() + " "
			g.Runs += v.Run.ID[35:] + v.Run.Kind + " "
			if v.SupersededBy != nil {
				g.Runs += "until " + v.SupersededBy.ID[35:] + v.SupersededBy.Version + " "
			}
		}
		for _, s := range c.LineItemSets {
			g.Sets += string(rune('0'+s.ItemCount)) + "by" + s.Run.ID[35:] + " "
		}
		for _, i := range c.LineItems {
			g.Items += i.ChargeType + " " + i.PretaxTotal.String() + " "
		}
		for _, f := range c.Findings {
			g.Findings += f.Kind + " "
		}
		got = append(got, g)
	}
	want := []cost{
		{What: " 2026-10-02 2026-10-30 1", Total: "null", Values: "null ", Runs: "1once ", Findings: "currency_missing detail_vanished "},
		{What: "OneTime 2026-10-01 2026-10-31 USD1", Total: "2", Values: "2 ", Runs: "1once ", Sets: "1by1 0by3 "},
		{What: "OneTime 2026-10-01 2026-10-31 USD2", Total: "3", Values: "3 ", Runs: "1once ", Sets: "1by1 0by3 ", Findings: "detail_vanished "},
		{What: "Recurring 2026-09-12 2026-10-11 USD1", Total: "12.5", Values: "10 12.5 ", Runs: "1once until 2test 2once ", Sets: "1by1 2by2 ", Items: "CYCLE FEE 12.5 CREDIT 0 "},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("costs (-want +got):\n%s", diff)
	}
	if len(e.Findings) != 1 || e.Findings[0].Kind != "customer_id_mismatch" || e.Findings[0].ResolvedAt == nil {
		t.Errorf("findings about the customer: %+v, want the other id, resolved", e.Findings)
	}
	text, err := json.Marshal(e.Costs[3].Revisions[1].AfterTaxTotal)
	if err != nil || string(text) != "12.5" {
		t.Errorf("an amount in JSON is %s, %v", text, err)
	}
	if r := e.Costs[3].Revisions; r[0].Run.ID != run1 || r[0].SummarySHA256 == r[1].SummarySHA256 || e.Costs[1].LineItemSets[0].SupersededBy.ID != run3 {
		t.Errorf("provenance %+v", e.Costs)
	}
	for partner, id := range map[string]billing.CustomerID{"": "00000000-0000-4000-8000-00000000000f", "fabrikam": customerA} {
		if _, err := reader.Explain(t.Context(), partner, id, "2026-10"); !errors.Is(err, billing.ErrUnknownCustomer) {
			t.Errorf("%s %s: error %v, want billing.ErrUnknownCustomer", partner, id, err)
		}
	}
}
