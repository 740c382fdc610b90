package partnersim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
)

// Invoices say how the partner is billed. The billed amounts agree with the service costs
// of the same customers, apart from planted differences.
type Invoices struct {
	// Back is for how many months before the start there are invoices.
	Back int
	// Plant makes every invoice differ in the ways of Simulator.Planted.
	Plant bool
	// Unlisted are the currencies whose new-commerce invoices are not on the list. With
	// Plant, the void notes on the list name them.
	Unlisted []string
	// Tenant is the partner's own tenant, for which subscriptions are planted.
	Tenant string
	// NoData are the currencies without lines of new commerce so far; see
	// Simulator.SetNoData.
	NoData []string
	// Polls is how often an export answers that it is running.
	Polls int
	// FailOnce makes the first export of each invoice fail. ExpireOnce makes the service
	// refuse its first blob, as if its signature had expired.
	FailOnce, ExpireOnce bool
	// LinesAPage is the largest number of lines of a page, and of a blob; 2000 when 0.
	LinesAPage int
}

// stranger is a customer that is billed and never listed.
const stranger = "0ddba110-0000-4000-8000-000000000000"

// billedMonths returns the first and the last month with invoices, as months since the
// start. A month of subscriptions has invoices once every customer's period has ended.
func (s *Simulator) billedMonths(recurring bool, cal *calendar) (first, last int) {
	last = cal.oneTime
	if recurring {
		last = cal.recurring
	}
	return -s.options.Invoices.Back, last
}

// currencies are those in which the partner is billed.
var currencies = [...]currency{dollar, euro, pound, franc, yen, cdn}

// invoice is one of the partner's invoices.
type invoice struct {
	recurring bool
	// month counts from the start.
	month    int
	currency int
	// note is not original if it amends the invoice of the same kind, month and currency.
	note note
}

// note is what kind of document an invoice is.
type note int

const (
	original note = iota
	// adjustmentNote stands in the list below the invoice that it amends.
	adjustmentNote
	// voidNote stands in the list by itself, before the invoice that it amends.
	voidNote
	// unlistedNote is an adjustment note that only the answer about the invoice states.
	unlistedNote
	notes
)

func (n note) documentType() string {
	switch n {
	case adjustmentNote, unlistedNote:
		return "adjustment_note"
	case voidNote:
		return "void_note"
	}
	return "invoice"
}

// of returns the note to an invoice.
func (i invoice) of(n note) invoice {
	i.note = n
	return i
}

// monthBase keeps the month in an invoice number positive.
const monthBase = 5000

func (i invoice) id() string {
	kind := "G"
	if i.recurring {
		kind = "D"
	}
	return fmt.Sprintf("%s%04d%02d%03d", kind, i.month+monthBase, i.currency, i.note)
}

// parseInvoice parses the number of an invoice, possibly after its type.
func parseInvoice(id string) (invoice, bool) {
	if _, bare, prefixed := strings.Cut(id, "-"); prefixed {
		id = bare
	}
	var i invoice
	if len(id) != 10 || id[0] != 'D' && id[0] != 'G' {
		return i, false
	}
	month, err := strconv.Atoi(id[1:5])
	number, err2 := strconv.Atoi(id[5:7])
	kind, err3 := strconv.Atoi(id[7:])
	if err != nil || err2 != nil || err3 != nil || number < 0 || number >= len(currencies) || kind < 0 || kind >= int(notes) {
		return i, false
	}
	i = invoice{recurring: id[0] == 'D', month: month - monthBase, currency: number, note: note(kind)}
	return i, i.id() == id
}

// typeName is the invoice's type as the service writes it.
func (i invoice) typeName() string {
	if i.recurring {
		return "Recurring"
	}
	return "OneTime"
}

// first is the first day of the invoice's month.
func (i invoice) first(start time.Time) time.Time { return start.AddDate(0, i.month, 0) }

// period is the month for purchases. For subscriptions it is the partner's own period,
// which ends on the 28th.
func (i invoice) period(start time.Time) (from, to time.Time) {
	first := i.first(start)
	if i.recurring {
		return first.AddDate(0, -1, 28), first.AddDate(0, 0, 27)
	}
	return first, first.AddDate(0, 1, -1)
}

// date is when the invoice was issued.
func (i invoice) date(start time.Time) time.Time {
	_, end := i.period(start)
	days := 2
	if !i.recurring {
		days = 7
	}
	if i.note != original {
		days += 20
	}
	return end.AddDate(0, 0, days)
}

// invoiceLine is a line of an invoice.
type invoiceLine struct {
	customer, name string
	item           billing.LineItem
	// numbered selects one of several ways to write a line.
	numbered int
}

// metered reports whether the line is one of legacy Azure.
func (l *invoiceLine) metered() bool { return !l.item.Quantity.Decimal.IsInteger() }

// bill is an invoice with all its lines.
type bill struct {
	lines []invoiceLine
	// adjustment is a part of the total that is in no line.
	adjustment decimal.Decimal
	planted    []Planted
	// amended are the lines of the notes.
	amended [notes][]invoiceLine
}

// linesOf returns the lines of the invoice or of a note to it.
func (b *bill) linesOf(n note) []invoiceLine {
	if n == original {
		return b.lines
	}
	return b.amended[n]
}

// Planted is a planted difference between an invoice and the service costs, or between
// its total and its lines.
type Planted struct {
	// Invoice is the number of the invoice, or of the invoice that an amendment amends.
	Invoice string
	Month   time.Time
	// CustomerID is empty for an amount that belongs to no customer.
	CustomerID  string
	InvoiceType billing.InvoiceType
	Currency    string
	// Difference is the billed amount minus the service costs.
	Difference decimal.Decimal
	// Reason is one of the fixed reasons; empty when none can be known.
	Reason string
}

// Planted lists the differences of all present invoices, except those caused by customers
// that left and by missing data, because the simulator does not know when the collector
// read what.
//
// On each invoice with enough customers, in their order: the first is billed one minor
// unit more; the second is left out; the third is credited by an adjustment note; the
// fourth is credited everything by a void note; the fifth is credited by a note that only
// the answer about the invoice states; a customer without costs of the invoice's type is
// billed; the partner's own tenant is billed, and so is a tenant that is no customer; and
// the total of a legacy invoice has an adjustment.
func (s *Simulator) Planted() []Planted {
	cal := s.calendar.Load()
	var all []Planted
	for _, i := range s.invoices(cal) {
		if i.note == original {
			all = append(all, s.bill(i, cal).planted...)
		}
	}
	return all
}

// invoices lists the present invoices, each followed by its notes.
func (s *Simulator) invoices(cal *calendar) []invoice {
	var all []invoice
	for _, recurring := range []bool{true, false} {
		first, last := s.billedMonths(recurring, cal)
		for month := first; month <= last; month++ {
			for number := range currencies {
				i := invoice{recurring: recurring, month: month, currency: number}
				b := s.bill(i, cal)
				if len(b.lines) == 0 {
					continue
				}
				all = append(all, i)
				for n := adjustmentNote; n < notes; n++ {
					if len(b.amended[n]) > 0 {
						all = append(all, i.of(n))
					}
				}
			}
		}
	}
	return all
}

// bill returns an invoice. Invoices are computed once and kept until the calendar
// moves.
func (s *Simulator) bill(i invoice, cal *calendar) *bill {
	i.note = original
	s.exports.mu.Lock()
	defer s.exports.mu.Unlock()
	if s.exports.calendar != cal {
		s.exports.calendar, s.exports.bills = cal, map[invoice]*bill{}
	}
	if b := s.exports.bills[i]; b != nil {
		return b
	}
	s.billMonth(i.recurring, i.month, cal)
	if s.exports.bills[i] == nil {
		s.exports.bills[i] = &bill{}
	}
	return s.exports.bills[i]
}

// billMonth computes the invoices of a month and type, one for each currency.
func (s *Simulator) billMonth(recurring bool, month int, cal *calendar) {
	w := s.world
	billOf := func(code string) *bill {
		number := slices.IndexFunc(currencies[:], func(c currency) bool { return c.code == code })
		i := invoice{recurring: recurring, month: month, currency: number}
		b := s.exports.bills[i]
		if b == nil {
			b = &bill{}
			s.exports.bills[i] = b
		}
		return b
	}
	first := s.world.start.AddDate(0, month, 0)
	for index := range w.customers {
		c := w.customer(index)
		if c.noAccess || c.costs != hasCosts || !w.billedIn(c, recurring, month, cal) {
			continue
		}
		name, _ := w.company(c)
		add := func(set []billing.LineItem) {
			for _, item := range set {
				b := billOf(item.CurrencyCode)
				b.lines = append(b.lines, invoiceLine{customer: c.id, name: name, item: item, numbered: len(b.lines)})
			}
		}
		switch {
		case recurring && c.recurring:
			// A period belongs to the month in which it ends.
			for _, begun := range []int{month - 1, month} {
				period, set := w.recurringSet(nil, c, begun, restatedIn(cal.recurring, cal.recurringRestated, cal.recurringPast, begun))
				if period.End.Year() == first.Year() && period.End.Month() == first.Month() {
					add(set)
				}
			}
		case !recurring && c.oneTime:
			_, set := w.oneTimeSet(nil, c, month, restatedIn(cal.oneTime, cal.oneTimeRestated, cal.oneTimePast, month))
			add(set)
		}
	}
	if s.options.Invoices.Plant {
		for number, in := range currencies {
			i := invoice{recurring: recurring, month: month, currency: number}
			if b := s.exports.bills[i]; b != nil {
				s.plant(i, in, b)
			}
		}
	}
}

// billedIn reports whether a customer was still present in a month.
func (w *world) billedIn(c customer, recurring bool, month int, cal *calendar) bool {
	for _, d := range cal.departures {
		left := d.oneTime
		if recurring {
			left = d.recurring
		}
		if month > left && w.seed.chance(d.share, topicLeave, c.index, d.step) {
			return false
		}
	}
	return true
}

// plant adds the differences of Planted to an invoice.
func (s *Simulator) plant(i invoice, in currency, b *bill) {
	var customers []string
	for _, line := range b.lines {
		if len(customers) == 0 || customers[len(customers)-1] != line.customer {
			customers = append(customers, line.customer)
		}
	}
	if len(customers) < 4 {
		return
	}
	kind := billing.OneTime
	if i.recurring {
		kind = billing.Recurring
	}
	planted := func(customer string, difference decimal.Decimal, reason string) {
		b.planted = append(b.planted, Planted{
			Invoice: i.id(), Month: i.first(s.world.start), CustomerID: customer, InvoiceType: kind, Currency: in.code, Difference: difference, Reason: reason,
		})
	}
	extra := func(customer, name string, amount decimal.Decimal) invoiceLine {
		item := b.lines[0].item
		item.ChargeType = "ADJUSTMENT"
		item.Quantity, item.UnitPrice = decimal.NewNullDecimal(decimal.NewFromInt(1)), decimal.NewNullDecimal(amount)
		setAmounts(&item, amount, decimal.Zero)
		return invoiceLine{customer: customer, name: name, item: item, numbered: len(b.lines)}
	}
	unit := decimal.New(1, -in.decimals)
	ten := decimal.NewFromInt(10)

	b.amended[voidNote] = credited(b.lines, customers[3])
	if voided := sum(b.amended[voidNote]); !voided.IsZero() {
		planted(customers[3], voided, "adjustment")
	}

	b.lines = append(b.lines, extra(customers[0], b.lines[0].name, unit))
	planted(customers[0], unit, "")

	omitted := decimal.Zero
	b.lines = slices.DeleteFunc(b.lines, func(l invoiceLine) bool {
		if l.customer != customers[1] {
			return false
		}
		omitted = omitted.Sub(l.item.AfterTaxTotal.Decimal)
		return true
	})
	if !omitted.IsZero() {
		planted(customers[1], omitted, "")
	}

	b.amended[adjustmentNote] = []invoiceLine{extra(customers[2], "", ten.Neg())}
	planted(customers[2], ten.Neg(), "adjustment")

	if len(customers) > 4 {
		b.amended[unlistedNote] = []invoiceLine{extra(customers[4], "", unit.Neg())}
		planted(customers[4], unit.Neg(), "adjustment")
	}

	if id, name, ok := s.otherwiseBilled(i, in); ok {
		b.lines = append(b.lines, extra(id, name, ten.Add(unit)))
		planted(id, ten.Add(unit), "")
	}
	if tenant := s.options.Invoices.Tenant; tenant != "" {
		b.lines = append(b.lines, extra(tenant, "The partner itself", ten.Mul(ten)))
		planted(tenant, ten.Mul(ten), "own subscription")
	}
	b.lines = append(b.lines, extra(stranger, "Nobody's customer", ten.Sub(unit)))
	planted(stranger, ten.Sub(unit), "not collected")
	if i.recurring {
		b.adjustment = ten.Neg().Sub(unit)
		planted("", b.adjustment, "")
	}
}

// otherwiseBilled returns a customer of the currency that has costs in the month of an
// invoice, but none of its type.
func (s *Simulator) otherwiseBilled(i invoice, in currency) (id, name string, ok bool) {
	for index := range s.world.customers {
		c := s.world.customer(index)
		if c.noAccess || c.costs != hasCosts || c.market.currency.code != in.code {
			continue
		}
		// Subscriptions of a month begin in the month before, unless they begin on its first
		// day.
		if i.recurring && c.oneTime && !c.recurring || !i.recurring && c.recurring && !c.oneTime && c.day > 1 {
			name, _ = s.world.company(c)
			return c.id, name, true
		}
	}
	return "", "", false
}

// total returns the total of an invoice or of its amendment.
func (b *bill) total(i invoice) decimal.Decimal {
	total := sum(b.linesOf(i.note))
	if i.note == original {
		total = total.Add(b.adjustment)
	}
	return total
}

// sum adds lines up, after tax.
func sum(lines []invoiceLine) decimal.Decimal {
	total := decimal.Zero
	for _, l := range lines {
		total = total.Add(l.item.AfterTaxTotal.Decimal)
	}
	return total
}

// credited returns lines that credit a customer everything that it is billed.
func credited(lines []invoiceLine, customer string) []invoiceLine {
	var credit []invoiceLine
	for _, l := range lines {
		if l.customer != customer {
			continue
		}
		l.item.ChargeType = "VOID"
		setAmounts(&l.item, l.item.PretaxTotal.Decimal.Neg(), l.item.Tax.Decimal.Neg())
		credit = append(credit, l)
	}
	return credit
}

// hasData reports whether the lines of an invoice are available.
func (s *Simulator) hasData(i invoice) bool {
	s.exports.mu.Lock()
	defer s.exports.mu.Unlock()
	noData := s.exports.noData
	if noData == nil {
		noData = s.options.Invoices.NoData
	}
	return i.recurring || !slices.Contains(noData, currencies[i.currency].code)
}

// SetNoData replaces the currencies without lines so far.
func (s *Simulator) SetNoData(codes ...string) {
	s.exports.mu.Lock()
	defer s.exports.mu.Unlock()
	s.exports.noData = append([]string{}, codes...)
}

// BilledIn returns the amounts that the invoices of a month and type bill to each
// customer, by currency, amendments included.
func (s *Simulator) BilledIn(month time.Time, kind billing.InvoiceType) map[string]map[string]decimal.Decimal {
	cal := s.calendar.Load()
	sums := map[string]map[string]decimal.Decimal{}
	for _, i := range s.invoices(cal) {
		if i.note != original || !i.first(s.world.start).Equal(month) || i.recurring != (kind == billing.Recurring) {
			continue
		}
		b := s.bill(i, cal)
		for _, l := range slices.Concat(b.lines, slices.Concat(b.amended[:]...)) {
			if sums[l.customer] == nil {
				sums[l.customer] = map[string]decimal.Decimal{}
			}
			sums[l.customer][l.item.CurrencyCode] = sums[l.customer][l.item.CurrencyCode].Add(l.item.AfterTaxTotal.Decimal)
		}
	}
	return sums
}
