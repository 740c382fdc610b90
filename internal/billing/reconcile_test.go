package billing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
)

// amountOf returns an amount, or a missing one when the text is empty.
func amountOf(t *testing.T, text string) billing.Amount {
	t.Helper()
	if text == "" {
		return billing.Amount{}
	}
	a, err := billing.ParseAmount(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestReconcile(t *testing.T) {
	t.Parallel()

	totals := func(currency, amounts string) billing.CostTotals {
		part := strings.Split(amounts, " + ")
		part = append(part[:1], strings.Split(part[1], " = ")...)
		return billing.CostTotals{
			Period:       billing.Period{Start: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)},
			CurrencyCode: currency, PretaxTotal: amountOf(t, part[0]), Tax: amountOf(t, part[1]), AfterTaxTotal: amountOf(t, part[2]),
		}
	}
	detail := func(invoiceType billing.InvoiceType, currency, amounts string) billing.CostDetail {
		return billing.CostDetail{InvoiceType: invoiceType, CostTotals: totals(currency, amounts)}
	}
	item := func(invoiceType billing.InvoiceType, currency, amounts string) billing.LineItem {
		t := totals(currency, amounts)
		return billing.LineItem{InvoiceType: invoiceType, CurrencyCode: currency, PretaxTotal: t.PretaxTotal, Tax: t.Tax, AfterTaxTotal: t.AfterTaxTotal}
	}
	type (
		details = []billing.CostDetail
		items   = []billing.LineItem
	)
	const recurring, oneTime = billing.Recurring, billing.OneTime
	nearly := item(recurring, "USD", "17.219999999999999 + 0 = 17.219999999999999")
	tests := []struct {
		name    string
		root    billing.CostTotals
		details details
		items   items
		want    []string
	}{
		{name: "no costs", items: items{}},
		{name: "items not read", details: details{detail(recurring, "USD", "1 + 0.1 = 1.1")}},
		{
			name: "all agrees", root: totals("", "17.22 + 0 = 17.22"), details: details{detail(recurring, "USD", "17.22 + 0 = 17.22"), detail(oneTime, "USD", "2 + 0.2 = 2.2")},
			items: items{nearly, item(oneTime, "USD", "2 + 0.2 = 2.2")},
		},
		{name: "the tail of a float is no cent", details: details{detail(oneTime, "USD", "17.219999999999999 + 1 = 18.22")}},
		{
			name: "a cent is a cent", details: details{detail(oneTime, "USD", "10 + 1 = 11.01")},
			want: []string{"detail_arithmetic OneTime 2026-10-01 USD: The cost OneTime 2026-10-01 USD states 10 USD before tax and 1 USD of tax, which is 11 USD, but 11.01 USD after tax."},
		},
		{
			name: "a credit that does not add up, without currency", details: details{detail(oneTime, "", "-10 + -1 = -9")},
			want: []string{"detail_arithmetic OneTime 2026-10-01 (no currency): The cost OneTime 2026-10-01 (no currency) states -10 before tax and -1 of tax, which is -11, but -9 after tax."},
		},
		{name: "what is not stated cannot disagree", root: totals("", " + 9 = "), details: details{detail(recurring, "USD", "10 +  = 12")}, items: items{item(recurring, "USD", " + 7 = 12")}},
		{
			name: "the root is the sum of three", root: totals("", "6 + 0 = 6"),
			details: details{detail(recurring, "USD", "1 + 0 = 1"), detail(recurring, "USD", "2 + 0 = 2"), detail(recurring, "USD", "3 + 0 = 3")},
		},
		{
			name: "the root is another amount", root: totals("", "20 + 0 = 20"), details: details{detail(recurring, "USD", "17.22 + 0 = 17.22"), detail(oneTime, "USD", "2.78 + 0 = 2.78")},
			want: []string{"root_mismatch : The root totals of the cost summary do not repeat its Recurring cost: they are 20 USD instead of 17.22 USD before tax, 20 USD instead of 17.22 USD after tax. The root totals are kept for audit and are not part of any cost."},
		},
		{
			name: "the root is in another currency", root: totals("EUR", "17.22 + 0 = 17.22"), details: details{detail(recurring, "USD", "17.22 + 0 = 17.22")},
			want: []string{"root_mismatch : The cost summary states root totals in EUR, but has no Recurring cost in this currency for them to repeat. The root totals are kept for audit and are not part of any cost."},
		},
		{name: "the root repeats one of two currencies", root: totals("", "5 + 0 = 5"), details: details{detail(recurring, "USD", "17 + 0 = 17"), detail(recurring, "EUR", "5 + 0 = 5")}},
		{name: "the root adds two details up", root: totals("", "15 + 0 = 15"), details: details{detail(recurring, "USD", "10 + 0 = 10"), detail(recurring, "USD", "5 + 0 = 5")}},
		{name: "a root without a Recurring detail", root: totals("", "5 + 0 = 5"), details: details{detail(oneTime, "USD", "2 + 0 = 2")}},
		{name: "off by a cent an item", details: details{detail(oneTime, "USD", "2.02 + 0 = 2.02")}, items: items{item(oneTime, "USD", "1 + 0 = 1"), item(oneTime, "USD", "1 + 0 = 1")}},
		{
			name: "off by more than a cent an item", details: details{detail(oneTime, "USD", "2.021 + 0 = 2.021")},
			items: items{item(oneTime, "USD", "1 + 0 = 1"), item(oneTime, "USD", "1 + 0 = 1")},
			want:  []string{"line_items_sum_mismatch OneTime 2026-10-01 USD: The line items of the cost OneTime 2026-10-01 USD (2) do not add up to it: together they are 2 USD instead of 2.021 USD before tax, 2 USD instead of 2.021 USD after tax."},
		},
		{
			name: "only the tax is off", details: details{detail(oneTime, "USD", "-2 + 0 = -2")}, items: items{item(oneTime, "USD", "-2 + 0.5 = -2")},
			want: []string{"line_items_sum_mismatch OneTime 2026-10-01 USD: The line items of the cost OneTime 2026-10-01 USD (1) do not add up to it: together they are 0.5 USD instead of 0 USD of tax."},
		},
		{
			name: "no item at all", details: details{detail(oneTime, "USD", "2 + 0 = 2"), detail(recurring, "USD", "0 + 0 = 0")}, items: items{},
			want: []string{"line_items_sum_mismatch OneTime 2026-10-01 USD: The line items of the cost OneTime 2026-10-01 USD (0) do not add up to it: together they are 0 USD instead of 2 USD before tax, 0 USD instead of 2 USD after tax."},
		},
		{
			name: "currencies are added apart", details: details{detail(oneTime, "USD", "1 + 0 = 1"), detail(oneTime, "EUR", "2 + 0 = 2")},
			items: items{item(oneTime, "USD", "1 + 0 = 1"), item(oneTime, "EUR", "2 + 0 = 2")},
		},
		{
			name: "items in a currency that no detail has", details: details{detail(oneTime, "USD", "1 + 0 = 1")},
			items: items{item(oneTime, "USD", "1 + 0 = 1"), item(oneTime, "EUR", "2 + 0 = 2"), item(oneTime, "EUR", "2 + 0 = 2"), item(recurring, "EUR", "2 + 0 = 2")},
			want:  []string{"line_items_without_detail OneTime EUR: There are line items of OneTime in EUR, but the cost summary has no entry of this type in this currency."},
		},
		{
			name: "an item without a currency could be anywhere", details: details{detail(oneTime, "USD", "1 + 0 = 1"), detail(recurring, "", "1 + 0 = 1")},
			items: items{item(oneTime, "", "5 + 0 = 5"), item(recurring, "EUR", "5 + 0 = 5")},
		},
		{
			name: "details of one key are taken together", details: details{detail(oneTime, "USD", "1 + 0 = 1"), detail(oneTime, "USD", "2 + 0 = 2")},
			items: items{item(oneTime, "USD", "3 + 0 = 3")},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range billing.Reconcile(billing.CostSummary{Root: test.root, Details: test.details}, test.items) {
				if f.Severity != billing.Warning {
					t.Errorf("%s is %s", f.Kind, f.Severity)
				}
				got = append(got, string(f.Kind)+" "+f.Subject+": "+f.Detail)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}
