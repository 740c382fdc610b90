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

// LastRun is when the last run of everybody ended; nil if none did.
func LastRun(ctx context.Context, tx *stdsql.Tx, partner string) (at *time.Time, err error) {
	c := ofPartner(partner)
	c.terms = append(c.terms, "status IN ('succeeded', 'partial')", "scope = 'all'")
	err = tx.QueryRowContext(ctx, "SELECT max(finished_at) FROM finance.runs"+c.where(), c.args...).Scan(&at)
	return at, advised(err)
}

// MonthState is how complete a month is in one invoice type and currency, which are empty
// where none is stated.
type MonthState struct {
	Month                 time.Time
	InvoiceType, Currency string
	Open                  bool
	// Expected are the customers that had such costs in the month before, and Missing those
	// of them that have none.
	Expected, Missing int
	ClosesAt          time.Time
}

// MonthStates are those from one month to another, oldest first.
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

// Currencies are those of the costs of a month, that of most customers first; nil where none
// is stated. A nil month stands for all.
func Currencies(ctx context.Context, tx *stdsql.Tx, month *time.Time, partner string) ([]*string, error) {
	c := ofPartner(partner)
	if month != nil {
		c.add("month IS NOT DISTINCT FROM ?::date", date(*month))
	}
	return collected(ctx, tx, Query{"SELECT currency_code FROM finance.month_totals" + c.where() + " GROUP BY currency_code ORDER BY sum(customers) DESC, currency_code", c.args}, single[*string])
}

// InvoiceTypes are those of all costs; nil where none is stated.
func InvoiceTypes(ctx context.Context, tx *stdsql.Tx) ([]*string, error) {
	return collected(ctx, tx, Query{SQL: "SELECT DISTINCT invoice_type FROM finance.month_totals ORDER BY invoice_type DESC"}, single[*string])
}

// CurrencyTotal is what a month costs in one currency, nil where none is stated.
type CurrencyTotal struct {
	Currency *string
	AfterTax decimal.NullDecimal
	// Now and Before are what is to be compared: of an invoice type that is closed the month
	// and the one before, of one that is open the customers that have costs in both.
	Now, Before decimal.NullDecimal
	Open        bool
}

// CurrencyTotals are those of a month, the currency of most customers first.
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

// MonthTotal is what a month costs in one currency and invoice type, which are empty where
// none is stated.
type MonthTotal struct {
	Month                 time.Time
	Currency, InvoiceType string
	AfterTax              decimal.NullDecimal
}

// Trend is what each month of a selection costs, from one month to another: of one
// customer from the costs, else from the summary.
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
