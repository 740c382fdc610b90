package console

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"partnercost/internal/finance"
)

// formView is a form that narrows a page down. Kept are the parts of the address that
// it has no field for; Chips lead to the page without them.
type formView struct {
	Action              string
	Selects             []selectView
	HasSince, HasSearch bool
	Since, Search       string
	Kept                []option
	Chips               []chip
	// Month is the one that the page is about, and the arrows lead to its neighbours.
	Month          string
	Earlier, Later *chip
}

// selectView is a field of which one is chosen.
type selectView struct {
	Name, Label string
	Options     []option
}

type option struct {
	Value, Text string
	Selected    bool
}

type chip struct{ Text, Href string }

// Shown reports whether there is anything to choose.
func (form *formView) Shown() bool { return len(form.Selects) > 0 || form.HasSince || form.HasSearch }

// form builds the form of a page: what it asks for, and what else stays as it is.
func (c *console) form(ctx context.Context, tx *sql.Tx, t table, f filter) (*formView, error) {
	form := &formView{Action: "/" + t.name}
	kept := f.values()
	for _, name := range t.filters {
		kept.Del(name)
		if err := t.field(ctx, tx, form, f, name); err != nil {
			return nil, err
		}
	}
	for name := range kept {
		form.Kept = append(form.Kept, option{Value: name, Text: kept.Get(name)})
	}
	slices.SortFunc(form.Kept, func(a, b option) int { return cmp.Compare(a.Value, b.Value) })
	for _, k := range form.Kept {
		form.Chips = append(form.Chips, chip{Text: fmt.Sprintf("%s: %s", title(k.Value), k.Text), Href: link("/"+t.name, without(f.values(), k.Value))})
	}
	return form, nil
}

func (t table) field(ctx context.Context, tx *sql.Tx, form *formView, f filter, name string) error {
	choice := selectView{Name: name, Label: title(name)}
	add := func(value, text string, selected bool) {
		choice.Options = append(choice.Options, option{Value: value, Text: text, Selected: selected})
	}
	switch name {
	case "month":
		months, err := t.knownMonths(ctx, tx)
		if err != nil {
			return err
		}
		if f.month != nil && !slices.Contains(months, *f.month) {
			months = append([]month{*f.month}, months...)
			slices.SortFunc(months, func(a, b month) int { return b.Compare(a.Time) })
		}
		form.arrows(f, months)
		if !t.monthly(f) {
			add(all, "All", f.month == nil)
		}
		for _, m := range months {
			add(m.String(), m.label(), f.month != nil && m == *f.month)
		}
	case "currency":
		codes, err := finance.Currencies(ctx, tx, nil, f.partner)
		if err != nil {
			return err
		}
		choice.stated(codes, f.currency, func(code string) string { return cmp.Or(code, "none stated") })
	case "type":
		types, err := finance.InvoiceTypes(ctx, tx)
		if err != nil {
			return err
		}
		choice.stated(types, f.kind, func(kind string) string { return cmp.Or(kindTitle(kind), "none stated") })
	case "partner":
		partners, err := finance.Partners(ctx, tx)
		if err != nil {
			return err
		}
		add("", "All", f.partner == "")
		for _, name := range partners {
			add(name, name, name == f.partner)
		}
		if len(partners) < 2 && f.partner == "" {
			return nil
		}
	case "severity":
		add("", "All", f.severity == "")
		for _, s := range severities {
			add(s, title(s), s == f.severity)
		}
	case "verdict":
		add(all, "All customers", f.verdict == "")
		for _, v := range []struct{ value, text string }{
			{"differences", "Differences"}, {"differs", "Differs"}, {"invoice_only", "Invoice only"}, {"costs_only", "Costs only"}, {"matched", "Matched"},
		} {
			add(v.value, v.text, v.value == f.verdict)
		}
	case "since":
		form.HasSince = true
		if f.since != nil {
			form.Since = f.since.Format(time.DateOnly)
		}
		return nil
	case "q":
		form.HasSearch, form.Search = true, f.search
		return nil
	default:
		return errors.New("no field is called " + name)
	}
	form.Selects = append(form.Selects, choice)
	return nil
}

// severities are those of findings, the worst first.
var severities = []string{"serious", "warning", "info"}

// stated offers what the service states, and all of it.
func (s *selectView) stated(values []*string, chosen *string, text func(string) string) {
	s.Options = append(s.Options, option{Value: all, Text: "All", Selected: chosen == nil})
	known := false
	for _, value := range values {
		name := ""
		if value != nil {
			name = *value
		}
		selected := chosen != nil && *chosen == name
		known = known || selected
		s.Options = append(s.Options, option{Value: orNone(name), Text: text(name), Selected: selected})
	}
	if chosen != nil && !known {
		s.Options = append(s.Options, option{Value: orNone(*chosen), Text: text(*chosen), Selected: true})
	}
}

// arrows lead to the month before and to the one after, of those that are known.
func (form *formView) arrows(f filter, months []month) {
	if f.month == nil {
		return
	}
	form.Month = f.month.label()
	to := func(m month) *chip {
		if m.IsZero() {
			return nil
		}
		other := f
		other.month = &m
		return &chip{Text: m.label(), Href: link(form.Action, other.values())}
	}
	i := slices.Index(months, *f.month)
	if i > 0 {
		form.Later = to(months[i-1])
	}
	if i+1 < len(months) {
		form.Earlier = to(months[i+1])
	}
}

// knownMonths are the months that the table has, newest first; that of costs without a
// stated end comes last.
func (t table) knownMonths(ctx context.Context, tx *sql.Tx) ([]month, error) {
	read := finance.Months
	switch {
	case t.ofInvoices:
		read = finance.InvoiceMonths
	case t.ofHistory:
		read = finance.HistoryMonths
	}
	found, err := read(ctx, tx)
	months := make([]month, len(found))
	for i, m := range found {
		months[i] = month{m}
	}
	return months, err
}

// defaultMonth is the newest closed one, or what there is instead: the month of costs
// without a stated end, or nil.
func defaultMonth(ctx context.Context, tx *sql.Tx) (*month, error) {
	m, err := finance.DefaultMonth(ctx, tx)
	if err != nil {
		return nil, err
	}
	if m.IsZero() {
		found, err := finance.Months(ctx, tx)
		if err != nil || len(found) == 0 {
			return nil, err
		}
	}
	return &month{m}, nil
}

// openTypes are the invoice types that are open.
func openTypes(states []finance.MonthState) []string {
	var open []string
	for _, s := range states {
		if s.Open && !slices.Contains(open, s.InvoiceType) {
			open = append(open, s.InvoiceType)
		}
	}
	return open
}

// openSentence says what a month lacks that is open; it is empty for a closed one.
func openSentence(m month, states []finance.MonthState) string {
	type progress struct {
		kind              string
		missing, expected int
	}
	var open []progress
	closes := time.Time{}
	for _, s := range states {
		if !s.Open || !s.Month.Equal(m.Time) {
			continue
		}
		closes = s.ClosesAt
		i := slices.IndexFunc(open, func(p progress) bool { return p.kind == s.InvoiceType })
		if i < 0 {
			i = len(open)
			open = append(open, progress{kind: s.InvoiceType})
		}
		open[i].missing, open[i].expected = open[i].missing+s.Missing, open[i].expected+s.Expected
	}
	if len(open) == 0 {
		return ""
	}
	var lacks []string
	for _, p := range open {
		if p.missing > 0 {
			of := fmt.Sprintf("%s of %s", count(p.missing), plural(p.expected, "customer", "customers"))
			if p.missing == p.expected {
				of = "all " + plural(p.expected, "customer", "customers")
			}
			lacks = append(lacks, fmt.Sprintf("%s costs of %s have not come", kindName(p.kind), of))
		}
	}
	// The day is over when the month closes.
	sentence := "its closing day is " + closes.Add(-time.Nanosecond).UTC().Format("2 January 2006")
	if len(lacks) > 0 {
		sentence = strings.Join(lacks, ", ") + "; " + sentence
	}
	return strings.ToUpper(sentence[:1]) + sentence[1:] + ". Comparisons are of the customers and types that have come, with the same of the month before."
}
