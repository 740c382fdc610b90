package persist_test

import (
	"fmt"
	"strings"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

// No statement of a batch scans a table, whatever the batch contains: the work for a
// customer does not depend on how many customers there are.
func TestBatchesReadNoTableWhole(t *testing.T) {
	t.Parallel()
	// A customer has, and a batch looks up, at most some dozens of rows of a table: far
	// fewer than the table has.
	const stored, part, perCustomer = 3000, 20, 100
	b := newFixture(t)
	for first := 0; first < stored; first += 500 {
		b.collect(oddCustomers(first, 500, "10.17")...)
	}
	b.query("SELECT collector.refresh_stale_month('contoso')")

	small := map[string]bool{"collector.runs": true, "collector.stale_months": true} // these tables do not grow with the customers
	var archived []persist.Rederived
	n := 0
	for customer, err := range b.store.Archive(t.Context(), "contoso") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n > part {
			break
		}
		r := persist.Rederived{CustomerID: customer.CustomerID}
		for _, answer := range customer.Answers {
			r.Answers = append(r.Answers, persist.RederivedAnswer{StatementID: answer.StatementID, Statement: oddCustomers(n-1, 1, "14")[0]})
		}
		archived = append(archived, r)
	}

	for _, step := range []struct {
		name string
		do   func()
	}{
		{"new", func() { b.write(oddCustomers(stored, part, "10.17")...) }},
		{"unchanged", func() { b.write(oddCustomers(200, part, "10.17")...) }},
		{"the same", func() {
			batch := oddCustomers(300, part, "10.17")
			for i := range batch {
				batch[i] = b.sameAs(batch[i])
			}
			b.write(batch...)
		}},
		{"restated, findings reworded", func() {
			batch := oddCustomers(400, part, "11.5")
			for i := range batch {
				batch[i].Profile.Email = "new@example.com"
				batch[i].Documents[0].Body = append(batch[i].Documents[0].Body, " new"...)
				for j := range batch[i].Findings {
					batch[i].Findings[j].Detail = "Said otherwise."
				}
			}
			b.write(batch...)
		}},
		{"findings resolved, a detail vanished", func() {
			batch := oddCustomers(600, part, "10.17")
			for i := range batch {
				s := &batch[i]
				s.Findings, s.Costs.Details, s.LineItems = nil, s.Costs.Details[:1], s.LineItems[:2]
				s.Documents[1].Body = append(s.Documents[1].Body, " less"...)
			}
			b.write(batch...)
		}},
		{"failed", func() {
			batch := oddCustomers(800, part, "10.17")
			for i := range batch {
				s := &batch[i]
				s.Failure = &billing.Failure{Class: billing.ServerFailure, Resource: "profiles/billing", Message: "no answer", Attempts: 1}
				s.Profile, s.Documents = nil, s.Documents[1:]
			}
			b.write(batch...)
		}},
		{"another spelling of a type, items of a type without a cost", func() {
			batch := oddCustomers(1000, part, "10.17")
			for i := range batch {
				s := &batch[i]
				s.Costs.Details[0].InvoiceType = "Usage"
				s.Documents[1].Body = append(s.Documents[1].Body, " usage"...)
			}
			b.write(batch...)
		}},
		{"only looked at", func() {
			if _, err := b.store.Plan(t.Context(), "contoso", oddCustomers(1200, part, "12")); err != nil {
				t.Fatal(err)
			}
		}},
		{"imported", func() {
			for _, s := range oddCustomers(1400, 3, "13") {
				b.importSaved(s)
			}
			for _, s := range oddCustomers(stored+100, 3, "13") {
				b.importSaved(s)
			}
		}},
		{"replayed", func() {
			run := billing.Run{ID: "00000000-0000-4000-9000-00000000ffff", Partner: "contoso", Kind: billing.KindReplay, StartedAt: night(60), Version: "test"}
			if err := b.store.BeginRun(t.Context(), run); err != nil {
				t.Fatal(err)
			}
			if _, err := b.store.Replay(t.Context(), run, archived); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		before := b.reads()
		step.do()
		for table, after := range b.reads() {
			rows, entries := after[1]-before[table][1], after[2]-before[table][2]
			if strings.HasPrefix(table, "collector.") && !small[table] && rows+entries > perCustomer*part {
				t.Errorf("%s: %d rows of %s were read from its beginning on, and %d entries of its indexes", step.name, rows, table, entries)
			}
		}
	}
}

// oddCustomers returns n answers, each with two details, four line items and two
// findings.
func oddCustomers(first, n int, total string) []billing.Statement {
	batch := make([]billing.Statement, n)
	for i := range batch {
		r, o := recurring(9, total), oneTime(10, "2.2")
		id := billing.CustomerID(fmt.Sprintf("00000000-0000-4000-8000-%012d", first+i))
		batch[i] = statement(id, both(r, o), item(r, "A", total), item(r, "B", "0"), item(o, "C", "1.1"), item(o, "C", "1.1"))
		batch[i].Findings = []billing.Finding{
			{Kind: billing.RootMismatch, Severity: billing.Warning, Detail: "The root says something else."},
			{Kind: billing.LineItemsSumMismatch, Severity: billing.Info, Subject: r.Subject(), Detail: "They add up to something else."},
		}
	}
	return batch
}

// write stores a batch in a run of its own, and nothing else.
func (b *fixture) write(batch ...billing.Statement) {
	b.t.Helper()
	b.runs++
	run := billing.Run{ID: fmt.Sprintf("00000000-0000-4000-9000-%012d", b.runs), Partner: "contoso", Kind: billing.KindOnce, StartedAt: night(b.runs), Version: "test"}
	if err := b.store.BeginRun(b.t.Context(), run); err != nil {
		b.t.Fatal(err)
	}
	b.remember(batch)
	if _, err := b.store.Write(b.t.Context(), run, batch); err != nil {
		b.t.Fatal(err)
	}
}

// reads counts the rows read so far. The server's counters are exact only when every
// session has ended.
func (b *fixture) reads() map[string][3]int64 {
	b.t.Helper()
	b.store.Close()
	counts := pgtest.Reads(b.t, b.url)
	b.open()
	return counts
}
