package console

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"partnercost/internal/finance"
)

// trendMonths is how many months the charts show: a year, and the month a year ago.
const trendMonths = 13

// overviewPage is what the template of the overview shows: a strip of what matters, the
// month by currency, and the beginnings of the lists.
type overviewPage struct {
	Form  *formView
	Month string
	// Open says what an open month lacks.
	Open string
	// Collected says that somebody was asked for at least; Costs that there are any.
	Collected, Costs bool
	// Stale are the months that have changed since they were summarised.
	Stale []string
	// Endless leads to costs whose period has no stated end; empty when there are none.
	Endless    string
	Strip      []tile
	Currencies []currencyView
	Legend     []legendView
	Lists      []list
	SignIns    *tableView

	of                           *month
	collected                    string
	missing                      int
	restated                     []restatedView
	coverage, uncovered          int64
	counts                       map[string]string
	movers, lacks, changes       list
	without, oddities, lastNight list
}

// tile is a part of the strip.
type tile struct{ Label, Value, Detail, Href, Class string }

// list is the beginning of a table, with links to more of it.
type list struct {
	ID, Title string
	Links     []chip
	Table     tableView
}

// currencyView is a month in one currency.
type currencyView struct {
	Code, Name         string
	Total              shownAmount
	Difference, Before shownAmount
	Percent            string
	// Compared says that there is a month to compare with, Open that only those are compared
	// that have come.
	Compared, Open, Up bool
	Chart              *barChart
	// Costs leads to those of the month, Table to the figures of the chart.
	Costs, Table string
}

// restatedView counts the restatements in a currency.
type restatedView struct {
	code, sum, href string
	count           int64
}

// overview reads its sections side by side: each is one state of the database, and none
// waits for a second connection while it holds one.
func (c *console) overview(w http.ResponseWriter, r *http.Request) {
	f, err := c.filter(r.URL.Query())
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p := overviewPage{}
	yesterday := f.now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	whose := filter{partner: f.partner, now: f.now, signIns: f.signIns}
	since := whose
	since.since = &yesterday

	sections, ctx := errgroup.WithContext(r.Context())
	for _, section := range []func(context.Context, *sql.Tx) error{
		func(ctx context.Context, tx *sql.Tx) error { return p.covered(ctx, tx, whose) },
		func(ctx context.Context, tx *sql.Tx) error { return p.changed(ctx, tx, since) },
		func(ctx context.Context, tx *sql.Tx) error { return c.rest(ctx, tx, &p, f, whose) },
	} {
		sections.Go(func() error { return c.read(ctx, pageWithin, section) })
	}
	if err := sections.Wait(); err != nil {
		c.failed(w, r, err)
		return
	}
	p.Collected = p.coverage > 0 || len(p.lastNight.Table.Rows) > 0 || p.Costs
	p.strip(f, since)
	if p.Costs {
		p.Lists = []list{p.movers, p.lacks}
	}
	p.Lists = append(p.Lists, p.changes, p.oddities, p.without, p.lastNight)
	c.render(w, r, http.StatusOK, view{template: "overview", title: "Overview", data: p})
}

// rest fills in the sections that take little.
func (c *console) rest(ctx context.Context, tx *sql.Tx, p *overviewPage, f, whose filter) error {
	if f.month == nil {
		m, err := defaultMonth(ctx, tx)
		if err != nil {
			return err
		}
		f.month = m
	}
	p.of, p.Costs = f.month, f.month != nil
	return inOrder(
		func() error { return p.costs(ctx, tx, f) },
		func() error { return p.found(ctx, tx, whose) },
		func() error {
			at, err := finance.LastRun(ctx, tx, f.partner)
			if at != nil {
				p.collected = moment(*at)
			}
			return err
		},
		func() (err error) {
			p.lastNight = list{ID: "runs", Title: "Last runs"}
			p.lastNight.Table, err = runs.beginning(ctx, tx, whose)
			return err
		},
		func() error {
			if c.SignIns == nil {
				return nil
			}
			v, err := signIns.beginning(ctx, tx, whose)
			p.SignIns = &v
			return err
		},
		func() (err error) {
			p.Form, err = c.form(ctx, tx, table{filters: []string{"month", "partner"}}, f)
			return err
		},
		func() error { return c.lookForInvoices(ctx, tx) },
	)
}

// inOrder runs steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// costs fills in what the month costs.
func (p *overviewPage) costs(ctx context.Context, tx *sql.Tx, f filter) error {
	if f.month == nil {
		return nil
	}
	m := *f.month
	p.Month = m.label()
	one := filter{month: f.month, partner: f.partner, now: f.now}
	stale, err := finance.StaleMonths(ctx, tx, f.partner)
	if err != nil {
		return err
	}
	for _, s := range stale {
		p.Stale = append(p.Stale, month{s}.label())
	}
	if err := p.byCurrency(ctx, tx, one); err != nil {
		return err
	}
	found, err := finance.Months(ctx, tx)
	if err != nil {
		return err
	}
	if !m.IsZero() && slices.ContainsFunc(found, time.Time.IsZero) {
		p.Endless = link("/costs", filter{month: &month{}, partner: f.partner}.values())
	}
	return p.moved(ctx, tx, one)
}

// byCurrency fills in the cards of the currencies, with their charts.
func (p *overviewPage) byCurrency(ctx context.Context, tx *sql.Tx, f filter) error {
	sums, err := finance.CurrencyTotals(ctx, tx, f.month.Time, f.partner)
	if err != nil {
		return err
	}
	for _, sum := range sums {
		p.Currencies = append(p.Currencies, monthIn(f, orEmptyText(sum.Currency), sum.AfterTax, sum.Now, sum.Before, sum.Open))
	}
	if f.month.IsZero() {
		return nil
	}
	t, err := readTrend(ctx, tx, f, *f.month, trendMonths)
	if err != nil {
		return err
	}
	for i := range p.Currencies {
		v := &p.Currencies[i]
		v.Chart = t.in(v.Code)
		v.Table = link("/totals", filter{partner: f.partner, currency: &v.Code, every: map[string]bool{"month": true}}.values())
	}
	p.Legend = t.legend()
	p.Open = openSentence(*f.month, t.states)
	for _, s := range t.states {
		if s.Month.Equal(f.month.Time) {
			p.missing += s.Missing
		}
	}
	return nil
}

// monthIn is a month in one currency, of which is compared what now and before say.
func monthIn(f filter, code string, total, now, before decimal.NullDecimal, open bool) currencyView {
	v := currencyView{Code: code, Name: nameOf(code), Total: shownAmount{Text: "not stated"}, Open: open}
	if total.Valid {
		v.Total = money(total.Decimal.String(), code)
	}
	if now.Valid && before.Valid {
		difference := now.Decimal.Sub(before.Decimal)
		v.Compared, v.Up, v.Before = true, difference.IsPositive(), money(before.Decimal.String(), code)
		v.Difference = money(difference.String(), code)
		v.Difference.Text = signed(v.Difference.Text)
		if before.Decimal.IsPositive() {
			v.Percent = percentage(difference.Mul(decimal.NewFromInt(100)).DivRound(before.Decimal, 1).String())
		}
	}
	v.Costs = link("/costs", filter{month: f.month, partner: f.partner, currency: &v.Code}.values())
	return v
}

// moved shows who moved most in the currency of most customers, and whose costs are
// missing.
func (p *overviewPage) moved(ctx context.Context, tx *sql.Tx, f filter) (err error) {
	p.movers = list{ID: "movers", Title: "Movers"}
	p.lacks = list{ID: "missing", Title: "Missing costs"}
	in := f
	if len(p.Currencies) > 1 {
		var codes []*string
		for i := range p.Currencies {
			codes = append(codes, &p.Currencies[i].Code)
		}
		if in, err = movers.inFirst(ctx, tx, f, codes); err != nil {
			return err
		}
		for _, other := range codes {
			if *other == *in.currency {
				continue
			}
			of := f
			of.currency = other
			p.movers.Links = append(p.movers.Links, chip{Text: nameOf(*other), Href: link("/movers", of.values())})
		}
	}
	if p.movers.Table, err = movers.beginning(ctx, tx, in); err != nil {
		return err
	}
	p.lacks.Table, err = missingCosts.beginning(ctx, tx, f)
	return err
}

// changed shows the largest restatements, and by currency how many there are and what
// they add up to.
func (p *overviewPage) changed(ctx context.Context, tx *sql.Tx, f filter) (err error) {
	p.changes = list{ID: "restatements", Title: "Restated since yesterday"}
	p.changes.Table, err = restatements.firsts(ctx, tx, f, byPlace, func(value func(string) any) {
		v := restatedView{code: plainText(value("currency_code"))}
		v.count, _ = value("all_of_currency").(int64)
		if sum := plainText(value("sum_of_currency")); sum != "" {
			v.sum = signed(money(sum, v.code).Text) + " " + v.code
		}
		only := f
		only.currency = &v.code
		v.href = link("/restatements", only.values())
		p.restated = append(p.restated, v)
		p.changes.Links = append(p.changes.Links, chip{Text: fmt.Sprintf("%s in %s: %s", count(int(v.count)), nameOf(v.code), cmp.Or(v.sum, "not stated")), Href: v.href})
	})
	return err
}

// covered shows who is not covered, and counts by partner who is: all but those, which
// are counted as they are read.
func (p *overviewPage) covered(ctx context.Context, tx *sql.Tx, f filter) (err error) {
	p.without = list{ID: "coverage", Title: "Customers that are not covered"}
	p.without.Table, err = uncovered.firsts(ctx, tx, f, parseOrder(uncovered.order), func(value func(string) any) {
		n, _ := value("all_of_partner").(int64)
		p.uncovered += n
	})
	if err != nil {
		return err
	}
	active, err := finance.ActiveCustomers(ctx, tx, f.partner)
	for _, a := range active {
		p.coverage += a.Customers
	}
	return err
}

// found shows the most serious open findings, and how many there are.
func (p *overviewPage) found(ctx context.Context, tx *sql.Tx, f filter) (err error) {
	p.oddities, p.counts = list{ID: "findings", Title: "Open findings"}, map[string]string{}
	p.oddities.Table, err = findings.firsts(ctx, tx, f, parseOrder(findings.order), func(value func(string) any) {
		p.counts[plainText(value("severity"))] = grouped(plainText(value("all_of_severity")))
	})
	for _, name := range severities {
		if n := p.counts[name]; n != "" {
			p.oddities.Links = append(p.oddities.Links, chip{Text: n + " " + name, Href: link("/findings", filter{partner: f.partner, severity: name}.values())})
		}
	}
	return err
}

// strip sums up what the page says.
func (p *overviewPage) strip(f, since filter) {
	whose := filter{partner: f.partner}
	if p.Costs {
		m := filter{month: p.of, partner: f.partner}
		state := tile{Label: "Month", Value: p.Month, Detail: "closed", Href: link("/totals", m.values())}
		lacks := tile{Label: "Missing costs", Value: count(p.missing), Detail: "have not come", Href: link("/missing-costs", m.values())}
		if p.missing == 0 {
			lacks.Value, lacks.Detail = "none", "all have come"
		}
		switch {
		case p.Open != "":
			state.Detail, state.Class = "open: not complete yet", "warning"
		case len(p.Currencies) == 0:
			state.Detail = "no costs"
		case p.of.IsZero():
			state.Detail = "costs that belong to no month"
		}
		p.Strip = append(p.Strip, state, lacks)
	}
	coverage := tile{Label: "Coverage", Value: "–", Href: link("/uncovered", whose.values())}
	if p.coverage > 0 {
		covered := p.coverage - p.uncovered
		coverage.Value = decimal.NewFromInt(100*covered).Div(decimal.NewFromInt(p.coverage)).Truncate(1).String() + " %"
		coverage.Detail = fmt.Sprintf("%s of %s", count(int(covered)), count(int(p.coverage)))
		if p.uncovered > 0 {
			coverage.Class = "warning"
		}
	}
	open := tile{Label: "Open findings", Value: "none", Href: link("/findings", whose.values())}
	for _, name := range severities {
		n := p.counts[name]
		switch {
		case n == "":
		case open.Class == "":
			open.Value, open.Class = n+" "+name, name
		case open.Detail == "":
			open.Detail = n + " " + name
		default:
			open.Detail += ", " + n + " " + name
		}
	}
	restated := tile{Label: "Restated", Value: "none", Detail: "since yesterday", Href: link("/restatements", since.values())}
	var all int64
	for _, v := range p.restated {
		all += v.count
	}
	if all > 0 {
		restated.Value = plural(int(all), "cost", "costs")
	}
	p.Strip = append(p.Strip, coverage, open, restated)
	if left := signInTile(f.signIns); left != nil {
		p.Strip = append(p.Strip, *left)
	}
	if p.collected != "" {
		p.Strip = append(p.Strip, tile{Label: "Last collected", Value: p.collected[:len(time.DateOnly)], Detail: "at " + p.collected[len(time.DateOnly)+1:] + " UTC", Href: link("/runs", whose.values())})
	}
}

// signInTile tells of the sign-in that ends first; nil where none can end.
func signInTile(all []SignIn) *tile {
	var t *tile
	least := 0
	for _, s := range all {
		switch {
		case s.Mode != "app_user":
		case s.DaysLeft == nil:
			return &tile{Label: "Sign-ins", Value: "needed", Detail: "nobody has signed in for " + s.Partner, Href: "/sign-ins", Class: "serious"}
		case t == nil || *s.DaysLeft < least:
			least = *s.DaysLeft
			t = &tile{Label: "Sign-ins", Value: plural(least, "day left", "days left"), Detail: "for " + s.Partner, Href: "/sign-ins"}
			if s.Warning {
				t.Class = "warning"
			}
		}
	}
	return t
}

func orEmptyText(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
