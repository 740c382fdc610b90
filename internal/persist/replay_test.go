package persist_test

import (
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

// derivedTables are the tables whose rows a replay derives again.
var derivedTables = []string{
	"collector.billing_profiles", "collector.billing_profile_history", "collector.cost_details", "collector.cost_detail_history",
	"collector.line_item_sets", "collector.line_items", "collector.withdrawn_rows",
}

// replay derives all facts again from the stored bodies.
func (b *fixture) replay() []persist.ReplayResult {
	b.t.Helper()
	b.runs++
	run := billing.Run{ID: "00000000-0000-4000-b000-000000000001", Partner: "contoso", Kind: billing.KindReplay, StartedAt: night(b.runs)}
	var batch []persist.Rederived
	for customer, err := range b.store.Archive(b.t.Context(), "contoso") {
		if err != nil {
			b.t.Fatal(err)
		}
		derived := persist.Rederived{CustomerID: customer.CustomerID}
		for _, answer := range customer.Answers {
			derived.Pruned = derived.Pruned || answer.Pruned
			derived.Answers = append(derived.Answers, persist.RederivedAnswer{
				StatementID: answer.StatementID, Imported: answer.Imported, Statement: b.said(customer.CustomerID, answer.Documents),
			})
		}
		batch = append(batch, derived)
	}
	results, err := b.store.Replay(b.t.Context(), run, batch)
	if err != nil {
		b.t.Fatal(err)
	}
	return results
}

// said returns the statement that was collected with these bodies.
func (b *fixture) said(id billing.CustomerID, documents []billing.Document) billing.Statement {
	b.t.Helper()
	s := billing.Statement{CustomerID: id}
	for _, d := range documents {
		answer, known := b.answers[string(d.Body)]
		if !known {
			b.t.Fatalf("nobody collected the body %q", d.Body)
		}
		switch {
		case d.Kind == billing.ProfileDocument:
			s.Profile = answer.Profile
		case d.Kind == billing.LineItemsDocument:
			s.LineItems = answer.LineItems
		case d.HTTPStatus == 200 || d.HTTPStatus == 0:
			s.Costs = answer.Costs
		default:
			s.Costs = &billing.CostSummary{}
		}
	}
	return s
}

// wantReplayed checks that a replay changes nothing.
func (b *fixture) wantReplayed() {
	b.t.Helper()
	tracker := pgtest.Track(b.t, b.url, derivedTables...)
	b.replay()
	if changes := tracker.Changes(b.t); changes != "" {
		b.t.Errorf("a replay changed:\n%s", changes)
	}
}

// The same bytes with 404 and with 200 are two answers.
func TestReplayTellsAnswersApartByTheirStatus(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	costs := statement(customerA, both(recurring(9, "10")))
	costs.LineItems, costs.Documents = nil, costs.Documents[:2]
	none := statement(customerA, nil)
	none.LineItems = nil
	none.Documents = []billing.Document{costs.Documents[0], costs.Documents[1]}
	none.Documents[1].HTTPStatus = 404
	b.collect(none)
	b.collect(costs)
	wantLines(t, "answers", b.query(`SELECT summary_status FROM collector.statements ORDER BY statement_id`), "404", "200")
	b.wantReplayed()
	wantLines(t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 10 0 10 0 1")

	// The same with imports.
	b.importSaved(none)
	b.importSaved(costs)
	wantLines(t, "imports", b.query(`SELECT summary_status FROM collector.statements WHERE origin = 'import' ORDER BY statement_id`), "404", "200")
}

// The rows of an answer whose body is gone are not overridden by an older answer.
func TestReplayLeavesWhatIsNotKept(t *testing.T) {
	t.Parallel()
	r := recurring(9, "10")
	tests := []struct {
		name   string
		nights func(*fixture)
		gone   string // the bodies that are no longer stored
	}{
		{"line items of the newest answer", func(b *fixture) {
			b.collect(statement(customerA, both(r)))
			b.collect(statement(customerA, both(r), item(r, "FEE", "4"), item(r, "FEE", "6")))
		}, "items %FEE%"},
		{"line items of the newest answer, when there were others", func(b *fixture) {
			b.collect(statement(customerA, both(r), item(r, "OLD", "10")))
			b.collect(statement(customerA, both(r), item(r, "NEW FEE", "10")))
		}, "items %FEE%"},
		{"a set that became empty", func(b *fixture) {
			b.collect(statement(customerA, both(r), item(r, "OLD", "10")))
			b.collect(statement(customerA, both(r)))
		}, "items %[]"},
		{"the newest summary", func(b *fixture) {
			b.collect(statement(customerA, both(r), item(r, "OLD", "10")))
			b.collect(statement(customerA, both(recurring(9, "77")), item(r, "NEW", "77")))
		}, "summary %77 %"},
		{"an older one than that of an import", func(b *fixture) {
			b.importSaved(statement(customerA, both(recurring(9, "7")), item(r, "SAVED", "7")))
			b.collect(statement(customerA, both(r), item(r, "FEE", "10")))
		}, "items %FEE%"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			test.nights(b)
			b.unpack()
			wantLines(t, "bodies that go", b.query(`SELECT count(*) FROM collector.payloads WHERE convert_from(body, 'UTF8') LIKE $1`, test.gone), "1")
			b.change(`DELETE FROM collector.payloads WHERE convert_from(body, 'UTF8') LIKE '` + test.gone + `'`)
			b.wantReplayed()
		})
	}
}

// Details of one key whose number changes from two to one and back keep their ordinals.
func TestReplayOfDetailsThatComeAndGo(t *testing.T) {
	t.Parallel()
	of := func(totals ...string) []billing.CostDetail {
		details := make([]billing.CostDetail, len(totals))
		for i, total := range totals {
			details[i] = recurring(9, total)
		}
		return details
	}
	const cost = "a Recurring 2026-09-12 2026-10-11 USD "
	tests := []struct {
		name   string
		nights [][]billing.CostDetail
		want   []string
	}{
		{
			"the second alone, then changed",
			[][]billing.CostDetail{of("33", "3"), of("36"), of("3"), of("4")},
			[]string{cost + "4 0 4 2 1", cost + "3 0 3 0 2"},
		},
		{
			"the third alone, then two",
			[][]billing.CostDetail{of("1", "2", "3"), of("3"), of("5", "6")},
			[]string{cost + "5 0 5 1 1", cost + "6 0 6 1 2", cost + "3 0 3 0 3"},
		},
		{
			"one more beside the second",
			[][]billing.CostDetail{of("1", "2"), of("2", "7", "8"), of("9")},
			[]string{cost + "9 0 9 2 1", cost + "2 0 2 0 2", cost + "8 0 8 0 3"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			for _, details := range test.nights {
				b.collect(statement(customerA, details))
				b.wantReplayed()
			}
			wantLines(t, "costs", b.costs(), test.want...)
		})
	}
}

func TestReplayAfterAnErasure(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := recurring(9, "10")
	// Two customers had the same empty list, whose body is stored once.
	first, other := statement(customerA, both(r)), statement(customerB, both(r))
	first.Documents[2].Body = other.Documents[2].Body
	b.collect(first, other)
	b.collect(statement(customerA, both(r), item(r, "A", "4"), item(r, "B", "6")), other)
	b.erase(customerA, billing.CountryOnly)
	b.wantReplayed()
	wantLines(t, "items", b.items(), "Recurring 2026-09-12 1 A 4", "Recurring 2026-09-12 2 B 6")
}
