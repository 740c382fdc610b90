package finance

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"time"

	"partnercost/internal/billing"
)

// Customer is a customer without the costs. Unknown texts are empty.
type Customer struct {
	Name, Country, LastOutcome, LastError string
	FirstSeen                             time.Time
	LastCollected                         *time.Time
	Active                                bool
}

// FindCustomer reads a customer of a partner. If there is no such customer, the error is
// billing.ErrUnknownCustomer.
func FindCustomer(ctx context.Context, tx *stdsql.Tx, partner string, id billing.CustomerID) (c Customer, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(w.company_name, ''), coalesce(w.country, ''), coalesce(w.last_outcome, ''), coalesce(v.last_error, ''),
			w.first_seen_at, w.last_collected_at, w.active
		FROM finance.customers w LEFT JOIN finance.coverage v ON v.partner = w.partner AND v.customer_id = w.customer_id
		WHERE w.partner = $1::text AND w.customer_id = $2::uuid`, partner, string(id)).
		Scan(&c.Name, &c.Country, &c.LastOutcome, &c.LastError, &c.FirstSeen, &c.LastCollected, &c.Active)
	switch {
	case errors.Is(err, stdsql.ErrNoRows):
		return c, billing.ErrUnknownCustomer
	case err != nil:
		return c, fmt.Errorf("read the customer: %w", advised(err))
	}
	return c, nil
}

// CustomerSpan returns the first and the last month in which costs of a customer end;
// zero times if there are none.
func CustomerSpan(ctx context.Context, tx *stdsql.Tx, partner string, id billing.CustomerID) (first, last time.Time, err error) {
	var from, to *time.Time
	err = tx.QueryRowContext(ctx, `SELECT date_trunc('month', min(period_end))::date, date_trunc('month', max(period_end))::date FROM finance.costs
		WHERE partner = $1::text AND customer_id = $2::uuid`, partner, string(id)).Scan(&from, &to)
	if err != nil {
		return first, last, fmt.Errorf("read the months of the customer: %w", advised(err))
	}
	return orZero(from), orZero(to), nil
}

// PartnerCustomers is the number of a partner's active customers.
type PartnerCustomers struct {
	Partner   string
	Customers int64
}

// ActiveCustomers counts the active customers of one partner, or of each if partner is
// empty.
func ActiveCustomers(ctx context.Context, tx *stdsql.Tx, partner string) ([]PartnerCustomers, error) {
	c := ofPartner(partner)
	c.terms = append(c.terms, "active")
	q := Query{"SELECT partner, count(*) FROM finance.customers" + c.where() + " GROUP BY partner ORDER BY partner", c.args}
	return collected(ctx, tx, q, func(scan func(...any) error) (p PartnerCustomers, err error) {
		err = scan(&p.Partner, &p.Customers)
		return p, err
	})
}

// Partners returns the names of all partners that have a run or costs.
func Partners(ctx context.Context, tx *stdsql.Tx) ([]string, error) {
	q := Query{SQL: "SELECT DISTINCT partner FROM finance.runs UNION SELECT DISTINCT partner FROM finance.month_totals ORDER BY 1"}
	return collected(ctx, tx, q, single[string])
}
