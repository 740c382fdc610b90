package console

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// chartedMonths is how many months the charts of one customer show.
const chartedMonths = 24

// facts are what is known of a customer apart from the costs.
type facts struct {
	Partner, ID, Name, Country, Outcome, OutcomeClass, Error string
	FirstSeen, LastIn                                        string
	Active                                                   bool
}

// customerPage is what the template of a customer shows.
type customerPage struct {
	Customer                          facts
	Currencies                        []currencyView
	Costs, Lines, Revisions, Findings tableView
}

func (c *console) customer(ctx context.Context, tx *sql.Tx, r *http.Request) (view, error) {
	f, err := c.filter(r.URL.Query())
	if err != nil {
		return view{}, err
	}
	f = filter{partner: f.partner, customer: f.customer, now: f.now}
	p := customerPage{}
	p.Customer, err = known(ctx, tx, f)
	if err != nil {
		return view{}, err
	}
	err = inOrder(
		func() (err error) { p.Currencies, err = charted(ctx, tx, f); return err },
		func() (err error) {
			p.Costs, err = costs.preview(ctx, tx, f, order{column: "period_end", down: true}, 2*previewRows)
			return err
		},
		func() (err error) { p.Revisions, err = revisions.beginning(ctx, tx, f); return err },
		func() (err error) { p.Findings, err = findings.beginning(ctx, tx, f); return err },
		func() (err error) {
			p.Lines, err = lines.preview(ctx, tx, f, parseOrder(lines.order), 2*previewRows)
			return err
		},
	)
	if err != nil {
		return view{}, err
	}
	p.Findings.Empty = "Nothing about this customer looks odd."
	return view{template: "customer", title: p.Customer.Name, data: p}, nil
}

// known reads the facts of the one customer of a filter.
func known(ctx context.Context, tx *sql.Tx, f filter) (facts, error) {
	if f.customer == "" || f.partner == "" {
		return facts{}, badRequest("a customer's page needs its partner and its id")
	}
	var name, country, outcome, reason *string
	var firstSeen time.Time
	var lastIn *time.Time
	k := facts{Partner: f.partner, ID: string(f.customer)}
	err := tx.QueryRowContext(ctx, `SELECT w.company_name, w.country, w.last_outcome, w.first_seen_at, w.last_collected_at, w.active, v.last_error
		FROM finance.customers w LEFT JOIN finance.coverage v ON v.partner = w.partner AND v.customer_id = w.customer_id
		WHERE w.partner = $1::text AND w.customer_id = $2::uuid`, f.partner, string(f.customer)).
		Scan(&name, &country, &outcome, &firstSeen, &lastIn, &k.Active, &reason)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return facts{}, errNotFound
	case err != nil:
		return facts{}, fmt.Errorf("read the customer: %w", err)
	}
	k.Name, k.FirstSeen = k.ID, moment(firstSeen)
	if name != nil && *name != "" {
		k.Name = *name
	}
	for from, to := range map[*string]*string{country: &k.Country, outcome: &k.Outcome, reason: &k.Error} {
		if from != nil {
			*to = *from
		}
	}
	k.OutcomeClass = k.Outcome
	if lastIn != nil {
		k.LastIn = moment(*lastIn)
	}
	return k, nil
}

// charted are the currencies in which a customer has costs, each with its chart. All
// charts show the same months, which end with the newest.
func charted(ctx context.Context, tx *sql.Tx, f filter) ([]currencyView, error) {
	var first, last *string
	err := tx.QueryRowContext(ctx, `SELECT to_char(min(period_end), 'YYYY-MM'), to_char(max(period_end), 'YYYY-MM') FROM finance.costs
		WHERE partner = $1::text AND customer_id = $2::uuid`, f.partner, string(f.customer)).Scan(&first, &last)
	if err != nil {
		return nil, fmt.Errorf("read the months of the customer: %w", err)
	}
	if first == nil || last == nil {
		return nil, nil // nothing has a place in time
	}
	oldest, err := parseMonth(*first)
	if err != nil {
		return nil, err
	}
	newest, err := parseMonth(*last)
	if err != nil {
		return nil, err
	}
	span := min(max(months(oldest, newest)+1, trendMonths), chartedMonths)
	from := newest.plus(1 - span)
	var views []currencyView
	err = each(ctx, tx, `SELECT currency_code FROM finance.costs
		WHERE partner = $1::text AND customer_id = $2::uuid AND period_end >= $3::date GROUP BY currency_code ORDER BY count(*) DESC, currency_code`,
		[]any{f.partner, string(f.customer), from.parameter()}, func(scan func(...any) error) error {
			var code *string
			if err := scan(&code); err != nil {
				return err
			}
			v := currencyView{Name: "no stated currency"}
			if code != nil {
				v.Code, v.Name = *code, *code
			}
			of := f
			of.currency, of.since, of.month = &v.Code, &from.Time, &newest
			v.Chart = picture(of, fmt.Sprintf("Costs in %s by month and invoice type, from %s to %s; the table of costs has the figures.", v.Name, from.label(), newest.label()))
			views = append(views, v)
			return nil
		})
	return views, err
}
