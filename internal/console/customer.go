package console

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"net/http"

	"partnercost/internal/billing"
	"partnercost/internal/finance"
)

// chartedMonths is how many months the charts of one customer show.
const chartedMonths = 24

// facts are what is known of a customer apart from the costs.
type facts struct {
	Partner, ID, Name, Country, Outcome, Error string
	FirstSeen, LastCollected                   string
	Active                                     bool
}

// customerPage is what the template of a customer shows.
type customerPage struct {
	Customer   facts
	Form       *formView
	Open       string
	Currencies []currencyView
	Legend     []legendView
	Lists      []list
}

func (c *console) customer(ctx context.Context, tx *sql.Tx, r *http.Request) (view, error) {
	f, err := c.filter(r.URL.Query())
	if err != nil {
		return view{}, err
	}
	f = filter{partner: f.partner, customer: f.customer, month: f.month, now: f.now}
	p := customerPage{Form: &formView{}}
	p.Customer, err = known(ctx, tx, f)
	if err != nil {
		return view{}, err
	}
	whole := f
	whole.month = nil
	err = inOrder(
		func() error { return p.charted(ctx, tx, f) },
		func() error {
			return p.add(costs.preview(ctx, tx, whole, order{column: "period_end", down: true}, 2*previewRows))
		},
		func() error {
			more, err := finance.AnyElsewhere(ctx, tx, f.partner, f.customer)
			if err != nil || !more {
				return err // the costs are all there is
			}
			return p.add(history.preview(ctx, tx, whole, order{column: "month", down: true}, 2*previewRows))
		},
		func() error { return p.add(lines.preview(ctx, tx, whole, parseOrder(lines.order), 2*previewRows)) },
		func() error { return p.add(missingCosts.beginning(ctx, tx, whole)) },
		func() error { return p.add(restatements.beginning(ctx, tx, whole)) },
		func() error { return p.add(findings.beginning(ctx, tx, whole)) },
	)
	if err != nil {
		return view{}, err
	}
	return view{template: "customer", title: p.Customer.Name, data: p}, nil
}

// add adds a list, if it has rows.
func (p *customerPage) add(v tableView, err error) error {
	if len(v.Rows) > 0 {
		p.Lists = append(p.Lists, list{ID: v.Name, Title: v.Title, Table: v})
	}
	return err
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
		Outcome: title(c.LastOutcome), Error: c.LastError, FirstSeen: moment(c.FirstSeen), Active: c.Active,
	}
	if c.LastCollected != nil {
		k.LastCollected = moment(*c.LastCollected)
	}
	return k, nil
}

// charted fills in what the customer costs in each of its currencies: in the month of the
// filter, else in the newest closed one, with the trend up to its newest month.
func (p *customerPage) charted(ctx context.Context, tx *sql.Tx, f filter) error {
	first, last, err := finance.CustomerSpan(ctx, tx, f.partner, f.customer)
	if err != nil || last.IsZero() { // nothing has a place in time
		return err
	}
	oldest, newest := month{first}, month{last}
	if f.month == nil {
		f.month, err = defaultMonth(ctx, tx)
		if err != nil {
			return err
		}
	}
	if f.month == nil || f.month.After(newest.Time) || f.month.Before(oldest.Time) {
		f.month = &newest
	}
	span := min(max(months(oldest, newest)+1, trendMonths), chartedMonths)
	if back := months(*f.month, newest) + 2; back > span { // a month long ago has its own trend
		newest = *f.month
	}
	t, err := readTrend(ctx, tx, f, newest, span)
	if err != nil {
		return err
	}
	p.Legend = t.legend()
	if openSentence(*f.month, t.states) != "" {
		p.Open = "Of this customer too more costs may come. Comparisons are of the types that have come."
	}
	for _, code := range t.codes() {
		total, now, before, open := t.compared(code, *f.month)
		v := monthIn(f, code, total, now, before, open)
		v.Costs = link("/costs", filter{month: f.month, partner: f.partner, customer: f.customer, currency: &v.Code}.values())
		if !total.Valid {
			v.Total.Text = "none"
		}
		v.Chart, v.Table = t.in(code), link("/costs", filter{partner: f.partner, customer: f.customer, currency: &v.Code}.values())
		p.Currencies = append(p.Currencies, v)
	}
	var all []month
	for n := range months(oldest, month{last}) + 1 {
		all = append([]month{oldest.plus(n)}, all...)
	}
	p.Form = &formView{Action: "/customer"}
	p.Form.arrows(f, all)
	return nil
}
