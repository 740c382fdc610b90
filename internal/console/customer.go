package console

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"partnercost/internal/billing"
	"partnercost/internal/finance"
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
	p.Findings.Empty = "There are no findings about this customer."
	return view{template: "customer", title: p.Customer.Name, data: p}, nil
}

// known reads the facts of the one customer of a filter.
func known(ctx context.Context, tx *sql.Tx, f filter) (facts, error) {
	if f.customer == "" || f.partner == "" {
		return facts{}, badRequest("a customer's page needs its partner and its id")
	}
	c, err := finance.FindCustomer(ctx, tx, f.partner, f.customer)
	if errors.Is(err, billing.ErrUnknownCustomer) {
		return facts{}, errNotFound
	}
	if err != nil {
		return facts{}, err
	}
	k := facts{
		Partner: f.partner, ID: string(f.customer), Name: cmp.Or(c.Name, string(f.customer)), Country: c.Country,
		Outcome: c.LastOutcome, OutcomeClass: c.LastOutcome, Error: c.LastError, FirstSeen: moment(c.FirstSeen), Active: c.Active,
	}
	if c.LastCollected != nil {
		k.LastIn = moment(*c.LastCollected)
	}
	return k, nil
}

// charted are the currencies in which a customer has costs, each with its chart. All
// charts show the same months, which end with the newest.
func charted(ctx context.Context, tx *sql.Tx, f filter) ([]currencyView, error) {
	first, last, err := finance.CustomerSpan(ctx, tx, f.partner, f.customer)
	if err != nil || last.IsZero() { // nothing has a place in time
		return nil, err
	}
	oldest, newest := month{first}, month{last}
	span := min(max(months(oldest, newest)+1, trendMonths), chartedMonths)
	from := newest.plus(1 - span)
	codes, err := finance.CustomerCurrencies(ctx, tx, f.partner, f.customer, from.Time)
	if err != nil {
		return nil, err
	}
	var views []currencyView
	for _, code := range codes {
		v := currencyView{Name: "no stated currency"}
		if code != nil {
			v.Code, v.Name = *code, *code
		}
		of := f
		of.currency, of.since, of.month = &v.Code, &from.Time, &newest
		v.Chart = picture(of, fmt.Sprintf("Costs in %s by month and invoice type, from %s to %s; the table of costs shows the figures.", v.Name, from.label(), newest.label()))
		views = append(views, v)
	}
	return views, nil
}
