package main_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"partnercost/internal/billing"
)

// The model computes what must be stored after a night from the answers of the service. It
// follows the rules of the documentation only: it shares no code with the part of the
// program that decodes, compares and stores. It treats amounts as texts, and adds nothing
// up.

// truth is the real data of a customer on a night.
type truth struct {
	name, country string
	details       []detail
	items         []item
}

// detail is a cost of a customer under one invoice type.
type detail struct {
	invoiceType, currency string
	start, end            time.Time // end is zero if the answer has a sentinel
	amounts               string    // before tax, tax, after tax
}

// item is a line item. line has all its fields but the type.
type item struct {
	invoiceType, line string
}

// truthOf reads the real data from the simulator.
func truthOf(s billing.Statement) truth {
	t := truth{}
	if s.Profile != nil {
		t.name, t.country = s.Profile.CompanyName, s.Profile.Address.Country
	}
	if s.Costs != nil {
		for _, d := range s.Costs.Details {
			t.details = append(t.details, detail{
				string(d.InvoiceType), d.CurrencyCode, d.Period.Start, d.Period.End,
				plainTexts(d.PretaxTotal, d.Tax, d.AfterTaxTotal),
			})
		}
	}
	for i := range s.LineItems {
		l := &s.LineItems[i]
		t.items = append(t.items, item{string(l.InvoiceType), strings.Join([]string{
			l.InvoiceNumber, l.ChargeType, l.StartDate.Format(time.DateOnly), l.EndDate.Format(time.DateOnly),
			l.SubscriptionID, l.OrderID, l.OfferID, l.ProductID, l.SkuID,
			plainTexts(l.Quantity, l.UnitPrice, l.PretaxTotal, l.Tax, l.AfterTaxTotal), l.CurrencyCode,
		}, "|")})
	}
	return t
}

func plainTexts(amounts ...billing.Amount) string {
	var all []string
	for _, a := range amounts {
		all = append(all, a.Decimal.String())
	}
	return strings.Join(all, "|")
}

// reading is what a run could read of a customer. A part that could not be read is nil.
type reading struct {
	name, country *string
	// costs are the details. root is the start of the period of the whole answer.
	costs *[]detail
	root  time.Time
	items *[]item
	// failure is the outcome if a part could not be read.
	failure string
	// findings are the kinds of findings that the answer must leave open.
	findings []string
	// isDoubtful means that the documentation does not say how to read the line items, so
	// they are missing here.
	isDoubtful bool
	// isUnclear means that the line items were read, and none of them may be stored.
	isUnclear bool
}

// isBlank reports whether no costs could be read.
func (r *reading) isBlank() bool { return r.costs == nil }

// account is what must be stored about a customer.
type account struct {
	// active and outcome are as in finance.customers.
	active  bool
	outcome string
	// named means that the profile was read once.
	named         bool
	name, country string
	nameErased    bool
	costs         map[costKey]cost
	sets          map[setKey][]string
	// imported are the sets that were imported and never collected.
	imported map[setKey]bool
	// findings are the kinds that must be open, among those that follow from an answer.
	findings []string
	// Until the customer is read again, the documentation does not determine its outcome, or
	// its line items and findings.
	anyOutcome, anyItems bool
}

type costKey struct{ invoiceType, start, currency string }

type cost struct {
	end, amounts, origin string
	period               [2]time.Time
}

// setKey identifies a set of line items: those of an invoice type in a period.
type setKey struct{ invoiceType, start string }

// model is what must be stored about all customers.
type model map[string]*account

// of returns the account of a customer, and creates it if there is none.
func (m model) of(id string) *account {
	if m[id] == nil {
		m[id] = &account{outcome: "NULL", costs: map[costKey]cost{}, sets: map[setKey][]string{}, imported: map[setKey]bool{}}
	}
	return m[id]
}

// take stores a reading and returns the outcome.
func (a *account) take(r reading) string {
	a.active, a.anyOutcome = true, r.isDoubtful || a.anyItems // what is not determined may change
	a.anyItems = r.isDoubtful || a.anyItems && r.items == nil
	changed := a.takeProfile(r)
	if r.costs != nil {
		changed = a.takeCosts(*r.costs) || changed
	}
	told := map[setKey]bool{}
	if r.items != nil {
		itemsChanged := a.takeItems(*r.costs, r.root, *r.items, told)
		changed = changed || itemsChanged
	}
	if r.costs != nil {
		a.takeFindings(r, told)
	}
	switch {
	case r.failure != "":
		a.outcome = r.failure
	case len(*r.costs) == 0:
		a.outcome = "no_costs"
	case changed:
		a.outcome = "ok"
	default:
		a.outcome = "unchanged"
	}
	return a.outcome
}

// takeFindings opens the findings of the answer and resolves all others. Findings about
// line items change only if line items were read, or there cannot be any.
func (a *account) takeFindings(r reading, told map[setKey]bool) {
	found := slices.Clone(r.findings)
	if a.vanished(*r.costs) {
		found = append(found, "detail_vanished")
	}
	for key, lines := range a.sets {
		if r.items == nil && len(*r.costs) > 0 {
			break // it is unknown what they would show
		}
		if len(lines) > 0 && a.endOf(key.invoiceType, key.start) == "" && !told[key] {
			found = append(found, "line_items_without_detail") // from an earlier answer
		}
	}
	if r.items == nil && len(*r.costs) > 0 {
		for _, kind := range a.findings {
			if strings.HasPrefix(kind, "line_items_") {
				found = append(found, kind)
			}
		}
	}
	a.findings = found
}

func (a *account) takeProfile(r reading) (changed bool) {
	if r.name == nil {
		return false
	}
	name := *r.name
	if a.nameErased {
		name = "NULL"
	}
	changed = !a.named || a.name != name || a.country != *r.country
	a.named, a.name, a.country = true, name, *r.country
	return changed
}

func (d detail) key() costKey {
	return costKey{d.invoiceType, d.start.UTC().Format(time.DateOnly), d.currency}
}

// takeCosts stores the details of an answer. A stored detail stays until an answer has it
// again.
func (a *account) takeCosts(details []detail) (changed bool) {
	for _, d := range details {
		told := cost{"NULL", d.amounts, "servicecosts", [2]time.Time{d.start, d.end}}
		if !d.end.IsZero() {
			told.end = d.end.UTC().Format(time.DateOnly)
		}
		known := a.costs[d.key()]
		changed = changed || known.end != told.end || known.amounts != told.amounts
		if known.origin == "import" { // the documentation does not say whether this counts as a change
			a.anyOutcome = true
		}
		a.costs[d.key()] = told
	}
	return changed
}

// newest returns the start of the newest period of a type.
func (a *account) newest(invoiceType string) (start string) {
	for key := range a.costs {
		if key.invoiceType == invoiceType {
			start = max(start, key.start)
		}
	}
	return start
}

// endOf returns the end of a period of a type.
func (a *account) endOf(invoiceType, start string) (end string) {
	for key, c := range a.costs {
		if key.invoiceType == invoiceType && key.start == start {
			end = max(end, c.end)
		}
	}
	return end
}

// isImported reports whether a cost of a type and period was never collected.
func (a *account) isImported(invoiceType, start string) bool {
	for key, c := range a.costs {
		if key.invoiceType == invoiceType && key.start == start && c.origin == "import" {
			return true
		}
	}
	return false
}

// takeItems stores the line items of an answer. Items of a type with a detail belong to
// the period of the detail. A type without a detail has not moved: its items belong to its
// newest period. Items without a type belong to the period of the whole answer. A set of
// an earlier answer that has no cost and lies in one of these periods ends, so that nothing
// is counted twice. spoken records the sets that the answer has.
func (a *account) takeItems(details []detail, root time.Time, items []item, spoken map[setKey]bool) (changed bool) {
	place := map[string]string{}
	told := map[setKey][]string{}
	periods := map[string]bool{root.UTC().Format(time.DateOnly): true}
	for _, d := range details {
		start := d.key().start
		place[d.invoiceType] = start
		told[setKey{d.invoiceType, start}] = nil
		periods[start] = true
	}
	for _, i := range items {
		start, known := place[i.invoiceType]
		if !known && i.invoiceType != "" {
			start = a.newest(i.invoiceType)
		}
		if start == "" {
			start = root.UTC().Format(time.DateOnly)
		}
		key := setKey{i.invoiceType, start}
		told[key] = append(told[key], i.line)
	}
	for key := range a.sets {
		if _, known := told[key]; !known && periods[key.start] && a.endOf(key.invoiceType, key.start) == "" {
			told[key] = nil
		}
	}
	for key, lines := range told {
		spoken[key] = true
		slices.Sort(lines)
		delete(a.imported, key)
		if !slices.Equal(lines, a.sets[key]) {
			changed = true
			a.sets[key] = lines
		}
	}
	return changed
}

// vanished reports whether a detail is missing from the answer that belongs to the newest
// period of its type, or to no period.
func (a *account) vanished(details []detail) bool {
	told := map[costKey]bool{}
	for _, d := range details {
		told[d.key()] = true
	}
	for key := range a.costs {
		if (key.start == "" || key.start == a.newest(key.invoiceType)) && !told[key] {
			return true
		}
	}
	return false
}

// overlap reports whether two periods of the same type and currency overlap.
func (a *account) overlap() bool {
	for one, earlier := range a.costs {
		for other, c := range a.costs {
			if one.invoiceType == other.invoiceType && one.currency == other.currency && one.start < other.start && c.period[0].Before(earlier.period[1]) {
				return true
			}
		}
	}
	return false
}

// retire marks the customers that are not listed as inactive, unless they are suspiciously
// many: more than one, and more than a tenth.
func (m model) retire(listed []string) (kept bool) {
	active := 0
	var gone []*account
	for id, f := range m {
		if !f.active {
			continue
		}
		active++
		if !slices.Contains(listed, id) {
			gone = append(gone, f)
		}
	}
	if len(gone) > 1 && 10*len(gone) > active {
		return true
	}
	for _, f := range gone {
		f.active = false
	}
	return false
}

// tally counts the results of a run.
type tally struct {
	total, ok, unchanged, noCosts, failed, blank int
}

func (t *tally) add(outcome string, blank bool) {
	t.total++
	switch outcome {
	case "ok":
		t.ok++
	case "unchanged":
		t.unchanged++
	case "no_costs":
		t.noCosts++
	default:
		t.failed++
	}
	if blank {
		t.blank++
	}
}

// verdict returns the status and the exit code of a run that reached the end of its list.
func (t *tally) verdict(kept bool) (status string, code int) {
	switch {
	case t.total > 0 && t.blank == t.total:
		return "failed", 1
	case t.failed > 0 || kept:
		return "partial", 3
	}
	return "succeeded", 0
}

// lines returns the facts as rows of finance, sorted.
func (m model) lines() []string {
	var all []string
	for id, f := range m {
		name, country := f.name, f.country
		if !f.named {
			name, country = "NULL", "NULL"
		}
		all = append(all, fmt.Sprintf("%s customer: active %t, last outcome %s, named %s in %s", id, f.active, f.outcome, name, country))
		for key, c := range f.costs {
			all = append(all, fmt.Sprintf("%s cost: %s from %s to %s: %s %s, %s", id, key.invoiceType, key.start, c.end, c.amounts, key.currency, c.origin))
		}
		for key, lines := range f.sets {
			for _, line := range lines {
				all = append(all, fmt.Sprintf("%s line item: %s of %s: %s", id, typeOrNull(key.invoiceType), key.start, line))
			}
		}
		found := slices.Clone(f.findings)
		if f.overlap() {
			found = append(found, "period_overlap")
		}
		for _, kind := range slices.Compact(slices.Sorted(slices.Values(found))) {
			all = append(all, fmt.Sprintf("%s finding: %s", id, kind))
		}
	}
	slices.Sort(all)
	return all
}

func typeOrNull(invoiceType string) string {
	if invoiceType == "" {
		return "NULL"
	}
	return invoiceType
}
