package collector

import (
	"testing"

	"partnercost/internal/billing"
)

func amountOf(t *testing.T, literal string) billing.Amount {
	t.Helper()
	if literal == "" {
		return billing.Amount{}
	}
	a, err := billing.ParseAmount(literal)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func totals(t *testing.T, start, end, currency, amount string) billing.CostTotals {
	t.Helper()
	from, err := billing.ParseTime(start)
	if err != nil {
		t.Fatal(err)
	}
	to, err := billing.ParseTime(end)
	if err != nil {
		t.Fatal(err)
	}
	return billing.CostTotals{Period: billing.Period{Start: from, End: to}, CurrencyCode: currency, AfterTaxTotal: amountOf(t, amount)}
}

func TestPreviewLine(t *testing.T) {
	t.Parallel()
	const id billing.CustomerID = "11111111-0000-4000-8000-000000000000"
	before := totals(t, "2026-10-05", "2026-11-04", "USD", "17.22")
	unstated := totals(t, "2026-10-05", "2026-11-04", "USD", "")
	for _, test := range []struct {
		name    string
		result  billing.CustomerResult
		failure *billing.Failure
		want    string
	}{
		{"unchanged", billing.CustomerResult{Outcome: billing.OutcomeUnchanged}, nil, "unchanged"},
		{"no costs", billing.CustomerResult{Outcome: billing.OutcomeNoCosts}, nil, "no costs"},
		{
			"new",
			billing.CustomerResult{Outcome: billing.OutcomeStored, ProfileChanged: true, LineItemSetsChanged: 1, Changes: []billing.DetailChange{
				{InvoiceType: billing.Recurring, After: before},
				{InvoiceType: billing.OneTime, After: totals(t, "2019-04-01", "2019-04-30T23:59:59.9999999Z", "", "2.2")},
			}},
			nil,
			"new        Recurring 2026-10-05..2026-11-04 USD 17.22; OneTime 2019-04-01..2019-04-30 2.2; billing profile; line items",
		},
		{
			"restated up",
			billing.CustomerResult{Outcome: billing.OutcomeStored, Changes: []billing.DetailChange{{InvoiceType: billing.Recurring, Before: &before, After: totals(t, "2026-10-05", "2026-11-03", "USD", "18")}}},
			nil,
			"restated   Recurring 2026-10-05..2026-11-03 (end was 2026-11-04) USD 17.22 -> 18 (+0.78)",
		},
		{
			"restated down",
			billing.CustomerResult{Outcome: billing.OutcomeStored, Changes: []billing.DetailChange{{InvoiceType: billing.Recurring, Before: &before, After: totals(t, "2026-10-05", "2026-11-04", "USD", "-1")}}},
			nil,
			"restated   Recurring 2026-10-05..2026-11-04 USD 17.22 -> -1 (-18.22)",
		},
		{
			"an amount appears",
			billing.CustomerResult{Outcome: billing.OutcomeStored, Changes: []billing.DetailChange{{InvoiceType: billing.Recurring, Before: &unstated, After: before}}},
			nil,
			"restated   Recurring 2026-10-05..2026-11-04 USD (no amount) -> 17.22",
		},
		{"other facts", billing.CustomerResult{Outcome: billing.OutcomeStored, ProfileChanged: true}, nil, "changed    billing profile"},
		{"failed", billing.CustomerResult{Outcome: billing.OutcomeNoAccess}, &billing.Failure{Class: billing.NoAccess, HTTPStatus: 403, Code: "20002", Message: "no relationship"}, "failed: HTTP 403, code 20002: no relationship"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.result.CustomerID = id
			got := NewPreviewLine("contoso", test.result, test.failure).String()
			if want := "contoso  " + string(id) + "  " + test.want; got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}
