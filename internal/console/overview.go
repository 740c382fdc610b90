package console

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"partnercost/internal/finance"
)

// trendMonths is how many months the charts show: a year, and the month a year ago.
const trendMonths = 13

// overviewPage is what the template of the overview shows.
type overviewPage struct {
	Form  formView
	Month string
	// Collected says that somebody was asked for at least; Costs that there are any.
	Collected, Costs bool
	SummarisedAt     string
	// Stale are the months that have changed since.
	Stale []string
	// Endless leads to costs whose period has no stated end; empty when there are none.
	Endless    string
	Currencies []currencyView
	Totals     tableView
	Movers     tableView
	Since      string
	Restated   []restatedView
	Changes    tableView
	Coverage   tableView
	Missing    tableView
	Severities []severityView
	Findings   tableView
	Runs       tableView
	SignIns    *tableView
}

// currencyView is a month in one currency.
type currencyView struct {
	Code, Name          string
	Total, Before       string
	Difference, Percent string
	Down                bool
	Trend               tableView
	Chart               pictureView
	Costs               string
}

type restatedView struct{ Code, Count, Difference, Href string }

type severityView struct{ Name, Count, Href string }

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
	p.Since = yesterday.Format(time.DateOnly)
	whose := filter{partner: f.partner, now: f.now, signIns: f.signIns}
	since := whose
	since.since = &yesterday

	sections, ctx := errgroup.WithContext(r.Context())
	for _, section := range []func(context.Context, *sql.Tx) error{
		func(ctx context.Context, tx *sql.Tx) error { return p.covered(ctx, tx, whose) },
		func(ctx context.Context, tx *sql.Tx) error { return p.restated(ctx, tx, since) },
		func(ctx context.Context, tx *sql.Tx) error { return c.rest(ctx, tx, &p, f, whose) },
	} {
		sections.Go(func() error { return c.read(ctx, pageWithin, section) })
	}
	if err := sections.Wait(); err != nil {
		c.failed(w, r, err)
		return
	}
	p.Collected = len(p.Coverage.Rows) > 0 || len(p.Runs.Rows) > 0 || p.Costs
	c.render(w, r, http.StatusOK, view{template: "overview", title: "Overview", data: p})
}

// rest fills in the sections that take little.
func (c *console) rest(ctx context.Context, tx *sql.Tx, p *overviewPage, f, whose filter) error {
	months, endless, err := knownMonths(ctx, tx)
	if err != nil {
		return err
	}
	if f.month == nil && len(months) > 0 {
		closed, err := finance.DefaultMonth(ctx, tx)
		if err != nil {
			return err
		}
		f.month = &month{closed}
	}
	if f.month == nil && endless {
		f.month = &month{}
	}
	p.Costs = f.month != nil
	return inOrder(
		func() error { return p.costs(ctx, tx, f, endless) },
		func() error { return p.found(ctx, tx, whose) },
		func() (err error) { p.Runs, err = runs.beginning(ctx, tx, whose); return err },
		func() error {
			if c.SignIns == nil {
				return nil
			}
			v, err := signIns.beginning(ctx, tx, whose)
			p.SignIns = &v
			return err
		},
		func() (err error) {
			p.Form, err = c.form(ctx, tx, totals, f)
			p.Form.Action = "/"
			return err
		},
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

// knownMonths are the months with costs, newest first, and whether there are costs of
// none.
func knownMonths(ctx context.Context, tx *sql.Tx) (months []month, endless bool, err error) {
	found, err := finance.Months(ctx, tx)
	for _, m := range found {
		if m.IsZero() {
			endless = true
			continue
		}
		months = append(months, month{m})
	}
	return months, endless, err
}

// costs fills in what the month costs.
func (p *overviewPage) costs(ctx context.Context, tx *sql.Tx, f filter, endless bool) error {
	if f.month == nil {
		return nil
	}
	m := *f.month
	p.Month = m.label()
	if endless && !m.IsZero() {
		p.Endless = link("/costs", filter{month: &month{}, partner: f.partner}.values())
	}
	if err := p.freshness(ctx, tx, f); err != nil {
		return err
	}
	one := filter{month: f.month, partner: f.partner, now: f.now}
	var err error
	p.Totals, err = totals.preview(ctx, tx, one, order{column: "currency_code"}, pageRows)
	if err != nil {
		return err
	}
	p.Movers, err = movers.preview(ctx, tx, one, byPlace, 2*previewRows)
	if err != nil {
		return err
	}
	sums, err := finance.CurrencyTotals(ctx, tx, m.Time, f.partner)
	for _, sum := range sums {
		p.Currencies = append(p.Currencies, monthIn(f, sum.Currency, sum.AfterTax, sum.MonthBefore))
	}
	if err != nil || m.IsZero() {
		return err
	}
	from := m.plus(1 - trendMonths).Time
	for i := range p.Currencies {
		of := one
		of.since, of.currency = &from, &p.Currencies[i].Code
		p.Currencies[i].Trend, err = totals.preview(ctx, tx, of, parseOrder(totals.order), pageRows)
		if err != nil {
			return err
		}
		p.Currencies[i].Trend.Title = fmt.Sprintf("%s of the last %d months by invoice type", p.Currencies[i].Name, trendMonths)
		p.Currencies[i].Chart = picture(of, fmt.Sprintf("Costs in %s by month and invoice type, from %s to %s; the table below shows the figures.",
			p.Currencies[i].Name, m.plus(1-trendMonths).label(), m.label()))
	}
	return nil
}

// monthIn is a month in one currency against the month before.
func monthIn(f filter, code *string, now, before decimal.NullDecimal) currencyView {
	v := currencyView{Name: "no stated currency", Total: "not stated"}
	if code != nil {
		v.Code, v.Name = *code, *code
	}
	if now.Valid {
		v.Total = money(now.Decimal.String(), v.Code)
	}
	if now.Valid && before.Valid {
		difference := now.Decimal.Sub(before.Decimal)
		v.Before, v.Down = money(before.Decimal.String(), v.Code), difference.IsNegative()
		v.Difference = signed(money(difference.String(), v.Code))
		if !before.Decimal.IsZero() {
			v.Percent = signed(difference.Mul(decimal.NewFromInt(100)).DivRound(before.Decimal.Abs(), 1).StringFixed(1)) + " %"
		}
	}
	v.Costs = link("/costs", filter{month: f.month, partner: f.partner, currency: &v.Code}.values())
	return v
}

// freshness tells of when the summaries are, and whether the facts have moved on.
func (p *overviewPage) freshness(ctx context.Context, tx *sql.Tx, f filter) error {
	at, err := finance.SummarisedAt(ctx, tx, f.partner)
	if err != nil {
		return fmt.Errorf("when the costs were summarised: %w", err)
	}
	if at != nil {
		p.SummarisedAt = moment(*at)
	}
	stale, err := finance.StaleMonths(ctx, tx, f.partner)
	for _, m := range stale {
		p.Stale = append(p.Stale, month{m}.label())
	}
	return err
}

// restated shows the largest restatements, and by currency how many there are and what
// they add up to.
func (p *overviewPage) restated(ctx context.Context, tx *sql.Tx, f filter) (err error) {
	p.Changes, err = restatements.firsts(ctx, tx, f, byPlace, func(value func(string) any) {
		code := plainText(value("currency_code"))
		v := restatedView{Code: code, Count: grouped(plainText(value("all_of_currency")))}
		if sum := plainText(value("sum_of_currency")); sum != "" {
			v.Difference = signed(money(sum, code))
		}
		only := f
		only.currency = &code
		v.Href = link("/restatements", only.values())
		p.Restated = append(p.Restated, v)
	})
	return err
}

// covered shows who is missing longest, and by partner how many are in: all but the
// missing, which are counted as they are read.
func (p *overviewPage) covered(ctx context.Context, tx *sql.Tx, f filter) error {
	out := map[string]int64{}
	var err error
	p.Missing, err = missing.firsts(ctx, tx, f, parseOrder(missing.order), func(value func(string) any) {
		out[plainText(value("partner"))], _ = value("all_of_partner").(int64)
	})
	if err != nil {
		return err
	}
	active, err := finance.ActiveCustomers(ctx, tx, f.partner)
	if err != nil {
		return err
	}
	p.Coverage = coverage.frame(f, parseOrder(coverage.order))
	for _, a := range active {
		in := a.Customers - out[a.Partner]
		percent := decimal.NewFromInt(100 * in).Div(decimal.NewFromInt(a.Customers)).Truncate(1)
		p.Coverage.Rows = append(p.Coverage.Rows, coverage.cells([]any{a.Partner, a.Customers, in, out[a.Partner], percent.StringFixed(1)}, f))
	}
	return nil
}

// found shows the most serious open findings, and how many there are.
func (p *overviewPage) found(ctx context.Context, tx *sql.Tx, f filter) (err error) {
	counts := map[string]string{}
	p.Findings, err = findings.firsts(ctx, tx, f, parseOrder(findings.order), func(value func(string) any) {
		counts[plainText(value("severity"))] = grouped(plainText(value("all_of_severity")))
	})
	for _, name := range []string{"serious", "warning", "info"} {
		of := filter{partner: f.partner, severity: name}
		p.Severities = append(p.Severities, severityView{Name: name, Count: cmp.Or(counts[name], "0"), Href: link("/findings", of.values())})
	}
	return err
}

// form builds the form of a page: what it asks for, and what else stays as it is.
func (c *console) form(ctx context.Context, tx *sql.Tx, t table, f filter) (formView, error) {
	form := formView{Action: "/" + t.name, Search: f.search}
	values := f.values()
	for _, name := range t.filters {
		values.Del(name)
		err := c.field(ctx, tx, &form, f, name)
		if err != nil {
			return formView{}, err
		}
	}
	for name := range values {
		form.Kept = append(form.Kept, option{Value: name, Text: values.Get(name)})
	}
	slices.SortFunc(form.Kept, func(a, b option) int { return cmp.Compare(a.Value, b.Value) })
	for _, kept := range form.Kept {
		without := f.values()
		without.Del(kept.Value)
		form.Chips = append(form.Chips, chip{Text: fmt.Sprintf("%s: %s", strings.ReplaceAll(kept.Value, "_", " "), kept.Text), Href: link("/"+t.name, without)})
	}
	return form, nil
}

func (c *console) field(ctx context.Context, tx *sql.Tx, form *formView, f filter, name string) error {
	switch name {
	case "month":
		months, endless, err := knownMonths(ctx, tx)
		if err != nil {
			return err
		}
		if endless {
			months = append(months, month{})
		}
		for _, m := range months {
			form.Months = append(form.Months, option{Value: m.String(), Text: m.label(), Selected: f.month != nil && m.String() == f.month.String()})
		}
	case "partner":
		partners, err := finance.Partners(ctx, tx)
		if err != nil {
			return err
		}
		for _, name := range partners {
			form.Partners = append(form.Partners, option{Value: name, Text: name, Selected: name == f.partner})
		}
		if len(form.Partners) < 2 {
			form.Partners = nil
		}
	case "severity":
		for _, s := range []string{"serious", "warning", "info"} {
			form.Severities = append(form.Severities, option{Value: s, Text: s, Selected: s == f.severity})
		}
	case "since":
		form.HasSince = true
		if f.since != nil {
			form.Since = f.since.Format(time.DateOnly)
		}
	case "q":
		form.HasSearch = true
	default:
		return errors.New("no field is called " + name)
	}
	return nil
}
