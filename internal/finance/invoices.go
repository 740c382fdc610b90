package finance

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
)

// Invoices selects Microsoft's invoices.
func Invoices(s Selection) Query {
	c := invoiceConditions(s)
	return Query{`SELECT v.invoice_id, v.partner, to_char(v.month, 'YYYY-MM') AS month, v.invoice_type, v.document_type, v.amends, v.invoice_date::text, v.period_start::text, v.period_end::text,
		v.currency_code, v.total, v.lines_total, v.difference, v.state, v.lines, v.revisions, v.last_changed_at FROM finance.invoices v` + c.where(), c.args}
}

// knownCustomer says whether the customer of a row was ever requested. Invoices also name
// other customers.
const knownCustomer = "EXISTS (SELECT FROM finance.customers w WHERE w.partner = v.partner AND w.customer_id = v.customer_id) AS known"

// InvoiceLines selects the lines of the invoices.
func InvoiceLines(s Selection) Query {
	c := invoiceConditions(s)
	return Query{`SELECT v.company_name, v.partner, v.customer_id::text, ` + knownCustomer + `, v.invoice_id, v.product_name, v.charge_type, v.charge_start::text, v.charge_end::text, v.quantity, v.unit_price, v.currency_code,
		v.pretax_total, v.tax, v.after_tax_total, v.subscription_id, v.order_id, v.sku_id, v.source, v.class, v.ordinal FROM finance.invoice_lines v` + c.where(), c.args}
}

// Reconciliation selects the customers of a month with their invoiced sums and their
// service costs.
func Reconciliation(s Selection) Query {
	c := invoiceConditions(s)
	switch s.Verdict {
	case "":
	case "differences":
		c.terms = append(c.terms, "v.verdict <> 'matched'")
	default:
		c.add("v.verdict = ?::text", s.Verdict)
	}
	return Query{`SELECT v.company_name, v.partner, v.customer_id::text, ` + knownCustomer + `, to_char(v.month, 'YYYY-MM') AS month, v.invoice_type, v.currency_code, v.invoiced, v.service_costs, v.difference, v.verdict, v.reason,
		abs(v.difference) AS moved, count(*) OVER () AS all_rows FROM finance.invoice_reconciliation v` + c.where(), c.args}
}

// ReconciledTotals selects the sums over the customers of a month, by type and currency.
func ReconciledTotals(s Selection) Query {
	c := invoiceConditions(s)
	return Query{`SELECT v.invoice_type, v.partner, v.currency_code, count(*) AS customers, count(*) FILTER (WHERE v.verdict = 'matched') AS matched,
		count(*) FILTER (WHERE v.verdict <> 'matched' AND v.reason IS NULL) AS unexplained, sum(v.invoiced) AS invoiced, sum(v.service_costs) AS service_costs, sum(v.difference) AS difference
		FROM finance.invoice_reconciliation v` + c.where() + ` GROUP BY v.partner, v.invoice_type, v.currency_code`, c.args}
}

// History selects what each customer cost in each month, from service costs or invoices.
func History(s Selection) Query {
	c := invoiceConditions(s)
	return Query{`SELECT v.company_name, v.partner, v.customer_id::text, ` + knownCustomer + `, to_char(v.month, 'YYYY-MM') AS month, v.invoice_type, v.currency_code, v.after_tax_total, v.origin, count(*) OVER () AS all_rows
		FROM finance.history v` + c.where(), c.args}
}

// AnyElsewhere reports whether the history of a customer has anything but collected costs.
func AnyElsewhere(ctx context.Context, tx *stdsql.Tx, partner string, customer billing.CustomerID) (there bool, err error) {
	err = tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM finance.history WHERE partner = $1::text AND customer_id = $2::uuid AND origin <> 'servicecosts')", partner, customer).Scan(&there)
	return there, advised(err)
}

// HistoryMonths are those with costs or invoices, the newest first.
func HistoryMonths(ctx context.Context, tx *stdsql.Tx) ([]time.Time, error) {
	return months(ctx, tx, Query{SQL: `SELECT month FROM (SELECT month FROM finance.month_totals UNION SELECT month FROM finance.invoices) m
		WHERE month IS NOT NULL ORDER BY month DESC`})
}

func invoiceConditions(s Selection) conditions {
	var c conditions
	if s.Month != nil {
		c.add("v.month IS NOT DISTINCT FROM ?::date", date(*s.Month))
	}
	c.whose("v", s)
	c.equal("v.currency_code", s.Currency, "text")
	c.equal("v.invoice_type", s.InvoiceType, "text")
	if s.Invoice != "" {
		c.add("v.invoice_id = ?::text", s.Invoice)
	}
	return c
}

// AnyInvoices reports whether an invoice is stored.
func AnyInvoices(ctx context.Context, tx *stdsql.Tx) (there bool, err error) {
	err = tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM finance.invoices)").Scan(&there)
	return there, advised(err)
}

// InvoiceMonths returns the months that have invoices, the newest first. The zero time
// comes last and stands for invoices whose month is unknown.
func InvoiceMonths(ctx context.Context, tx *stdsql.Tx) ([]time.Time, error) {
	return months(ctx, tx, Query{SQL: "SELECT DISTINCT month FROM finance.invoices ORDER BY month DESC NULLS LAST"})
}

// Invoice is an invoice with the sum of its lines. Texts that are not stated are empty.
type Invoice struct {
	InvoiceType, DocumentType, Amends, Currency, State, Date, PeriodStart, PeriodEnd string
	Month                                                                            *time.Time
	Total, LinesTotal, Difference                                                    decimal.NullDecimal
	Lines, Revisions                                                                 int
	LastChanged                                                                      time.Time
	// AmendedBy are the invoices that amend this one.
	AmendedBy []string
}

// ErrUnknownInvoice means that no such invoice is stored.
var ErrUnknownInvoice = errors.New("no such invoice is stored")

// FindInvoice reads an invoice. If there is no such invoice, the error is
// ErrUnknownInvoice.
func FindInvoice(ctx context.Context, tx *stdsql.Tx, partner, id string) (i Invoice, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(invoice_type, ''), coalesce(document_type, ''), coalesce(amends, ''), coalesce(currency_code, ''), state, coalesce(invoice_date::text, ''),
			coalesce(period_start::text, ''), coalesce(period_end::text, ''), month, total, lines_total, difference, lines, revisions, last_changed_at
		FROM finance.invoices WHERE partner = $1::text AND invoice_id = $2::text`, partner, id).
		Scan(&i.InvoiceType, &i.DocumentType, &i.Amends, &i.Currency, &i.State, &i.Date, &i.PeriodStart, &i.PeriodEnd, &i.Month, &i.Total, &i.LinesTotal, &i.Difference, &i.Lines, &i.Revisions, &i.LastChanged)
	switch {
	case errors.Is(err, stdsql.ErrNoRows):
		return i, ErrUnknownInvoice
	case err != nil:
		return i, fmt.Errorf("read the invoice: %w", advised(err))
	}
	i.AmendedBy, err = collected(ctx, tx, Query{"SELECT invoice_id FROM finance.invoices WHERE partner = $1::text AND amends = $2::text ORDER BY invoice_id", []any{partner, id}}, single[string])
	return i, err
}
