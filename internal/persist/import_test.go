package persist_test

import (
	"fmt"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

// importSaved imports a statement that was made of saved answers.
func (b *fixture) importSaved(s billing.Statement) persist.ImportResult {
	b.t.Helper()
	b.runs++
	run := billing.Run{ID: fmt.Sprintf("00000000-0000-4000-9000-%012d", b.runs), Partner: "contoso", Kind: billing.KindImport, StartedAt: night(b.runs)}
	saved := []billing.Statement{s}
	b.remember(saved)
	results, err := b.store.Import(b.t.Context(), run, saved)
	if err != nil {
		b.t.Fatal(err)
	}
	return results[0]
}

// facts returns the current values with their origin.
func (b *fixture) facts() []string {
	b.t.Helper()
	return b.query(`
		SELECT 'cost' AS fact, invoice_type, period_start, currency_code, after_tax_total::text AS value, origin, revisions FROM collector.cost_details
		UNION ALL
		SELECT 'items', invoice_type, period_start, NULL,
			coalesce((SELECT string_agg(charge_type, '+' ORDER BY ordinal) FROM collector.line_items i WHERE i.set_id = s.set_id), 'none'), origin, revision
		FROM collector.line_item_sets s WHERE superseded_at IS NULL
		UNION ALL
		SELECT 'profile', NULL, NULL, NULL, b.company_name, q.origin, b.revisions FROM collector.billing_profiles b JOIN collector.statements q USING (statement_id)
		ORDER BY fact, invoice_type, period_start, currency_code, value`)
}

func saved(company string, details []billing.CostDetail, items ...billing.LineItem) billing.Statement {
	s := statement(customerA, details, items...)
	s.Profile.CompanyName = company
	s.Documents[0].Body = []byte("profile of " + company)
	return s
}

// A row that a collection confirms is a collected one: no later import replaces it.
func TestImportNeverReplacesWhatACollectionConfirmed(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := recurring(9, "30")
	b.importSaved(saved("Company", both(r), item(r, "FEE", "30")))
	wantLines(t, "imported", b.facts(),
		"cost Recurring 2026-09-12 USD 30 import 0", "items Recurring 2026-09-12 null FEE import 0", "profile null null null Company import 0")
	b.collect(saved("Company", both(r), item(r, "FEE", "30")))
	collected := []string{
		"cost Recurring 2026-09-12 USD 30 servicecosts 0", "items Recurring 2026-09-12 null FEE servicecosts 0", "profile null null null Company servicecosts 0",
	}
	wantLines(t, "confirmed", b.facts(), collected...)
	other := recurring(9, "999")
	got := b.importSaved(saved("Other", both(other), item(other, "OTHER", "999")))
	if !got.ProfileKept || got.DetailsKept != 1 || got.SetsKept != 1 || got.RowsChanged != 0 {
		t.Errorf("the import did %+v, want all kept", got)
	}
	wantLines(t, "after another import", b.facts(), collected...)
	wantLines(t, "restatements", b.changes())
	b.wantReplayed()

	// A row is confirmed once: the next night writes nothing.
	before := b.writes()
	b.collect(saved("Company", both(r), item(r, "FEE", "30")))
	wantSameWrites(t, before, b.writes())
}

// A type and period that was collected takes nothing more from an import, and earlier
// imports of it give way when it is collected.
func TestImportNeverStandsBesideWhatWasCollected(t *testing.T) {
	t.Parallel()
	r, o := recurring(9, "60"), oneTime(9, "5")
	const collected = "cost Recurring 2026-09-12 USD 60 servicecosts 0"
	const profile = "profile null null null Company servicecosts 0"
	none, euros := detail(billing.Recurring, "2026-09-12", "2026-10-11", "", "60"), detail(billing.Recurring, "2026-09-12", "2026-10-11", "EUR", "50")
	tests := []struct {
		name             string
		collected, saved billing.Statement
		want             []string
	}{
		{"one more detail of the key", saved("Company", both(r)), saved("Company", both(r, recurring(9, "30"))), []string{collected, profile}},
		{"details of the key in another division", saved("Company", both(r)), saved("Company", both(recurring(9, "30"), recurring(9, "31"))), []string{collected, profile}},
		{"another currency", saved("Company", both(r)), saved("Company", both(euros)), []string{collected, profile}},
		{"no currency", saved("Company", both(r)), saved("Company", both(none)), []string{collected, profile}},
		{
			"items where none were collected", saved("Company", both(r)), saved("Company", both(r), item(r, "FEE", "60")),
			[]string{collected, profile},
		},
		{
			"items of the period without a type", saved("Company", both(r), item(r, "FEE", "60")),
			saved("Company", both(r), item(detail("", "2026-09-12", "", "USD", ""), "FEE", "60")),
			[]string{collected, "items Recurring 2026-09-12 null FEE servicecosts 0", profile},
		},
		{
			"another type fills a gap", saved("Company", both(r)), saved("Company", both(r, o), item(o, "PURCHASE", "5")),
			[]string{"cost OneTime 2026-09-01 USD 5 import 0", collected, "items OneTime 2026-09-01 null PURCHASE import 0", profile},
		},
	}
	for _, test := range tests {
		for _, order := range []string{"collected first", "imported first"} {
			t.Run(test.name+", "+order, func(t *testing.T) {
				t.Parallel()
				b := newFixture(t)
				if order == "collected first" {
					b.collect(test.collected)
					b.importSaved(test.saved)
				} else {
					b.importSaved(test.saved)
					b.collect(test.collected)
				}
				got := b.query(`SELECT line FROM (SELECT regexp_replace(line, ' \d+$', ' 0') AS line FROM unnest($1::text[]) AS line) l WHERE line NOT LIKE '% none %'`, b.facts())
				wantLines(t, "facts", got, test.want...)
				b.wantReplayed()
				b.collect(test.collected)
				b.wantReplayed()
			})
		}
	}
}

// Items that were never read leave a gap that an import may fill.
func TestImportFillsItemsThatWereNotRead(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := recurring(9, "60")
	unread := saved("Company", both(r))
	unread.LineItems, unread.Documents = nil, unread.Documents[:2]
	b.collect(unread)
	b.importSaved(saved("Company", both(r), item(r, "FEE", "60")))
	wantLines(t, "facts", b.facts(), "cost Recurring 2026-09-12 USD 60 servicecosts 0", "items Recurring 2026-09-12 null FEE import 0",
		"profile null null null Company servicecosts 0")
	b.wantReplayed()
}

// Items that were read and set aside, as those of another period, leave the same gap.
func TestImportFillsItemsThatWereSetAside(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := recurring(9, "60")
	aside := saved("Company", both(r), item(r, "OTHER", "7"))
	aside.LineItems = nil
	b.collect(aside)
	b.importSaved(saved("Company", both(r), item(r, "FEE", "60")))
	wantLines(t, "facts", b.facts(), "cost Recurring 2026-09-12 USD 60 servicecosts 0", "items Recurring 2026-09-12 null FEE import 0",
		"profile null null null Company servicecosts 0")
	b.wantReplayed()
}

// Items that were read and absent leave no gap, even if the cost changes later and its
// items are not read again.
func TestImportFillsNoItemsThatWereRead(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"collected first", "imported first"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			r := recurring(9, "60")
			imported := saved("Company", both(r), item(r, "FEE", "60"))
			restated := saved("Company", both(recurring(9, "61")))
			restated.LineItems, restated.Documents = nil, restated.Documents[:2]
			if order == "imported first" {
				b.importSaved(imported)
			}
			b.collect(saved("Company", both(r)))
			b.collect(restated)
			b.wantReplayed()
			if order == "collected first" {
				b.importSaved(imported)
			}
			wantLines(t, "items", b.items())
			wantLines(t, "sets", b.query(`SELECT item_count, origin FROM collector.line_item_sets WHERE superseded_at IS NULL`), "0 servicecosts")
			b.wantReplayed()
		})
	}
}

// Files that are imported again count from then on: before another import, and beside
// what was collected since.
func TestImportingAgainIsTheNewestImport(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	first, second := saved("Company", both(recurring(9, "1"))), saved("Company", both(recurring(9, "2")))
	const entries = `SELECT count(*) FROM collector.statements`
	for _, s := range []billing.Statement{first, first, second, first, first} {
		b.importSaved(s)
		b.wantReplayed()
	}
	wantLines(t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 1 0 1 2 1")
	wantLines(t, "entries", b.query(entries), "3")
	unread := saved("Company", both(recurring(10, "5")))
	unread.LineItems, unread.Documents = nil, unread.Documents[:2]
	b.collect(unread)
	for range 2 {
		b.importSaved(first)
		b.wantReplayed()
	}
	wantLines(t, "entries", b.query(entries), "5")
	wantLines(t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 1 0 1 2 1", "a Recurring 2026-10-12 2026-11-11 USD 5 0 5 0 1")
}

// Items without a cost of their own are imported only if no cost of their type or
// period was collected, whether its items were read or not.
func TestImportedItemsWithoutACost(t *testing.T) {
	t.Parallel()
	r, o := recurring(9, "60"), oneTime(10, "5")
	unread := answer(both(r))
	unread.LineItems, unread.Documents = nil, unread.Documents[:2]
	aside := answer(both(r), item(r, "ELSEWHERE", "7"))
	aside.LineItems = nil
	for name, collected := range map[string]billing.Statement{"unread": unread, "set aside": aside, "read": answer(both(r))} {
		for _, order := range []string{"collected first", "imported first"} {
			t.Run(name+", "+order, func(t *testing.T) {
				t.Parallel()
				b := newFixture(t)
				imported := answer(both(r), untyped(item(r, "UNTYPED", "60")), item(o, "PURCHASE", "5"))
				if order == "collected first" {
					b.collect(collected)
					b.importSaved(imported)
				} else {
					b.importSaved(imported)
					b.collect(collected)
				}
				wantLines(t, "items", b.items())
				b.wantReplayed()
				b.collect(collected)
				b.wantReplayed()
				wantLines(t, "items", b.items())
			})
		}
	}
}

// Ordinals continue after imported details that were withdrawn.
func TestWithdrawnImportsLeaveRoomForMoreDetails(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.importSaved(saved("Company", both(recurring(9, "30"), recurring(9, "60"))))
	b.collect(saved("Company", both(recurring(9, "60"))))
	wantLines(t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 60 0 60 0 2")
	wantLines(t, "kept aside", b.query(`SELECT detail ->> 'after_tax_total' AS total FROM collector.withdrawn_rows`), "30")
	b.collect(saved("Company", both(recurring(9, "60"), recurring(9, "5"))))
	wantLines(t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 60 0 60 0 2", "a Recurring 2026-09-12 2026-10-11 USD 5 0 5 0 3")
	b.wantReplayed()
}
