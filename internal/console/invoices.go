package console

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strings"

	"github.com/shopspring/decimal"

	"partnercost/internal/finance"
)

// invoicePage is what the template of an invoice shows.
type invoicePage struct {
	ID, Partner, Kind, Document, Date, Period, State, StateClass string
	Total, LinesTotal, Difference                                string
	// Exact says that the lines add up to the total.
	Exact, Changed   bool
	Lines, Revisions string
	Amends           *chip
	AmendedBy        []chip
	// Reconciled leads to the reconciliation of the month.
	Reconciled *chip
	Lists      []list
}

func (c *console) invoice(ctx context.Context, tx *sql.Tx, r *http.Request) (view, error) {
	f, err := c.filter(r.URL.Query())
	if err != nil {
		return view{}, err
	}
	if f.partner == "" || f.invoice == "" {
		return view{}, badRequest("the page of an invoice needs partner and invoice")
	}
	i, err := finance.FindInvoice(ctx, tx, f.partner, f.invoice)
	switch {
	case errors.Is(err, finance.ErrUnknownInvoice):
		return view{}, errNotFound
	case err != nil:
		return view{}, err
	}
	stated := func(d decimal.NullDecimal) string {
		if !d.Valid {
			return ""
		}
		return strings.TrimSpace(exactly(d.Decimal, i.Currency) + " " + i.Currency)
	}
	p := invoicePage{
		ID: f.invoice, Partner: f.partner, Kind: kindName(i.InvoiceType), Document: title(i.DocumentType), Date: i.Date, Period: span(i.PeriodStart, i.PeriodEnd),
		State: title(i.State), StateClass: i.State, Total: stated(i.Total), LinesTotal: stated(i.LinesTotal), Difference: signed(stated(i.Difference)),
		Exact: i.Difference.Valid && i.Difference.Decimal.IsZero(), Lines: plural(i.Lines, "line", "lines"), Changed: i.Revisions > 0, Revisions: plural(i.Revisions, "time", "times"),
	}
	to := func(id string) chip { return chip{Text: id, Href: invoiceAddress(f.partner, id)} }
	if i.Amends != "" {
		amends := to(i.Amends)
		p.Amends = &amends
	}
	for _, id := range i.AmendedBy {
		p.AmendedBy = append(p.AmendedBy, to(id))
	}
	ofInvoice := filter{partner: f.partner, invoice: f.invoice, now: f.now}
	differences := filter{partner: f.partner, kind: &i.InvoiceType, currency: &i.Currency, verdict: "differences", now: f.now}
	steps := []func() error{
		func() error {
			v, err := invoiceLines.preview(ctx, tx, ofInvoice, parseOrder(invoiceLines.order), 4*previewRows)
			p.Lists = append(p.Lists, list{ID: "lines", Title: "Lines", Table: v})
			return err
		},
	}
	if i.Month != nil {
		m := month{*i.Month}
		differences.month = &m
		p.Reconciled = &chip{Text: "Reconciliation of " + m.label(), Href: link("/reconciliation", filter{month: &m, partner: f.partner}.values())}
		steps = append([]func() error{func() error {
			v, err := reconciliation.preview(ctx, tx, differences, parseOrder(reconciliation.order), 2*previewRows)
			p.Lists = append(p.Lists, list{ID: "differences", Title: "Differences from the service costs", Table: v})
			return err
		}}, steps...)
	}
	if err := inOrder(steps...); err != nil {
		return view{}, err
	}
	return view{template: "invoice", title: "Invoice " + f.invoice, data: p}, nil
}
