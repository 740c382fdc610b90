package console

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/shopspring/decimal"

	"partnercost/internal/finance"
)

// trend is what some months cost, by currency and invoice type.
type trend struct {
	from month
	span int
	// currencies are in no order that matters.
	currencies map[string][]series
	states     []finance.MonthState
}

// series are the amounts of one invoice type, a month each. An open month is not complete.
type series struct {
	kind, class string

	values []decimal.NullDecimal
	open   []bool
}

// knownKinds come first, so that each has the same colour everywhere.
var knownKinds = []string{"Recurring", "OneTime"}

// readTrend reads so many months, up to one.
func readTrend(ctx context.Context, tx *sql.Tx, f filter, last month, span int) (trend, error) {
	t := trend{from: last.plus(1 - span), span: span, currencies: map[string][]series{}}
	totals, err := finance.Trend(ctx, tx, f.selection(), t.from.Time, last.Time)
	if err != nil {
		return t, err
	}
	t.states, err = finance.MonthStates(ctx, tx, f.partner, t.from.Time, last.Time)
	if err != nil {
		return t, err
	}
	for _, total := range totals {
		found := t.currencies[total.Currency]
		i := slices.IndexFunc(found, func(s series) bool { return s.kind == total.InvoiceType })
		if i < 0 {
			i = len(found)
			found = append(found, series{kind: total.InvoiceType, values: make([]decimal.NullDecimal, span), open: make([]bool, span)})
		}
		n := months(t.from, month{total.Month})
		found[i].values[n], found[i].open[n] = total.AfterTax, t.isOpen(total.Month.Format(monthForm), total.InvoiceType)
		t.currencies[total.Currency] = found
	}
	for _, found := range t.currencies {
		for i := range found {
			found[i].class = t.colour(found[i].kind)
		}
		slices.SortStableFunc(found, func(a, b series) int { return placeOf(a.kind) - placeOf(b.kind) })
	}
	return t, nil
}

// isOpen reports whether an invoice type of a month is open.
func (t trend) isOpen(of, kind string) bool {
	return slices.ContainsFunc(t.states, func(s finance.MonthState) bool {
		return s.Open && s.InvoiceType == kind && s.Month.Format(monthForm) == of
	})
}

// in is the chart of a currency.
func (t trend) in(code string) *barChart {
	chart := newBarChart(t.currencies[code], t.from, t.span, code)
	chart.Title = fmt.Sprintf("Costs in %s by month and invoice type, from %s to %s", nameOf(code), t.from.label(), t.from.plus(t.span-1).label())
	return &chart
}

// compared are the sums of a month and of the one before, of what is to be compared: of an
// invoice type that is open only where it has come.
func (t trend) compared(code string, m month) (total, now, before decimal.NullDecimal, open bool) {
	n := months(t.from, m)
	add := func(to *decimal.NullDecimal, d decimal.NullDecimal) {
		if d.Valid {
			*to = decimal.NewNullDecimal(to.Decimal.Add(d.Decimal))
		}
	}
	for _, s := range t.currencies[code] {
		add(&total, s.values[n])
		isOpen := t.isOpen(m.String(), s.kind)
		open = open || isOpen
		if isOpen && !s.values[n].Valid {
			continue
		}
		add(&now, s.values[n])
		if n > 0 {
			add(&before, s.values[n-1])
		}
	}
	return total, now, before, open
}

func nameOf(code string) string {
	if code == "" {
		return "no stated currency"
	}
	return code
}

func kindName(kind string) string {
	if kind == "" {
		return "No stated type"
	}
	return kindTitle(kind)
}

func months(from, to month) int {
	return (to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())
}

func placeOf(kind string) int {
	if i := slices.Index(knownKinds, kind); i >= 0 {
		return i
	}
	return len(knownKinds)
}

// codes are the currencies, the one with costs in most months first.
func (t trend) codes() []string {
	amounts := map[string]int{}
	for code, all := range t.currencies {
		for _, s := range all {
			for _, v := range s.values {
				if v.Valid {
					amounts[code]++
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(t.currencies), func(a, b string) int { return cmp.Or(amounts[b]-amounts[a], cmp.Compare(a, b)) })
}

// legendView is an invoice type and the class that colours it.
type legendView struct{ Class, Text string }

// legend names the invoice types of all charts, known ones first.
func (t trend) legend() []legendView {
	var views []legendView
	for _, kind := range t.kinds() {
		views = append(views, legendView{Class: t.colour(kind), Text: kindName(kind)})
	}
	return views
}

func (t trend) kinds() []string {
	var kinds []string
	for _, all := range t.currencies {
		for _, s := range all {
			if !slices.Contains(kinds, s.kind) {
				kinds = append(kinds, s.kind)
			}
		}
	}
	slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(placeOf(a)-placeOf(b), cmp.Compare(a, b)) })
	return kinds
}

// colour is the class of an invoice type in the style sheet. Other types than the known
// ones share what is left.
func (t trend) colour(kind string) string {
	place := placeOf(kind)
	if place == len(knownKinds) {
		others := slices.DeleteFunc(t.kinds(), func(k string) bool { return placeOf(k) < len(knownKinds) })
		place += slices.Index(others, kind)
	}
	return colours[min(place, len(colours)-1)]
}
