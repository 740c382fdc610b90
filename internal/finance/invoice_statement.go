package finance

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// InvoiceStatement compares the invoices of a month with their lines and with the service
// costs. Its JSON form is the output of "collector reconcile".
type InvoiceStatement struct {
	Period string `json:"period"`
	// Open lists what is open: until it is empty, nobody can sign the statement.
	Open        []string              `json:"open"`
	Invoices    []StatedInvoice       `json:"invoices"`
	Totals      []ReconciledTotal     `json:"totals"`
	Differences []CustomerDifference  `json:"differences"`
	NotJudged   []CostsWithoutInvoice `json:"costs_without_invoice"`
}

// StatedInvoice is an invoice with the sum of its lines.
type StatedInvoice struct {
	Partner      string      `json:"partner"`
	InvoiceID    string      `json:"invoice_id"`
	InvoiceType  string      `json:"invoice_type,omitempty"`
	DocumentType string      `json:"document_type,omitempty"`
	Amends       string      `json:"amends,omitempty"`
	CurrencyCode string      `json:"currency_code,omitempty"`
	Total        ExactAmount `json:"total"`
	LinesTotal   ExactAmount `json:"lines_total"`
	Difference   ExactAmount `json:"difference"`
	State        string      `json:"state"`
}

// ReconciledTotal is the sum over the customers of one type and currency.
type ReconciledTotal struct {
	Partner      string      `json:"partner"`
	InvoiceType  string      `json:"invoice_type,omitempty"`
	CurrencyCode string      `json:"currency_code,omitempty"`
	Customers    int64       `json:"customers"`
	Matched      int64       `json:"matched"`
	Invoiced     ExactAmount `json:"invoiced"`
	ServiceCosts ExactAmount `json:"service_costs"`
	Difference   ExactAmount `json:"difference"`
}

// CustomerDifference is a customer whose invoiced sum differs from its service costs.
type CustomerDifference struct {
	Partner      string      `json:"partner"`
	CustomerID   string      `json:"customer_id"`
	CompanyName  string      `json:"company_name,omitempty"`
	InvoiceType  string      `json:"invoice_type,omitempty"`
	CurrencyCode string      `json:"currency_code,omitempty"`
	Invoiced     ExactAmount `json:"invoiced"`
	ServiceCosts ExactAmount `json:"service_costs"`
	Difference   ExactAmount `json:"difference"`
	Verdict      string      `json:"verdict"`
	Reason       string      `json:"reason,omitempty"`
}

// CostsWithoutInvoice are service costs that have no invoice yet.
type CostsWithoutInvoice struct {
	Partner      string      `json:"partner"`
	InvoiceType  string      `json:"invoice_type,omitempty"`
	CurrencyCode string      `json:"currency_code,omitempty"`
	Customers    int64       `json:"customers"`
	ServiceCosts ExactAmount `json:"service_costs"`
}

// The queries of a statement. $1 is the month, $2 the partner or NULL.
const (
	statedInvoices = `SELECT partner, invoice_id, coalesce(invoice_type, ''), coalesce(document_type, ''), coalesce(amends, ''), coalesce(currency_code, ''), total, lines_total, difference, state
		FROM finance.invoices WHERE month = $1::date AND ($2::text IS NULL OR partner = $2) ORDER BY partner, invoice_type, currency_code, coalesce(amends, invoice_id), invoice_id`
	reconciledTotals = `SELECT partner, coalesce(invoice_type, ''), coalesce(currency_code, ''), count(*), count(*) FILTER (WHERE verdict = 'matched'), sum(invoiced), sum(service_costs), sum(difference)
		FROM finance.invoice_reconciliation WHERE month = $1::date AND ($2::text IS NULL OR partner = $2) GROUP BY partner, invoice_type, currency_code ORDER BY 1, 2, 3`
	customerDifferences = `SELECT partner, customer_id, coalesce(company_name, ''), coalesce(invoice_type, ''), coalesce(currency_code, ''), invoiced, service_costs, difference, verdict, coalesce(reason, '')
		FROM finance.invoice_reconciliation WHERE month = $1::date AND ($2::text IS NULL OR partner = $2) AND verdict <> 'matched'
		ORDER BY partner, invoice_type, currency_code, reason NULLS FIRST, abs(difference) DESC, customer_id`
	costsWithoutInvoice = `SELECT m.partner, coalesce(m.invoice_type, ''), coalesce(m.currency_code, ''), m.customers, m.after_tax_total
		FROM finance.monthly_costs m WHERE m.month = $1::date AND ($2::text IS NULL OR m.partner = $2) AND m.after_tax_total <> 0
			AND NOT EXISTS (SELECT 1 FROM finance.invoices i WHERE i.partner = m.partner AND i.month = m.month
				AND i.invoice_type IS NOT DISTINCT FROM m.invoice_type AND i.currency_code IS NOT DISTINCT FROM m.currency_code)
		ORDER BY 1, 2, 3`
	missingInvoices = `SELECT partner || ': ' || detail FROM finance.findings
		WHERE kind = 'invoice_missing' AND resolved_at IS NULL AND subject LIKE '% ' || to_char($1::date, 'YYYY-MM') || ' %' AND ($2::text IS NULL OR partner = $2) ORDER BY 1`
)

// InvoiceStatement returns the statement of a month, for one partner or, if partner is
// empty, for all.
func (r *Reader) InvoiceStatement(ctx context.Context, month time.Time, partner string) (InvoiceStatement, error) {
	s := InvoiceStatement{Period: month.Format("2006-01")}
	var whose *string
	if partner != "" {
		whose = &partner
	}
	err := r.read(ctx, func(tx pgx.Tx) (err error) {
		day := month.Format(time.DateOnly)
		missing, err := allRows(ctx, tx, missingInvoices, pgx.RowTo[string], day, whose)
		if err != nil {
			return err
		}
		s.Open = missing
		if s.Invoices, err = allRows(ctx, tx, statedInvoices, pgx.RowToStructByPos[StatedInvoice], day, whose); err != nil {
			return err
		}
		if s.Totals, err = allRows(ctx, tx, reconciledTotals, pgx.RowToStructByPos[ReconciledTotal], day, whose); err != nil {
			return err
		}
		if s.Differences, err = allRows(ctx, tx, customerDifferences, pgx.RowToStructByPos[CustomerDifference], day, whose); err != nil {
			return err
		}
		s.NotJudged, err = allRows(ctx, tx, costsWithoutInvoice, pgx.RowToStructByPos[CostsWithoutInvoice], day, whose)
		return err
	})
	if err != nil {
		return InvoiceStatement{}, fmt.Errorf("reconcile the invoices of %s: %w", s.Period, err)
	}
	s.judge()
	return s, nil
}

func allRows[T any](ctx context.Context, tx pgx.Tx, query string, row pgx.RowToFunc[T], args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, row)
	if all == nil {
		all = []T{}
	}
	return all, err
}

// judge lists what is open: invoices that are missing or not complete, totals that differ
// from the sum of the lines, and differences without a known reason or with late data.
func (s *InvoiceStatement) judge() {
	if len(s.Invoices) == 0 {
		s.Open = append(s.Open, "no invoice of "+s.Period+" is stored")
	}
	for _, i := range s.Invoices {
		switch difference := i.Difference; {
		case i.State != "complete":
			s.Open = append(s.Open, fmt.Sprintf("%s: invoice %s is not complete: %s", i.Partner, i.InvoiceID, i.State))
		case difference.Valid && !difference.Decimal.IsZero():
			s.Open = append(s.Open, fmt.Sprintf("%s: of invoice %s, %s %s belong to no customer", i.Partner, i.InvoiceID, difference.Decimal, i.CurrencyCode))
		}
	}
	for _, n := range s.NotJudged {
		s.Open = append(s.Open, fmt.Sprintf("%s: there is no %s invoice in %s for service costs of %s", n.Partner, n.InvoiceType, n.CurrencyCode, n.ServiceCosts.Decimal))
	}
	for _, d := range s.Differences {
		if d.Reason == "" || d.Reason == "late data" {
			s.Open = append(s.Open, fmt.Sprintf("%s: customer %s, %s: %s %s %s", d.Partner, d.CustomerID, d.InvoiceType, words[d.Verdict], d.Difference.Decimal, d.CurrencyCode))
		}
	}
}

// words are the verdicts as the beginning of a sentence that ends with the difference.
var words = map[string]string{
	"differs": "the invoice differs from the service costs by", "invoice_only": "only the invoice has an amount:", "costs_only": "only the service costs have an amount, the invoice lacks it:",
}
