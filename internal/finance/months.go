package finance

import (
	"context"
	stdsql "database/sql"
	"time"

	"github.com/shopspring/decimal"
)

// Months returns the months that have costs, the newest first. The zero time comes last
// and stands for costs whose period has no stated end.
func Months(ctx context.Context, tx *stdsql.Tx) ([]time.Time, error) {
	return months(ctx, tx, Query{SQL: "SELECT DISTINCT month FROM finance.month_totals ORDER BY month DESC NULLS LAST"})
}

// DefaultMonth returns the month to show if none is chosen: the newest closed month, else
// the newest month with costs, else the zero time.
func DefaultMonth(ctx context.Context, tx *stdsql.Tx) (time.Time, error) {
	var month *time.Time
	err := tx.QueryRowContext(ctx, "SELECT finance.reporting_month()").Scan(&month)
	return orZero(month), advised(err)
}

// StaleMonths returns the months whose totals are older than their costs, the newest
// last.
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

// LastRun returns when the last run of all customers ended; nil if none did.
func LastRun(ctx context.Context, tx *stdsql.Tx, partner string) (at *time.Time, err error) {
	c := ofPartner(partner)
	c.terms = append(c.terms, "status IN ('succeeded', 'partial')", "scope = 'all'")
	err = tx.QueryRowContext(ctx, "SELECT max(finished_at) FROM finance.runs"+c.where(), c.args...).Scan(&at)
	return at, advised(err)
}

// MonthState says how complete a month is in one invoice type and currency. Both are empty
// if they are not stated.
type MonthState struct {
	Month                 time.Time
	InvoiceType, Currency string
	Open                  bool
	// Expected counts the customers that had such costs in the month before. Missing counts
	// those of them that have none in this month.
	Expected, Missing int
	ClosesAt          time.Time
}

// MonthStates returns the states from one month to another, oldest first.
func MonthStates(ctx context.Context, tx *stdsql.Tx, partner string, from, to time.Time) ([]MonthState, error) {
	c := ofPartner(partner)
	c.add("month >= ?::date", date(from))
	c.add("month <= ?::date", date(to))
	q := Query{`SELECT month, coalesce(invoice_type, ''), coalesce(currency_code, ''), bool_or(state = 'open'), sum(customers_expected), sum(missing), max(closes_at)
		FROM finance.month_states` + c.where() + " GROUP BY month, invoice_type, currency_code ORDER BY month, invoice_type, currency_code", c.args}
	return collected(ctx, tx, q, func(scan func(...any) error) (m MonthState, err error) {
		err = scan(&m.Month, &m.InvoiceType, &m.Currency, &m.Open, &m.Expected, &m.Missing, &m.ClosesAt)
		return m, err
	})
}

// Currencies returns the currencies of the costs of a month, or of all months if month is
// nil. The currency of most customers comes first. nil stands for costs without a stated
// currency.
func Currencies(ctx context.Context, tx *stdsql.Tx, month *time.Time, partner string) ([]*string, error) {
	c := ofPartner(partner)
	if month != nil {
		c.add("month IS NOT DISTINCT FROM ?::date", date(*month))
	}
	return collected(ctx, tx, Query{"SELECT currency_code FROM finance.month_totals" + c.where() + " GROUP BY currency_code ORDER BY sum(customers) DESC, currency_code", c.args}, single[*string])
}

// InvoiceTypes returns the invoice types of all costs. nil stands for costs without a
// stated type.
func InvoiceTypes(ctx context.Context, tx *stdsql.Tx) ([]*string, error) {
	return collected(ctx, tx, Query{SQL: "SELECT DISTINCT invoice_type FROM finance.month_totals ORDER BY invoice_type DESC"}, single[*string])
}

// CurrencyTotal is the total of a month in one currency, which is nil if it is not stated.
type CurrencyTotal struct {
	Currency *string
	AfterTax decimal.NullDecimal
	// Now and Before are comparable. For a closed invoice type they are the totals of the
	// month and of the month before. For an open one they include only the customers that
	// have costs in both.
	Now, Before decimal.NullDecimal
	Open        bool
}

// CurrencyTotals returns the totals of a month, the currency of most customers first.
func CurrencyTotals(ctx context.Context, tx *stdsql.Tx, month time.Time, partner string) ([]CurrencyTotal, error) {
	var c conditions
	c.parameter(date(month))
	if partner != "" {
		c.add("partner = ?::text", partner)
	}
	q := Query{`SELECT t.currency_code, sum(t.total), sum(CASE WHEN s.state = 'open' THEN s.comparable_now ELSE coalesce(t.total, 0) END),
			sum(CASE WHEN s.state = 'open' THEN s.comparable_before ELSE t.before END), coalesce(bool_or(s.state = 'open'), false)
		FROM (SELECT partner, currency_code, invoice_type, coalesce(sum(customers) FILTER (WHERE month IS NOT DISTINCT FROM $1::date), 0) AS customers,
				sum(after_tax_total) FILTER (WHERE month IS NOT DISTINCT FROM $1::date) AS total,
				sum(after_tax_total) FILTER (WHERE month = ($1::date - interval '1 month')::date) AS before
			FROM finance.month_totals` + c.where() + ` GROUP BY partner, currency_code, invoice_type) t
		LEFT JOIN finance.month_states s ON s.month = $1::date AND s.partner = t.partner
			AND s.currency_code IS NOT DISTINCT FROM t.currency_code AND s.invoice_type IS NOT DISTINCT FROM t.invoice_type
		GROUP BY t.currency_code HAVING sum(t.customers) > 0
		ORDER BY sum(t.customers) DESC, t.currency_code`, c.args}
	return collected(ctx, tx, q, func(scan func(...any) error) (t CurrencyTotal, err error) {
		err = scan(&t.Currency, &t.AfterTax, &t.Now, &t.Before, &t.Open)
		return t, err
	})
}

// MonthTotal is the total of a month in one currency and invoice type. Both are empty if
// they are not stated.
type MonthTotal struct {
	Month                 time.Time
	Currency, InvoiceType string
	AfterTax              decimal.NullDecimal
}

// Trend returns the totals of a selection, from one month to another. For one customer
// they are read from the costs, else from the monthly totals.
func Trend(ctx context.Context, tx *stdsql.Tx, s Selection, from, to time.Time) ([]MonthTotal, error) {
	view, day := "finance.month_totals", "v.month"
	if s.Customer != "" {
		view, day = "finance.costs", "v.period_end"
	}
	var c conditions
	c.whose("v", s)
	c.add(day+" >= ?::date", date(from))
	c.add(day+" < ?::date", date(to.AddDate(0, 1, 0)))
	q := Query{"SELECT date_trunc('month', " + day + ")::date, coalesce(v.currency_code, ''), coalesce(v.invoice_type, ''), sum(v.after_tax_total) FROM " + view + " v" +
		c.where() + " GROUP BY 1, 2, 3 ORDER BY 2, 3, 1", c.args}
	return collected(ctx, tx, q, func(scan func(...any) error) (t MonthTotal, err error) {
		err = scan(&t.Month, &t.Currency, &t.InvoiceType, &t.AfterTax)
		return t, err
	})
}
