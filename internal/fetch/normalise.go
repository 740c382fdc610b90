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
// findings; FetchedAt and Failure are left to the caller.
//
// A summary whose status is not 200 is a refusal that was taken to say "no costs": it
// gives Costs without details. Line items without a summary cannot be placed in a
// period, and those with another status than 200 are none; both are left out. An
// error names the place in the answer and quotes nothing of a profile; then there is
// no statement.
func Normalise(id billing.CustomerID, docs []billing.Document) (billing.Statement, error) {
	var p parts
	seen := map[billing.DocumentKind]bool{}
	for _, doc := range docs {
		if seen[doc.Kind] {
			return billing.Statement{}, fmt.Errorf("%s: there is more than one document of this kind", doc.Kind)
		}
		seen[doc.Kind] = true
		// Where nobody noted a status, the body speaks for itself.
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
			err = fmt.Errorf("%q is no kind of document", doc.Kind)
		}
		if err != nil {
			return billing.Statement{}, err
		}
	}
	return p.statement(id, docs), nil
}

// parts are the decoded answers about a customer; a part that was not fetched is
// nil.
type parts struct {
	profile *billing.Profile
	summary *summary
	items   *lineItems
}

// statement puts the parts together and adds the findings that show only when they
// stand side by side.
func (p parts) statement(id billing.CustomerID, docs []billing.Document) billing.Statement {
	s := billing.Statement{CustomerID: id, Profile: p.profile, Documents: docs}
	if p.summary == nil {
		return s
	}
	costs := p.summary.costs
	s.Costs = &costs
	found := slices.Clone(p.summary.findings)
	customers := p.summary.customers
	if p.items != nil {
		p.items.place(costs, &found)
		s.LineItems = p.items.items
		p.items.examine(costs, &found)
		customers = slices.Concat(customers, p.items.customers)
	}
	for _, f := range billing.Reconcile(costs, s.LineItems) {
		found.add(f.Kind, f.Severity, f.Subject, "%s", f.Detail)
	}
	compareCustomers(id, customers, &found)
	s.Findings = found
	return s
}

// namedAtMost bounds how many strange ids a finding names.
const namedAtMost = 3

// compareCustomers notes which ids the answers name that were not asked for.
func compareCustomers(id billing.CustomerID, named []text, found *findings) {
	var others []string
	for _, name := range named {
		if name == "" || strings.EqualFold(string(name), string(id)) {
			continue
		}
		other := "something that is no customer id"
		if parsed, err := billing.ParseCustomerID(string(name)); err == nil {
			other = string(parsed)
		}
		if !slices.Contains(others, other) {
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

// place gives every item the start of the set that it belongs to
// (billing.LineItem.SetStart).
func (l *lineItems) place(costs billing.CostSummary, found *findings) {
	for i := range l.items {
		item := &l.items[i]
		detail := detailOf(costs.Details, item.InvoiceType, item.CurrencyCode)
		switch {
		case detail != nil:
			item.SetStart = detail.Period.Start
			continue
		case item.InvoiceType != "":
			found.add(billing.LineItemsWithoutDetail, billing.Warning, string(item.InvoiceType),
				"There are line items of invoice type %q, of which the cost summary has no entry.", item.InvoiceType)
		}
		item.SetStart = costs.Root.Period.Start
		if item.SetStart.IsZero() {
			found.add(billing.PeriodMissing, billing.Serious, "line items "+typeName(item.InvoiceType),
				"There are line items of %s that no period of the cost summary can be given to.", typeName(item.InvoiceType))
		}
	}
}

// detailOf finds the detail to which items of an invoice type and a currency
// belong: of several the one in that currency, and then the latest.
func detailOf(details []billing.CostDetail, t billing.InvoiceType, currency string) *billing.CostDetail {
	if t == "" {
		return nil // such items belong to the root's period
	}
	var best *billing.CostDetail
	for i := range details {
		d := &details[i]
		if d.InvoiceType != t {
			continue
		}
		if best == nil {
			best = d
			continue
		}
		mine, theirs := d.CurrencyCode == currency, best.CurrencyCode == currency
		if mine && !theirs || mine == theirs && d.Period.StartsAfter(best.Period) {
			best = d
		}
	}
	return best
}

// examine adds the findings about the items, one for each invoice type however many
// items it concerns.
func (l *lineItems) examine(costs billing.CostSummary, found *findings) {
	for i := range l.items {
		item := &l.items[i]
		subject := "line items " + typeName(item.InvoiceType)
		if item.CurrencyCode == "" {
			found.add(billing.CurrencyMissing, billing.Warning, subject,
				"There are line items of %s that name no currency; their amounts are stored without one.", typeName(item.InvoiceType))
		}
		if missing := missingAmounts(item.PretaxTotal, item.Tax, item.AfterTaxTotal); missing != "" {
			found.add(billing.AmountMissing, billing.Serious, subject,
				"There are line items of %s that do not state their %s.", typeName(item.InvoiceType), missing)
		}
	}
	if l.disagrees() {
		found.add(billing.LineItemsCountMismatch, billing.Warning, "",
			"The service counts %s line items and lists %d.", l.counted.Decimal, len(l.items))
	}
	for i, d := range costs.Details {
		known := slices.ContainsFunc(costs.Details[:i], func(earlier billing.CostDetail) bool { return earlier.InvoiceType == d.InvoiceType })
		if !known && l.lieElsewhere(d.InvoiceType, costs.Details) {
			found.add(billing.LineItemsPeriodMismatch, billing.Warning, string(d.InvoiceType),
				"No line item of %s lies near the period of the cost summary; they may belong to another period.", typeName(d.InvoiceType))
		}
	}
}

// lieElsewhere reports whether the items of an invoice type seem to belong to
// another period than its details: there are some with dates, and none of them
// overlaps a detail's period or lies within a month of it. The month is for what is
// billed in advance (API.md 5.4 point 6).
func (l *lineItems) lieElsewhere(t billing.InvoiceType, details []billing.CostDetail) bool {
	dated := false
	for i := range l.items {
		item := &l.items[i]
		if item.InvoiceType != t || item.StartDate.IsZero() {
			continue
		}
		end := item.EndDate
		if end.Before(item.StartDate) {
			end = item.StartDate
		}
		for _, d := range details {
			if d.InvoiceType != t {
				continue
			}
			if d.Period.Start.IsZero() || d.Period.End.IsZero() || near(d.Period, item.StartDate, end) {
				return false
			}
		}
		dated = true
	}
	return dated
}

// near reports whether a time from start to end lies within a month of a period.
func near(p billing.Period, start, end time.Time) bool {
	return !start.After(p.End.AddDate(0, 1, 0)) && !end.Before(p.Start.AddDate(0, -1, 0))
}

// typeName is an invoice type as findings write it.
func typeName(t billing.InvoiceType) string {
	if t == "" {
		return "no invoice type"
	}
	return string(t)
}

func countOf(n int) decimal.Decimal { return decimal.NewFromInt(int64(n)) }
