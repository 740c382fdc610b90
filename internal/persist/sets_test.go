package persist_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
)

// answer returns a statement whose root repeats the first detail, as the service's does,
// and assigns its items as fetch does: to the detail of their type, or else to the root.
func answer(details []billing.CostDetail, items ...billing.LineItem) billing.Statement {
	s := statement(customerA, details, items...)
	s.Costs.Root = details[0].CostTotals
	place(&s)
	s.Documents[2].Body = fmt.Append(nil, "items ", s.LineItems)
	return s
}

// place assigns the items of an answer to their periods, as fetch does.
func place(s *billing.Statement) {
	for i := range s.LineItems {
		item := &s.LineItems[i]
		item.SetStart = s.Costs.Root.Period.Start
		for _, d := range s.Costs.Details {
			if d.InvoiceType == item.InvoiceType && item.InvoiceType != "" {
				item.SetStart = d.Period.Start
			}
		}
	}
}

func untyped(item billing.LineItem) billing.LineItem {
	item.InvoiceType = ""
	return item
}

func dated(item billing.LineItem, start string) billing.LineItem {
	item.StartDate = date(start)
	return item
}

// The line items of one answer are counted once, however types, details and periods
// come and go from night to night.
func TestLineItemsAreCountedOnce(t *testing.T) {
	t.Parallel()
	r9, r10, o10, o11 := recurring(9, "10"), recurring(10, "11"), oneTime(10, "20"), oneTime(11, "21")
	i9, i10, io10, io11 := item(r9, "R9", "10"), item(r10, "R10", "11"), dated(item(o10, "O10", "20"), "2026-10-05"), dated(item(o11, "O11", "21"), "2026-11-05")
	a9 := detail(billing.Recurring, "2026-10-01", "2026-10-31", "USD", "10")
	ia9 := item(a9, "R", "10")
	a11 := detail(billing.Recurring, "2026-11-01", "2026-11-30", "USD", "11")
	usual := answer(both(r9, o10), i9, io10)
	const (
		line9, line10  = "Recurring 2026-09-12 1 R9 10", "Recurring 2026-10-12 1 R10 11"
		lineO, lineO11 = "OneTime 2026-10-01 1 O10 20", "OneTime 2026-11-01 1 O11 21"
		unplaced       = "line_items_without_detail warning earlier answers"
		vanishedO      = "detail_vanished warning OneTime 2026-10-01 USD"
	)
	type nightly struct {
		answer billing.Statement
		items  []string
	}
	tests := []struct {
		name     string
		nights   []nightly
		findings []string // in the end
	}{
		{"types appear", []nightly{
			{answer(both(r9, o10), untyped(i9), untyped(io10)), []string{"null 2026-09-12 1 R9 10", "null 2026-09-12 2 O10 20"}},
			{usual, []string{lineO, line9}},
		}, nil},
		{"types are missing for a night", []nightly{
			{usual, []string{lineO, line9}},
			{answer(both(r9, o10), untyped(i9), untyped(io10)), []string{"null 2026-09-12 1 R9 10", "null 2026-09-12 2 O10 20"}},
			{usual, []string{lineO, line9}},
			{answer(both(r9, o10), untyped(i9), io10), []string{lineO, "null 2026-09-12 1 R9 10"}},
			{usual, []string{lineO, line9}},
		}, nil},
		{"a detail is missing for a night", []nightly{
			{usual, []string{lineO, line9}},
			{answer(both(r9), i9, io10), []string{lineO, line9}},
			{usual, []string{lineO, line9}},
		}, nil},
		{"a detail is missing for a night, and all types", []nightly{
			{usual, []string{lineO, line9}},
			{answer(both(r9), untyped(i9), untyped(io10)), []string{lineO, line9}},
			{answer(both(r9), i9, untyped(io10)), []string{lineO, line9}},
			{answer(both(r10), untyped(i10), untyped(io10)), []string{lineO, line9}},
			{answer(both(r10, o10), i10, io10), []string{lineO, line9, line10}},
		}, nil},
		{"a detail is missing and all types, and nobody knows whose the items are", []nightly{
			{usual, []string{lineO, line9}},
			{answer(both(r9), untyped(i9), untyped(io10)), []string{lineO, line9}},
		}, []string{vanishedO, "line_items_without_detail warning no invoice type, or OneTime"}},
		{"types are missing when another type has ended", []nightly{
			{usual, []string{lineO, line9}},
			{answer(both(a11), untyped(item(a11, "R11", "11"))), []string{lineO, line9, "null 2026-11-01 1 R11 11"}},
		}, []string{vanishedO}},
		{"a detail is missing, and its items are restated", []nightly{
			{usual, []string{lineO, line9}},
			{answer(both(r9), i9, item(o10, "O10 more", "30")), []string{"OneTime 2026-10-01 1 O10 more 30", line9}},
			{answer(both(r10), i10, item(o10, "O10 more", "30")), []string{"OneTime 2026-10-01 1 O10 more 30", line9, line10}},
			{answer(both(r10, o10), i10, io10), []string{lineO, line9, line10}},
		}, nil},
		{"a detail is missing while its type moves on", []nightly{
			{usual, []string{lineO, line9}},
			{answer(both(r10), i10, io11), []string{lineO, "OneTime 2026-10-12 1 O11 21", line9, line10}},
			{answer(both(r10, o11), i10, io11), []string{lineO, lineO11, line9, line10}},
		}, nil},
		{"a detail is missing while its type moves on, and the root is its earlier period", []nightly{
			{answer(both(a9, o10), ia9, io10), []string{lineO, "Recurring 2026-10-01 1 R 10"}},
			{answer(both(a9), ia9, io11), []string{lineO, "OneTime null 1 O11 21", "Recurring 2026-10-01 1 R 10"}},
			{answer(both(a9, o11), ia9, io11), []string{lineO, lineO11, "Recurring 2026-10-01 1 R 10"}},
		}, nil},
		{"a detail comes a night later than its items", []nightly{
			{answer(both(r9), i9, io10), []string{"OneTime 2026-09-12 1 O10 20", line9}},
			{usual, []string{lineO, line9}},
		}, nil},
		{"a detail comes later than its items, when the root has moved on", []nightly{
			{answer(both(r9), i9, io10), []string{"OneTime 2026-09-12 1 O10 20", line9}},
			{answer(both(r10, o10), i10, io10), []string{lineO, line9, line10}},
		}, nil},
		{"a detail of an ended type says nothing about where new items belong", []nightly{
			{answer(both(oneTime(3, "5")), item(oneTime(3, ""), "O3", "5")), []string{"OneTime 2026-03-01 1 O3 5"}},
			{answer(both(r9), i9, item(o10, "O10", "20")), []string{"OneTime 2026-03-01 1 O3 5", "OneTime 2026-09-12 1 O10 20", line9}},
		}, []string{"detail_vanished warning OneTime 2026-03-01 USD"}},
		{"a set stays when its type moves on within the period of another", []nightly{
			{answer(both(a9, o10), ia9, io10), []string{lineO, "Recurring 2026-10-01 1 R 10"}},
			{answer(both(a9, o11), ia9, io11), []string{lineO, lineO11, "Recurring 2026-10-01 1 R 10"}},
			{answer(both(a11, o11), item(a11, "R11", "11"), io11), []string{lineO, lineO11, "Recurring 2026-10-01 1 R 10", "Recurring 2026-11-01 1 R11 11"}},
		}, nil},
		{"a detail and its items go", []nightly{
			{usual, []string{lineO, line9}},
			{answer(both(r9), i9), []string{lineO, line9}},
		}, []string{vanishedO}},
		{"the root states no period for a night", []nightly{
			{func() billing.Statement {
				s := answer(both(r9), i9, untyped(io10))
				s.Costs.Root.Period = billing.Period{}
				s.LineItems[1].SetStart = time.Time{}
				return s
			}(), []string{line9, "null null 1 O10 20"}},
			{usual, []string{lineO, line9}},
		}, nil},
		{"what nobody can place is a finding though the root states no period", []nightly{
			{answer(both(r9, o10), untyped(i9), untyped(io10)), []string{"null 2026-09-12 1 R9 10", "null 2026-09-12 2 O10 20"}},
			{func() billing.Statement {
				s := answer(both(r10, o10), i10, io10)
				s.Costs.Root.Period = billing.Period{}
				return s
			}(), []string{lineO, line10, "null 2026-09-12 1 R9 10", "null 2026-09-12 2 O10 20"}},
		}, []string{unplaced}},
		{"what nobody can place stays and is a finding", []nightly{
			{answer(both(r9, o10), untyped(i9), untyped(io10)), []string{"null 2026-09-12 1 R9 10", "null 2026-09-12 2 O10 20"}},
			{answer(both(r10, o10), i10, io10), []string{lineO, line10, "null 2026-09-12 1 R9 10", "null 2026-09-12 2 O10 20"}},
		}, []string{unplaced}},
		{"the finding goes when the period is stated again", []nightly{
			{answer(both(r9, o10), untyped(i9), untyped(io10)), []string{"null 2026-09-12 1 R9 10", "null 2026-09-12 2 O10 20"}},
			{answer(both(r10, o10), i10, io10), []string{lineO, line10, "null 2026-09-12 1 R9 10", "null 2026-09-12 2 O10 20"}},
			{usual, []string{lineO, line9, line10}},
			{answer(both(r10, o10), i10, io10), []string{lineO, line9, line10}},
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			for i, n := range test.nights {
				b.collect(n.answer)
				wantLines(t, fmt.Sprintf("items after night %d", i+1), b.items(), n.items...)
				b.wantReplayed()
				before := b.writes()
				b.collect(n.answer)
				wantSameWrites(t, before, b.writes())
			}
			wantLines(t, "findings", b.openFindings(), test.findings...)
		})
	}
}

var replaySeeds = flag.Int("replay.seeds", 12, "how many random logs of answers are replayed")

// After any sequence of collected and imported answers, a replay of their log yields the
// stored rows, after each night or only at the end. As time passes between the answers,
// no collected items are in two sets without a finding.
func TestReplayGivesWhatWasCollected(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*replaySeeds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			l := randomLog{fixture: newFixture(t), Rand: rand.New(rand.NewPCG(seed, 4)), goesOn: seed%4 < 2}
			for n := range 14 {
				what := l.night(n)
				if seed%2 == 0 || n == 13 {
					before := l.facts()
					l.replay()
					if diff := cmp.Diff(before, l.facts()); diff != "" {
						t.Fatalf("after night %d, %s, a replay changed the facts (-before +after):\n%s", n, what, diff)
					}
				}
				if twice := l.query(twiceCounted); l.goesOn && len(twice) > 0 {
					t.Fatalf("after night %d, %s, items stand in two sets: %s\n%s", n, what, twice, strings.Join(l.facts(), "\n"))
				}
			}
		})
	}
}

// twiceCounted are collected items that stand in more than one set, with no finding that
// says so.
const twiceCounted = `SELECT product_name FROM collector.line_items JOIN collector.line_item_sets s USING (set_id)
	WHERE s.superseded_at IS NULL AND s.origin = 'servicecosts'
		AND NOT EXISTS (SELECT 1 FROM finance.findings WHERE kind = 'line_items_without_detail' AND resolved_at IS NULL)
	GROUP BY 1 HAVING count(DISTINCT set_id) > 1`

// randomLog is a customer of whom answers of all kinds come, again and again.
type randomLog struct {
	*fixture
	*rand.Rand
	told []billing.Statement
	// goesOn: no answer is of an earlier month than one before it. month is that of
	// Recurring, and how many later OneTime is.
	goesOn       bool
	month, later int
}

func (l *randomLog) one(n int) bool { return l.IntN(n) == 0 }

// night collects or imports an answer, and says which.
func (l *randomLog) night(n int) (what string) {
	if month, later := 9+n/7, n%7/4; l.goesOn && (month != l.month || later != l.later) {
		l.month, l.later, l.told = month, later, nil
	} else if !l.goesOn {
		l.month, l.later = 9+l.IntN(2), l.IntN(2)
	}
	s := l.answer()
	if len(l.told) > 0 && l.one(4) {
		s = l.told[l.IntN(len(l.told))]
	}
	l.told = append(l.told, s)
	if l.one(4) {
		s.Failure = nil
		l.importSaved(s)
		return fmt.Sprintf("imported %s", inShort(s))
	}
	l.collect(s)
	return fmt.Sprintf("collected %s", inShort(s))
}

// inShort is what an answer says.
func inShort(s billing.Statement) string {
	var all []string
	if s.Costs == nil {
		return "no summary"
	}
	for _, d := range s.Costs.Details {
		all = append(all, fmt.Sprintf("%s %s", d.InvoiceType, d.Period.Start.Format(time.DateOnly)))
	}
	if s.LineItems == nil {
		all = append(all, "items unread or aside")
	}
	for _, i := range s.LineItems {
		all = append(all, fmt.Sprintf("(%s %s)", i.InvoiceType, i.ProductName))
	}
	return strings.Join(all, ", ")
}

// answer has details of some of the types and periods, and items with or without types
// that may lack their detail, or are not read, or set aside. All may be missing.
func (l *randomLog) answer() billing.Statement {
	s := l.costs()
	for i := range s.LineItems {
		if l.one(5) {
			s.LineItems[i] = untyped(s.LineItems[i])
		}
	}
	if l.one(8) { // all types are missing at once
		for i := range s.LineItems {
			s.LineItems[i] = untyped(s.LineItems[i])
		}
	}
	if l.one(12) {
		s.Costs.Root.Period = billing.Period{}
	}
	place(&s)
	// The bodies must tell these answers apart: they say what was said.
	summary, items := &s.Documents[1], &s.Documents[2]
	summary.Body, items.Body = fmt.Appendf(nil, "summary %v %v", s.Costs.Root, s.Costs.Details), fmt.Append(nil, "items ", s.LineItems)
	switch l.IntN(10) {
	case 0:
		s.LineItems, s.Documents = nil, s.Documents[:2]
	case 1:
		s.LineItems, items.Body = nil, append([]byte("aside "), items.Body...)
	case 2:
		if l.one(2) {
			s.Costs, s.LineItems, s.Documents = &billing.CostSummary{}, nil, s.Documents[:2]
			s.Documents[1].HTTPStatus, s.Documents[1].Body = 404, []byte("no costs")
		}
	case 3:
		if l.one(2) {
			s.Costs, s.LineItems, s.Documents = nil, nil, s.Documents[:1]
			s.Failure = &billing.Failure{Class: billing.BadAnswer, Resource: "servicecosts/mostrecent"}
		}
	}
	if l.one(2) && s.Costs != nil {
		s.Profile, s.Documents = nil, s.Documents[1:]
	} else {
		s.Profile.CompanyName = []string{"Company", "Company Ltd"}[l.IntN(2)]
		s.Documents[0].Body = []byte("profile of " + s.Profile.CompanyName)
	}
	return s
}

func (l *randomLog) costs() billing.Statement {
	total := func() string { return fmt.Sprint(1 + l.IntN(3)) }
	details := both(recurring(l.month, total()))
	var items []billing.LineItem
	if l.one(5) {
		details = append(details, detail(billing.Recurring, details[0].Period.Start.Format(time.DateOnly), "2026-11-30", []string{"EUR", "", "USD"}[l.IntN(3)], total()))
	}
	add := func(d billing.CostDetail) {
		i := dated(item(d, "FEE", total()), d.Period.Start.Format(time.DateOnly))
		i.ProductName = fmt.Sprintf("%s of %s", d.InvoiceType, d.Period.Start.Format(time.DateOnly))
		items = append(items, i)
	}
	if !l.one(6) {
		add(details[0])
	}
	o := oneTime(l.month+l.later, total())
	if !l.one(4) {
		details = append(details, o)
	}
	if !l.one(3) {
		add(o)
	}
	if l.one(4) {
		m := detail([]billing.InvoiceType{"Marketplace", "marketplace"}[l.IntN(2)], "2026-10-01", "2026-10-31", "USD", total())
		details = append(details, m)
		add(m)
	}
	return answer(details, items...)
}
