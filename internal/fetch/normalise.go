package fetch

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
)

// Normalise derives a statement from the raw answers about customer id, without any
// I/O. The statement holds docs, the parts for which there is a document, and the
// findings. The caller sets FetchedAt and Failure.
//
// A summary whose status is not 200 is a refusal that was taken to mean "no costs": it
// results in Costs without details. Line items without a summary cannot be assigned to
// a period, and line items with another status than 200 are an error body; both are
// left out. An error names the place in the answer and quotes nothing from a profile;
// there is no statement then.
func Normalise(id billing.CustomerID, docs []billing.Document) (billing.Statement, error) {
	var p parts
	seen := map[billing.DocumentKind]bool{}
	for _, doc := range docs {
		if seen[doc.Kind] {
			return billing.Statement{}, fmt.Errorf("%s: there is more than one document of this kind", doc.Kind)
		}
		seen[doc.Kind] = true
		// A saved document may have no status; its body then decides.
		ok := doc.HTTPStatus == http.StatusOK || doc.HTTPStatus == 0
		var err error
		switch doc.Kind {
		case billing.ProfileDocument:
			p.profile, err = decodeProfile(doc.Body)
		case billing.SummaryDocument:
			p.summary = noCosts()
			if ok {
				p.summary, err = decodeSummary(doc.Body)
			}
		case billing.LineItemsDocument:
			if ok {
				p.items, err = decodeLineItems(doc.Body)
			}
		default:
			err = fmt.Errorf("%q is not a kind of document", doc.Kind)
		}
		if err != nil {
			return billing.Statement{}, err
		}
	}
	return p.statement(id, docs), nil
}

// parts are the decoded answers about a customer. A part that was not fetched is nil.
type parts struct {
	profile *billing.Profile
	summary *summary
	items   *lineItems
}

// statement combines the parts and adds the findings that only their comparison shows.
func (p parts) statement(id billing.CustomerID, docs []billing.Document) billing.Statement {
	s := billing.Statement{CustomerID: id, Profile: p.profile, Documents: docs}
	if p.summary == nil {
		return s
	}
	costs := p.summary.costs
	s.Costs = &costs
	var found findings
	found.addAll(p.summary.findings.list)
	customers := p.summary.customers
	if p.items != nil {
		customers = slices.Concat(customers, p.items.customers)
		p.items.spell(p.summary.types)
		if !p.items.moved(costs, &found) {
			p.items.place(costs, &found)
			s.LineItems, s.CustomerName = p.items.items, string(p.items.customerName)
			p.items.examine(costs, &found)
		}
	}
	found.addAll(billing.Reconcile(costs, s.LineItems))
	compareCustomers(id, customers, &found)
	s.Findings = found.list
	return s
}

// namedAtMost bounds how many foreign ids a finding names.
const namedAtMost = 3

// compareCustomers adds a finding for ids in the answers other than the requested one.
func compareCustomers(id billing.CustomerID, named []text, found *findings) {
	var others []string
	seen := map[text]bool{}
	known := map[string]bool{}
	for _, name := range named {
		if name == "" || seen[name] || strings.EqualFold(string(name), string(id)) {
			continue
		}
		seen[name] = true
		other := "something that is no customer id"
		if parsed, err := billing.ParseCustomerID(string(name)); err == nil {
			other = string(parsed)
		}
		if !known[other] {
			known[other] = true
			others = append(others, other)
		}
	}
	if len(others) == 0 {
		return
	}
	more := ""
	if n := len(others) - namedAtMost; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
		others = others[:namedAtMost]
	}
	found.add(billing.CustomerIDMismatch, billing.Warning, "",
		"The answer for customer %s names %s%s; it is stored under the id that was asked for.", id, strings.Join(others, ", "), more)
}

// spell gives the invoice types of the items the spelling of the details.
func (l *lineItems) spell(types billing.Spellings) {
	for i := range l.items {
		l.items[i].InvoiceType = types.First(l.items[i].InvoiceType)
	}
}

// place sets the start of the set to which each item belongs
// (billing.LineItem.SetStart).
func (l *lineItems) place(costs billing.CostSummary, found *findings) {
	starts := setStarts(costs.Details)
	for i := range l.items {
		item := &l.items[i]
		start, ok := starts[setOwner{item.InvoiceType, item.CurrencyCode}]
		if !ok {
			start, ok = starts[setOwner{item.InvoiceType, anyCurrency}]
		}
		switch {
		case ok && item.InvoiceType != "": // items without a type belong to the root's period
			item.SetStart = start
			continue
		case item.InvoiceType != "":
			found.add(billing.LineItemsWithoutDetail, billing.Warning, string(item.InvoiceType),
				"There are line items of invoice type %q, but the cost summary has no entry of this type.", item.InvoiceType)
		}
		item.SetStart = costs.Root.Period.Start
		if item.SetStart.IsZero() {
			found.add(billing.PeriodMissing, billing.Serious, "line items "+typeName(item.InvoiceType),
				"There are line items of %s that match no period of the cost summary.", typeName(item.InvoiceType))
		}
	}
}

// setOwner is the invoice type and currency of the details that a set of line items
// belongs to.
type setOwner struct {
	invoiceType billing.InvoiceType
	currency    string
}

// anyCurrency stands for the details of an invoice type in all currencies.
const anyCurrency = "*"

// setStarts returns the start of the set for the items of each invoice type and
// currency: that of the latest detail in that currency, or else of the latest detail.
func setStarts(details []billing.CostDetail) map[setOwner]time.Time {
	starts := make(map[setOwner]time.Time, 2*len(details))
	for _, d := range details {
		for _, owner := range [...]setOwner{{d.InvoiceType, d.CurrencyCode}, {d.InvoiceType, anyCurrency}} {
			if latest, ok := starts[owner]; !ok || d.Period.Start.After(latest) {
				starts[owner] = d.Period.Start
			}
		}
	}
	return starts
}

// moved reports whether the service moved to another period between the summary and the
// items (API.md 5.4 point 16). Then all items of an invoice type begin in the months
// beside the period that the summary states, and do not add up to it. Such items belong
// to another period, whose set holds them already or will hold them tomorrow. In the
// set of this period they would be a second copy. No items of such an answer are
// therefore kept, and all stored sets stay as they are.
//
// Items beside the period that do add up are billed in advance (API.md 5.4 point 6).
// Items that lie further away belong to neither neighbouring period: their dates are
// odd, as in the documented example, and they are kept (see examine).
func (l *lineItems) moved(costs billing.CostSummary, found *findings) bool {
	aside := l.typesBeside(costs.Details)
	var differing map[billing.InvoiceType]bool
	moved := false
	for _, a := range aside {
		if !a.near {
			continue
		}
		if differing == nil {
			differing = costs.Differing(l.items)
		}
		if differing[a.invoiceType] {
			moved = true
			found.add(billing.LineItemsPeriodMismatch, billing.Warning, string(a.invoiceType),
				"The line items of %s belong to the period before or after that of the cost summary and do not add up to it; no line items of this answer were stored.",
				typeName(a.invoiceType))
		}
	}
	return moved
}

// examine adds the findings about the items, one for each invoice type, however many
// items it concerns.
func (l *lineItems) examine(costs billing.CostSummary, found *findings) {
	for i := range l.items {
		item := &l.items[i]
		if item.CurrencyCode == "" {
			found.add(billing.CurrencyMissing, billing.Warning, "line items "+typeName(item.InvoiceType),
				"There are line items of %s that name no currency; their amounts are stored without one.", typeName(item.InvoiceType))
		}
		if missing := missingAmounts(item.PretaxTotal, item.Tax, item.AfterTaxTotal); missing != "" {
			found.add(billing.AmountMissing, billing.Serious, "line items "+typeName(item.InvoiceType),
				"There are line items of %s that do not state their %s.", typeName(item.InvoiceType), missing)
		}
	}
	if l.disagrees() {
		found.add(billing.LineItemsCountMismatch, billing.Warning, "",
			"The service counts %s line items and lists %d.", l.counted.Decimal, len(l.items))
	}
	for _, a := range l.typesBeside(costs.Details) {
		if !a.within && !a.near {
			found.add(billing.LineItemsPeriodMismatch, billing.Warning, string(a.invoiceType),
				"No line item of %s lies near the period of the cost summary; they may belong to another period.", typeName(a.invoiceType))
		}
	}
}

// beginLater returns the invoice types with an item that begins after the last of their
// periods, within a month of it.
func (l *lineItems) beginLater(details []billing.CostDetail) map[billing.InvoiceType]bool {
	ends := map[billing.InvoiceType]time.Time{}
	for _, d := range details {
		if end := d.Period.End; !end.IsZero() && end.After(ends[d.InvoiceType]) {
			ends[d.InvoiceType] = end
		}
	}
	var later map[billing.InvoiceType]bool
	for i := range l.items {
		item := &l.items[i]
		if end, known := ends[item.InvoiceType]; known && item.StartDate.After(end) && item.StartDate.Before(end.AddDate(0, 1, 1)) {
			if later == nil {
				later = map[billing.InvoiceType]bool{}
			}
			later[item.InvoiceType] = true
		}
	}
	return later
}

// typeBeside is an invoice type none of whose dated line items begins in a period of
// its details. within means that an item reaches into such a period, near that an item
// lies within a month of one.
type typeBeside struct {
	invoiceType  billing.InvoiceType
	within, near bool
}

// typesBeside returns these invoice types in the order of the details.
func (l *lineItems) typesBeside(details []billing.CostDetail) []typeBeside {
	type dates struct {
		unknown, dated, begins, within, near bool

		periods, months spans
	}
	var types []billing.InvoiceType
	byType := map[billing.InvoiceType]*dates{}
	for _, d := range details {
		of := byType[d.InvoiceType]
		if of == nil {
			of = &dates{}
			byType[d.InvoiceType] = of
			types = append(types, d.InvoiceType)
		}
		start, end := d.Period.Start, d.Period.End
		of.unknown = of.unknown || start.IsZero() || end.IsZero()
		of.periods = append(of.periods, span{start, end})
		of.months = append(of.months, span{start.AddDate(0, -1, 0), end.AddDate(0, 1, 0)})
	}
	for _, of := range byType {
		of.periods.settle()
		of.months.settle()
	}
	for i := range l.items {
		item := &l.items[i]
		of := byType[item.InvoiceType]
		if of == nil || of.begins || item.StartDate.IsZero() {
			continue
		}
		of.dated = true
		of.begins = of.periods.meet(item.StartDate, item.StartDate)
		of.within = of.within || of.periods.meet(item.StartDate, item.EndDate)
		of.near = of.near || of.months.meet(item.StartDate, item.EndDate)
	}
	var beside []typeBeside
	for _, t := range types {
		if of := byType[t]; of.dated && !of.begins && !of.unknown {
			beside = append(beside, typeBeside{t, of.within, of.near})
		}
	}
	return beside
}

// span is a time from start to end.
type span struct{ start, end time.Time }

// spans are times in the order of their starts, each with the latest end so far.
type spans []span

func (s spans) settle() {
	slices.SortFunc(s, func(a, b span) int { return a.start.Compare(b.start) })
	for i := 1; i < len(s); i++ {
		if s[i].end.Before(s[i-1].end) {
			s[i].end = s[i-1].end
		}
	}
}

// meet reports whether the time from start to end overlaps one of the spans. end is
// exclusive, because some answers state the midnight after the last day.
func (s spans) meet(start, end time.Time) bool {
	if !end.After(start) {
		end = start.Add(1)
	}
	after, _ := slices.BinarySearchFunc(s, end, func(one span, at time.Time) int { return one.start.Compare(at) })
	return after > 0 && !s[after-1].end.Before(start)
}

// typeName is an invoice type as written in findings.
func typeName(t billing.InvoiceType) string {
	if t == "" {
		return "no invoice type"
	}
	return string(t)
}

func countOf(n int) decimal.Decimal { return decimal.NewFromInt(int64(n)) }
