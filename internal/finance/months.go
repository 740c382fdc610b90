package finance

import (
	"context"
	stdsql "database/sql"
	"time"

	"github.com/shopspring/decimal"
)

// Months are those with costs, the newest first. The zero time comes last and stands for
// costs whose period has no stated end.
func Months(ctx context.Context, tx *stdsql.Tx) ([]time.Time, error) {
	return months(ctx, tx, Query{SQL: "SELECT DISTINCT month FROM finance.month_totals ORDER BY month DESC NULLS LAST"})
}

// DefaultMonth is the month to show when none is asked for: the newest closed one, else
// the newest with costs; the zero time without any.
func DefaultMonth(ctx context.Context, tx *stdsql.Tx) (time.Time, error) {
	var month *time.Time
	err := tx.QueryRowContext(ctx, "SELECT finance.reporting_month()").Scan(&month)
	return orZero(month), advised(err)
}

// StaleMonths are those whose summaries are older than the facts, the newest last.
func StaleMonths(ctx context.Context, tx *stdsql.Tx, partner string) ([]time.Time, error) {
	c := ofPartner(partner)
	return months(ctx, tx, Query{"SELECT DISTINCT month FROM finance.stale_months" + c.where() + " ORDER BY month", c.args})
}

func months(ctx context.Context, tx *stdsql.Tx, q Query) ([]time.Time, error) {
	return collected(ctx, tx, q, func(scan func(...any) error) (time.Time, error) {
		month, err := single[*time.Time](scan)
		return orZero(month), err
	})
}

// SummarisedAt is when the months were last summarised; nil if never.
func SummarisedAt(ctx context.Context, tx *stdsql.Tx, partner string) (at *time.Time, err error) {
	c := ofPartner(partner)
	err = tx.QueryRowContext(ctx, "SELECT max(summarised_at) FROM finance.month_totals"+c.where(), c.args...).Scan(&at)
	return at, advised(err)
}

// CurrencyTotal is what a month costs in one currency, nil where none is stated, and
// what the month before did.
type CurrencyTotal struct {
	Currency    *string
	AfterTax    decimal.NullDecimal
	MonthBefore decimal.NullDecimal
}

// CurrencyTotals are those of a month, the currency of most customers first.
func CurrencyTotals(ctx context.Context, tx *stdsql.Tx, month time.Time, partner string) ([]CurrencyTotal, error) {
	var c conditions
	c.parameter(date(month))
	if partner != "" {
		c.add("partner = ?::text", partner)
	}
	q := Query{`SELECT currency_code, sum(after_tax_total) FILTER (WHERE month IS NOT DISTINCT FROM $1::date),
			sum(after_tax_total) FILTER (WHERE month = ($1::date - interval '1 month')::date)
		FROM finance.month_totals` + c.where() + `
		GROUP BY currency_code HAVING bool_or(month IS NOT DISTINCT FROM $1::date)
		ORDER BY sum(customers) DESC, currency_code`, c.args}
	return collected(ctx, tx, q, func(scan func(...any) error) (t CurrencyTotal, err error) {
		err = scan(&t.Currency, &t.AfterTax, &t.MonthBefore)
		return t, err
	})
}

// MonthTotal is what a month costs in one invoice type, which is empty where none is
// stated.
type MonthTotal struct {
	Month       time.Time
	InvoiceType string
	AfterTax    decimal.NullDecimal
}

// Trend is what each month of a selection's currency costs, from one month to another:
// of one customer from the costs, else from the summary.
func Trend(ctx context.Context, tx *stdsql.Tx, s Selection, from, to time.Time) ([]MonthTotal, error) {
	view, day := "finance.month_totals", "v.month"
	if s.Customer != "" {
		view, day = "finance.costs", "v.period_end"
	}
	var c conditions
	c.whose("v", s)
	c.equal("v.currency_code", s.Currency, "text")
	c.add(day+" >= ?::date", date(from))
	c.add(day+" < ?::date", date(to.AddDate(0, 1, 0)))
	q := Query{"SELECT date_trunc('month', " + day + ")::date, coalesce(v.invoice_type, ''), sum(v.after_tax_total) FROM " + view + " v" +
		c.where() + " GROUP BY 1, 2 ORDER BY 2, 1", c.args}
	return collected(ctx, tx, q, func(scan func(...any) error) (t MonthTotal, err error) {
		err = scan(&t.Month, &t.InvoiceType, &t.AfterTax)
		return t, err
	})
}
