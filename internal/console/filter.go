package console

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/finance"
)

// filter narrows a table down, as the query of an address says. A nil text stands for
// "not asked for", an empty one for rows that name none.
type filter struct {
	month    *month
	since    *time.Time
	partner  string
	customer billing.CustomerID
	currency *string
	kind     *string // the invoice type
	start    *string // of the billing period, as a date
	ordinal  int
	severity string
	search   string
	invoice  string // its number
	verdict  string // of the reconciliation
	// every names the parts of which an address asks for all, where a page would else show
	// the one that it shows first.
	every map[string]bool

	// now and signIns come from the console, not from the address.
	now     time.Time
	signIns []SignIn
	// open are the invoice types of which the month is open, and openNote what it lacks.
	open     []string
	openNote string
	// top leaves only the first so many of each currency or partner; 0 leaves all.
	top int
}

// selection is the filter as the queries take it.
func (f filter) selection() finance.Selection {
	s := finance.Selection{
		Since: f.since, Partner: f.partner, Customer: f.customer, Currency: f.currency, InvoiceType: f.kind, PeriodStart: f.start,
		Ordinal: f.ordinal, Severity: f.severity, Search: f.search,
		Invoice: f.invoice, Verdict: f.verdict, Now: f.now, Open: f.open, Top: f.top,
	}
	if f.month != nil {
		s.Month = &f.month.Time
	}
	return s
}

// month is the first day of a month; the zero one stands for costs whose period has no
// stated end.
type month struct{ time.Time }

const (
	monthForm = "2006-01"
	// none stands in addresses for what the service did not state, and all for every month,
	// currency and type.
	none = "none"
	all  = "every"
)

func (m month) String() string {
	if m.IsZero() {
		return none
	}
	return m.Format(monthForm)
}

func (m month) plus(n int) month { return month{m.AddDate(0, n, 0)} }

// label is the month for people.
func (m month) label() string {
	if m.IsZero() {
		return "no stated end"
	}
	return m.Format("January 2006")
}

func parseMonth(text string) (month, error) {
	if text == none {
		return month{}, nil
	}
	t, err := time.Parse(monthForm, text)
	if err != nil || t.Year() < 1900 {
		return month{}, badRequest("%.20q is not a month such as 2026-10", text)
	}
	return month{t}, nil
}

// filter reads what an address asks for.
func (c *console) filter(q url.Values) (filter, error) {
	f, err := parseFilter(q)
	f.now = c.Now()
	if c.SignIns != nil {
		f.signIns = c.SignIns()
	}
	return f, err
}

func parseFilter(q url.Values) (filter, error) {
	f := filter{
		partner: q.Get("partner"), severity: q.Get("severity"), search: strings.TrimSpace(q.Get("q")), invoice: q.Get("invoice"), verdict: q.Get("verdict"),
		every: map[string]bool{},
	}
	for _, name := range []string{"month", "currency", "type", "verdict"} {
		if q.Get(name) == all {
			f.every[name] = true
			q = without(q, name)
		}
	}
	if f.every["verdict"] {
		f.verdict = ""
	}
	if text := q.Get("month"); text != "" {
		m, err := parseMonth(text)
		if err != nil {
			return f, err
		}
		f.month = &m
	}
	if text := q.Get("since"); text != "" {
		t, err := time.Parse(time.DateOnly, text)
		if err != nil || t.Year() < 1900 {
			return f, badRequest("%.20q is not a day such as 2026-10-31", text)
		}
		f.since = &t
	}
	if text := q.Get("customer"); text != "" {
		id, err := billing.ParseCustomerID(text)
		if err != nil {
			return f, badRequest("%v", err)
		}
		f.customer = id
	}
	if text := q.Get("start"); text != "" && text != none {
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return f, badRequest("%.20q is not a day such as 2026-10-31", text)
		}
	}
	if text := q.Get("ordinal"); text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 1 {
			return f, badRequest("%.20q is not an ordinal", text)
		}
		f.ordinal = int(n)
	}
	f.currency, f.kind, f.start = stated(q, "currency"), stated(q, "type"), stated(q, "start")
	return f, nil
}

// without is a query less a parameter.
func without(q url.Values, name string) url.Values {
	q = maps.Clone(q)
	q.Del(name)
	return q
}

// stated reads a text of an address that the service may have left open.
func stated(q url.Values, key string) *string {
	text := q.Get(key)
	switch text {
	case "":
		return nil
	case none:
		text = ""
	}
	return &text
}

// values is the filter as the query of an address.
func (f filter) values() url.Values {
	q := url.Values{}
	set := func(key, text string) {
		if text != "" {
			q.Set(key, text)
		}
	}
	open := func(key string, text *string) {
		if text != nil {
			q.Set(key, orNone(*text))
		}
	}
	if f.month != nil {
		q.Set("month", f.month.String())
	}
	if f.since != nil {
		q.Set("since", f.since.Format(time.DateOnly))
	}
	set("partner", f.partner)
	set("customer", string(f.customer))
	open("currency", f.currency)
	open("type", f.kind)
	open("start", f.start)
	if f.ordinal > 0 {
		q.Set("ordinal", strconv.Itoa(f.ordinal))
	}
	set("severity", f.severity)
	set("q", f.search)
	set("invoice", f.invoice)
	set("verdict", f.verdict)
	for name := range f.every {
		set(name, all)
	}
	return q
}

func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}
