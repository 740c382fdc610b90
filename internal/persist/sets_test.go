package persist_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
)

// answer makes a statement whose root repeats the first detail, as the service's does,
// and places its items as fetch does: with the detail of their type, else with the root.
func answer(details []billing.CostDetail, items ...billing.LineItem) billing.Statement {
	s := statement(customerA, details, items...)
	s.Costs.Root = details[0].CostTotals
	for i := range s.LineItems {
		item := &s.LineItems[i]
		item.SetStart = s.Costs.Root.Period.Start
		for _, d := range details {
			if d.InvoiceType == item.InvoiceType && item.InvoiceType != "" {
				item.SetStart = d.Period.Start
			}
		}
	}
	s.Documents[2].Body = fmt.Append(nil, "items ", s.LineItems)
	return s
}

func untyped(item billing.LineItem) billing.LineItem {
	item.InvoiceType = ""
	return item
}

func dated(item billing.LineItem, start string) billing.LineItem {
	item.StartDate = date(start)
	return item
}

// What the line items of one answer say is counted once, however types, details and
// periods come and go from night to night.
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

// Whatever order of answers is collected, among them imports, a replay of their log
// gives what stands already.
func TestReplayGivesWhatWasCollected(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			random := rand.New(rand.NewPCG(seed, 4))
			var before []string
			for n := range 14 {
				s := randomAnswer(random)
				s.Profile, s.Documents = nil, s.Documents[1:]
				// The body must tell these answers apart: it says what was said.
				s.Documents[0].Body = fmt.Appendf(nil, "summary %v %v", s.Costs.Root, s.Costs.Details)
				what := "collected"
				if random.IntN(4) == 0 {
					what = "imported"
					b.importSaved(s)
				} else {
					b.collect(s)
				}
				before = b.facts()
				b.replay()
				if diff := cmp.Diff(before, b.facts()); diff != "" {
					t.Fatalf("after night %d, %s, a replay changed the facts (-before +after):\n%s", n, what, diff)
				}
			}
		})
	}
}

// randomAnswer has details of some of the types and periods, and items with or without
// types that may lack their detail.
func randomAnswer(random *rand.Rand) billing.Statement {
	one := func(n int) bool { return random.IntN(n) == 0 }
	total := func() string { return fmt.Sprint(1 + random.IntN(3)) }
	month := 9 + random.IntN(2)
	details := both(recurring(month, total()))
	var items []billing.LineItem
	if one(5) {
		details = append(details, detail(billing.Recurring, details[0].Period.Start.Format(time.DateOnly), "2026-11-30", []string{"EUR", "", "USD"}[random.IntN(3)], total()))
	}
	for _, d := range details {
		items = append(items, item(d, "R"+total(), d.PretaxTotal.Decimal.String()))
	}
	o := oneTime(month+random.IntN(2), total())
	if !one(4) {
		details = append(details, o)
	}
	if !one(3) {
		items = append(items, dated(item(o, "O", "3"), o.Period.Start.Format(time.DateOnly)))
	}
	if one(4) {
		m := detail([]billing.InvoiceType{"Marketplace", "marketplace"}[random.IntN(2)], "2026-10-01", "2026-10-31", "USD", total())
		details = append(details, m)
		items = append(items, item(m, "M", "1"))
	}
	for i := range items {
		if one(5) {
			items[i] = untyped(items[i])
		}
	}
	return answer(details, items...)
}
