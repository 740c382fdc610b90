package nights

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
)

// Amount returns an amount as the service states it, or no amount for an empty string.
func Amount(s string) billing.Amount {
	if s == "" {
		return billing.Amount{}
	}
	return decimal.NewNullDecimal(decimal.RequireFromString(s))
}

// Date parses a time in one of the forms of the service.
func Date(s string) time.Time {
	t, err := billing.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

// Detail returns a detail without tax.
func Detail(invoiceType billing.InvoiceType, start, end, currency, total string) billing.CostDetail {
	return billing.CostDetail{InvoiceType: invoiceType, CostTotals: billing.CostTotals{
		Period: billing.Period{Start: Date(start), End: Date(end)}, CurrencyCode: currency,
		PretaxTotal: Amount(total), Tax: Amount("0"), AfterTaxTotal: Amount(total),
	}}
}

// Recurring returns a Recurring detail of the period that begins in a month of 2026.
func Recurring(month int, total string) billing.CostDetail {
	return Detail(billing.Recurring, fmt.Sprintf("2026-%02d-12", month), fmt.Sprintf("2026-%02d-11", month+1), "USD", total)
}

// OneTime returns a OneTime detail of a month of 2026.
func OneTime(month int, total string) billing.CostDetail {
	last := time.Date(2026, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return Detail(billing.OneTime, fmt.Sprintf("2026-%02d-01T00:00:00Z", month), fmt.Sprintf("2026-%02d-%02dT23:59:59.9999999Z", month, last), "USD", total)
}

// Item returns a line item of a detail.
func Item(d billing.CostDetail, chargeType, total string) billing.LineItem {
	return billing.LineItem{InvoiceType: d.InvoiceType, SetStart: d.Period.Start, ChargeType: chargeType, PretaxTotal: Amount(total), CurrencyCode: d.CurrencyCode}
}

// Statement returns a complete statement. Its documents are derived from its content,
// so they differ whenever it does.
func Statement(id billing.CustomerID, details []billing.CostDetail, items ...billing.LineItem) billing.Statement {
	if items == nil {
		items = []billing.LineItem{}
	}
	return billing.Statement{
		CustomerID: id,
		Profile:    &billing.Profile{ID: "p", Email: "jo@example.com", CompanyName: "Company " + string(id[35:]), Address: billing.Address{Country: "US"}},
		Costs:      &billing.CostSummary{BodyCustomerID: string(id), Details: details},
		LineItems:  items,
		Documents: []billing.Document{
			{Kind: billing.ProfileDocument, HTTPStatus: 200, Body: []byte("profile " + id)},
			{Kind: billing.SummaryDocument, HTTPStatus: 200, Body: fmt.Append(nil, "summary ", id, details)},
			{Kind: billing.LineItemsDocument, HTTPStatus: 200, Body: fmt.Append(nil, "items ", id, items)},
		},
	}
}
