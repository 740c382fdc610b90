package persist_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/persist/pgtest"
)

const run2 = "00000000-0000-4000-9000-000000000002"

func outcomes(results []billing.CustomerResult) []billing.Outcome {
	var list []billing.Outcome
	for _, r := range results {
		list = append(list, r.Outcome)
	}
	return list
}

func wantOutcomes(t *testing.T, results []billing.CustomerResult, want ...billing.Outcome) {
	t.Helper()
	if diff := cmp.Diff(want, outcomes(results)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func wantSameWrites(t *testing.T, before, after map[string][3]int64) {
	t.Helper()
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("an unchanged rerun wrote facts (-before +after):\n%s", diff)
	}
}

func TestUnchangedRerunWritesNoFact(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	night := func() []billing.Statement {
		r, o := recurring(9, "17.22"), oneTime(10, "2.2")
		odd := statement(customerB, both(detail("Marketplace", "2026-10-01", "2026-10-31", "", "-0.1999968000511991808131")))
		odd.Findings = []billing.Finding{{Kind: billing.CurrencyMissing, Severity: billing.Warning, Subject: "Marketplace 2026-10-01", Detail: "No currency."}}
		return []billing.Statement{statement(customerA, both(r, o), item(r, "CYCLE FEE", "17.22"), item(o, "PURCHASE FEE", "1.1"), item(o, "PURCHASE FEE", "1.1")), odd}
	}
	wantOutcomes(t, b.collect(night()...), billing.OutcomeStored, billing.OutcomeStored)
	before := b.writes()
	tracker := pgtest.Track(t, b.url, factTables...)
	wantOutcomes(t, b.collect(night()...), billing.OutcomeUnchanged, billing.OutcomeUnchanged)
	wantSameWrites(t, before, b.writes())
	if changes := tracker.Changes(t); changes != "" {
		t.Errorf("an unchanged rerun changed facts:\n%s", changes)
	}
	wantLines(t, "costs", b.costs(),
		"a OneTime 2026-10-01 2026-10-31 USD 2.2 0 2.2 0 1",
		"a Recurring 2026-09-12 2026-10-11 USD 17.22 0 17.22 0 1",
		"b Marketplace 2026-10-01 2026-10-31 null -0.1999968000511991808131 0 -0.1999968000511991808131 0 1")
	wantLines(t, "findings", b.openFindings(), "currency_missing warning Marketplace 2026-10-01")
}

func TestScaleIsNotARestatement(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := recurring(9, "17.20")
	b.collect(statement(customerA, both(r), item(r, "FEE", "17.20")))
	r = recurring(9, "17.2")
	wantOutcomes(t, b.collect(statement(customerA, both(r), item(r, "FEE", "17.2"))), billing.OutcomeUnchanged)
}

func TestRestatementKeepsItsPredecessor(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "17.22"), oneTime(10, "2.2"))))
	wantOutcomes(t, b.collect(statement(customerA, both(recurring(9, "20"), oneTime(10, "2.2")))), billing.OutcomeStored)
	b.collect(statement(customerA, both(recurring(9, "-1.5"), oneTime(10, "2.2"))))
	wantLines(t, "costs", b.costs(),
		"a OneTime 2026-10-01 2026-10-31 USD 2.2 0 2.2 0 1",
		"a Recurring 2026-09-12 2026-10-11 USD -1.5 0 -1.5 2 1")
	wantLines(t, "changes", b.changes(),
		"Recurring 2026-09-12 2026-10-11 2026-10-11 USD 17.22 20 2.78 1 "+run2,
		"Recurring 2026-09-12 2026-10-11 2026-10-11 USD 20 -1.5 -21.5 2 00000000-0000-4000-9000-000000000003")
}

func TestMovedEndIsARestatement(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(detail(billing.Recurring, "2026-09-12", "2026-10-11", "USD", "5"))))
	b.collect(statement(customerA, both(detail(billing.Recurring, "2026-09-12", "2026-10-20", "USD", "5"))))
	wantLines(t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-20 USD 5 0 5 1 1")
	wantLines(t, "changes", b.changes(), "Recurring 2026-09-12 2026-10-11 2026-10-20 USD 5 5 0 1 "+run2)
}

func TestTypesMoveOnAtDifferentTimes(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r9, r10, o10, o11 := recurring(9, "10"), recurring(10, "11"), oneTime(10, "2"), oneTime(11, "3")
	b.collect(statement(customerA, both(r9, o10), item(r9, "R9", "10"), item(o10, "O10", "2")))
	b.collect(statement(customerA, both(r9, o11), item(r9, "R9", "10"), item(o11, "O11", "3")))
	b.collect(statement(customerA, both(r10, o11), item(r10, "R10", "11"), item(o11, "O11", "3")))
	wantLines(t, "costs", b.costs(),
		"a OneTime 2026-10-01 2026-10-31 USD 2 0 2 0 1", "a OneTime 2026-11-01 2026-11-30 USD 3 0 3 0 1",
		"a Recurring 2026-09-12 2026-10-11 USD 10 0 10 0 1", "a Recurring 2026-10-12 2026-11-11 USD 11 0 11 0 1")
	wantLines(t, "items", b.items(),
		"OneTime 2026-10-01 1 O10 2", "OneTime 2026-11-01 1 O11 3", "Recurring 2026-09-12 1 R9 10", "Recurring 2026-10-12 1 R10 11")
	wantLines(t, "findings", b.openFindings())
	wantLines(t, "changes", b.changes())
}

func TestDetailThatVanishesStaysAndIsAFinding(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "10"), oneTime(10, "2"))))
	b.collect(statement(customerA, both(recurring(9, "10"))))
	wantLines(t, "costs", b.costs(), "a OneTime 2026-10-01 2026-10-31 USD 2 0 2 0 1", "a Recurring 2026-09-12 2026-10-11 USD 10 0 10 0 1")
	wantLines(t, "findings", b.openFindings(), "detail_vanished warning OneTime 2026-10-01 USD")
	// The type moves to the next period: the missing detail is final, and the finding is
	// resolved.
	b.collect(statement(customerA, both(recurring(9, "10"), oneTime(11, "3"))))
	wantLines(t, "findings after the type moved on", b.openFindings())
	wantLines(t, "resolved", b.query(`SELECT kind, resolved_at::date FROM finance.findings WHERE resolved_at IS NOT NULL`), "detail_vanished 2026-11-04")
}

// A detail that came without its period's start in one night counts in addition to its
// original as long as it is stored, and is a finding that long.
func TestDetailWithoutAPeriodStaysAFinding(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	usual, bare := recurring(9, "10"), detail(billing.Recurring, "", "2026-10-11", "USD", "10")
	b.collect(statement(customerA, both(usual)))
	b.collect(statement(customerA, both(bare)))
	b.collect(statement(customerA, both(usual)))
	b.collect(statement(customerA, both(recurring(10, "11"))))
	wantLines(t, "findings", b.openFindings(), "detail_vanished warning "+bare.Subject())
}

// A vanished detail has the same subject as other findings about it.
func TestVanishedDetailsAreNamedLikeOthers(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	bare := detail("", "", "", "", "1")
	b.collect(statement(customerA, both(bare, bare)))
	b.collect(statement(customerA, nil))
	wantLines(t, "findings", b.openFindings(), "detail_vanished warning "+bare.Subject(), "detail_vanished warning "+bare.Subject()+" #2")
}

func TestNoCostsErasesNothing(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := recurring(9, "10")
	b.collect(statement(customerA, both(r), item(r, "FEE", "10")))
	none := statement(customerA, nil)
	none.LineItems = nil
	none.Documents = []billing.Document{{Kind: billing.SummaryDocument, HTTPStatus: 404, Body: []byte(`{"code":1000}`)}}
	wantOutcomes(t, b.collect(none), billing.OutcomeNoCosts)
	wantOutcomes(t, b.collect(none), billing.OutcomeNoCosts)
	wantLines(t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 10 0 10 0 1")
	wantLines(t, "items", b.items(), "Recurring 2026-09-12 1 FEE 10")
	wantLines(t, "findings", b.openFindings(), "detail_vanished warning Recurring 2026-09-12 USD")
	wantLines(t, "answers", b.query(`SELECT summary_status, profile_hash IS NULL AS no_profile FROM collector.statements ORDER BY statement_id`), "200 false", "404 false")
}

func TestDetailsOfTheSameKey(t *testing.T) {
	t.Parallel()
	five, ten := recurring(9, "5"), recurring(9, "10")
	const row = "a Recurring 2026-09-12 2026-10-11 USD "
	tests := []struct {
		name          string
		first, second []billing.CostDetail
		want          []string
		changes       int
	}{
		{"order does not matter", both(five, ten), both(ten, five), []string{row + "5 0 5 0 1", row + "10 0 10 0 2"}, 0},
		{"one is restated", both(five, ten), both(ten, recurring(9, "7")), []string{row + "7 0 7 1 1", row + "10 0 10 0 2"}, 1},
		{"one more", both(ten), both(five, ten), []string{row + "10 0 10 0 1", row + "5 0 5 0 2"}, 0},
		{"one less", both(five, ten), both(ten), []string{row + "5 0 5 0 1", row + "10 0 10 0 2"}, 0},
		{"true twins", both(five, five), both(five, five), []string{row + "5 0 5 0 1", row + "5 0 5 0 2"}, 0},
		{"a third twin", both(five, five), both(five, five, five), []string{row + "5 0 5 0 1", row + "5 0 5 0 2", row + "5 0 5 0 3"}, 0},
		{"restated and one more", both(five), both(recurring(9, "6"), recurring(9, "8")), []string{row + "6 0 6 1 1", row + "8 0 8 0 2"}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.collect(statement(customerA, test.first))
			b.collect(statement(customerA, test.second))
			wantLines(t, "costs", b.costs(), test.want...)
			if got := len(b.changes()); got != test.changes {
				t.Errorf("%d restatements, want %d", got, test.changes)
			}
			wantOutcomes(t, b.collect(statement(customerA, test.second)), billing.OutcomeUnchanged)
		})
	}
}

// An invoice type that differs only in case is the same type, in its first spelling.
func TestInvoiceTypesInAnotherCaseAreOne(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	of := func(invoiceType billing.InvoiceType, month int, total string) billing.CostDetail {
		d := oneTime(month, total)
		d.InvoiceType = invoiceType
		return d
	}
	usage, lower := of("Usage", 10, "5"), of("usage", 10, "6")
	b.collect(statement(customerA, both(usage), item(usage, "A", "5")))
	b.collect(statement(customerA, both(lower), item(lower, "B", "6")))
	wantLines(t, "costs", b.costs(), "a Usage 2026-10-01 2026-10-31 USD 6 0 6 1 1")
	wantLines(t, "items", b.items(), "Usage 2026-10-01 1 B 6")
	wantLines(t, "findings", b.openFindings())
	b.wantReplayed()
	next := of("USAGE", 11, "7")
	b.collect(statement(customerA, both(next, of("usage", 11, "8")), item(of("usage", 11, ""), "C", "15")))
	wantLines(t, "costs", b.costs(), "a Usage 2026-10-01 2026-10-31 USD 6 0 6 1 1",
		"a Usage 2026-11-01 2026-11-30 USD 7 0 7 0 1", "a Usage 2026-11-01 2026-11-30 USD 8 0 8 0 2")
	wantLines(t, "items", b.items(), "Usage 2026-10-01 1 B 6", "Usage 2026-11-01 1 C 15")
	b.wantReplayed()

	// Each customer has spellings of its own.
	b.collect(statement(customerB, both(lower)))
	wantLines(t, "the other's", b.query(`SELECT invoice_type FROM finance.costs WHERE customer_id = $1`, customerB), "usage")
}

// The cost of an answer grows with its details, not with their square: no statement
// takes long.
func TestThousandsOfDetailsInOneAnswer(t *testing.T) {
	t.Parallel()
	const many = 4000
	tests := []struct {
		name   string
		detail func(i, night int) billing.CostDetail
	}{
		{"of one key", func(i, night int) billing.CostDetail { return recurring(9, fmt.Sprintf("%d.%d", i, night)) }},
		{"of a key each", func(i, night int) billing.CostDetail {
			d := recurring(9, fmt.Sprintf("%d.%d", i, night))
			d.InvoiceType = billing.InvoiceType(fmt.Sprintf("type %d", i))
			return d
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.store.Close()
			b.change(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''15s''', current_database()); END $$`)
			b.open()
			for night := range 2 {
				details := make([]billing.CostDetail, many)
				for i := range details {
					details[i] = test.detail(i, night)
				}
				b.collect(statement(customerA, details))
			}
			wantLines(t, "costs", b.query(`SELECT count(*), min(revisions), max(revisions) FROM collector.cost_details`), "4000 1 1")
		})
	}
}

func TestUnstatedKeyPartsAreOneKey(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(detail("", "", "", "", "5"))))
	b.collect(statement(customerA, both(detail("", "", "", "", "6"))))
	wantLines(t, "costs", b.costs(), "a null null null null 6 0 6 1 1")
}

func TestLineItemSets(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r, o := recurring(9, "10"), oneTime(10, "2")
	a, c := item(r, "A", "4"), item(r, "A", "4")
	b.collect(statement(customerA, both(r, o), a, c, item(r, "B", "2"), item(o, "O", "2")))
	wantOutcomes(t, b.collect(statement(customerA, both(r, o), item(o, "O", "2"), item(r, "B", "2"), a, c)), billing.OutcomeUnchanged)
	wantLines(t, "nothing new in another order", b.query(`SELECT count(*) FROM collector.line_item_sets`), "2")

	// A true duplicate is removed: the set is replaced, the other type's set stays.
	b.collect(statement(customerA, both(r, o), a, item(r, "B", "2"), item(o, "O", "2")))
	wantLines(t, "shrunk", b.items(), "OneTime 2026-10-01 1 O 2", "Recurring 2026-09-12 1 A 4", "Recurring 2026-09-12 2 B 2")
	sets := `SELECT invoice_type, revision, item_count, (SELECT count(*) FROM collector.line_items i WHERE i.set_id = s.set_id) AS items,
		superseded_at::date, superseded_by_run FROM collector.line_item_sets s ORDER BY invoice_type, revision`
	wantLines(t, "sets", b.query(sets),
		"OneTime 0 1 1 null null", "Recurring 0 3 3 2026-11-04 00000000-0000-4000-9000-000000000003", "Recurring 1 2 2 null null")

	// All items of a type are removed while its detail stays: the set is empty now.
	b.collect(statement(customerA, both(r, o), item(o, "O", "2")))
	wantLines(t, "emptied", b.items(), "OneTime 2026-10-01 1 O 2")

	// The items could not be read: the sets stay as they are.
	unread := statement(customerA, both(r, o))
	unread.LineItems = nil
	unread.Failure = &billing.Failure{Class: billing.ServerFailure, Resource: "servicecosts/mostrecent/lineitems", HTTPStatus: 500, Message: "try later", RequestID: "r", CorrelationID: "c", Attempts: 5}
	wantOutcomes(t, b.collect(unread), billing.OutcomeFailed)
	wantLines(t, "unread", b.items(), "OneTime 2026-10-01 1 O 2")
	wantLines(t, "failures", b.query(`SELECT class, resource, http_status, message, request_id, correlation_id, attempts FROM collector.failures`),
		"server servicecosts/mostrecent/lineitems 500 servicecosts/mostrecent/lineitems: HTTP 500: try later r c 5")
}

func TestFailuresAreRecordedAndHarmNothing(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "10"))))
	tests := []struct {
		class billing.FailureClass
		want  billing.Outcome
	}{
		{billing.NoAccess, billing.OutcomeNoAccess}, {billing.UnknownCustomer, billing.OutcomeUnknownCustomer}, {billing.Throttled, billing.OutcomeFailed},
	}
	for _, test := range tests {
		failed := billing.Statement{CustomerID: customerA, Failure: &billing.Failure{Class: test.class, HTTPStatus: 403, Code: "20002", Message: "No relationship."}}
		wantOutcomes(t, b.collect(failed), test.want)
		wantLines(t, "coverage", b.query(`SELECT last_success_at::date, last_outcome, last_error, latest_period_end FROM finance.coverage`),
			fmt.Sprintf("2026-11-02 %s HTTP 403, code 20002: No relationship. 2026-10-11", test.want))
	}
	wantLines(t, "costs", b.costs(), "a Recurring 2026-09-12 2026-10-11 USD 10 0 10 0 1")
	wantLines(t, "failures in a row", b.query(`SELECT failures_in_a_row FROM collector.customer_states`), "3")
	wantOutcomes(t, b.collect(statement(customerA, both(recurring(9, "10")))), billing.OutcomeUnchanged)
	wantLines(t, "failures in a row", b.query(`SELECT failures_in_a_row, last_error FROM (SELECT failures_in_a_row, last_error FROM collector.customer_states) s`), "0 null")
}

func TestProfileHistory(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, nil))
	renamed := statement(customerA, nil)
	renamed.Profile.CompanyName = "New name"
	renamed.Documents[0].Body = []byte("renamed")
	b.collect(renamed)
	wantLines(t, "customers", b.query(`SELECT company_name, country, last_outcome FROM finance.customers`), "New name US no_costs")
	wantLines(t, "history", b.query(`SELECT revision, profile->>'company_name' AS name, superseded_by_run FROM collector.billing_profile_history`), "0 Company a "+run2)
}

func TestRefusedDataIsRolledBackWhole(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	tracker := pgtest.Track(t, b.url, factTables...)
	bad := statement(customerB, both(recurring(9, "1")))
	bad.Profile.Email = "mallory@example.com\x00"
	run := billing.Run{ID: "00000000-0000-4000-9000-000000000001", Partner: "contoso", Kind: billing.KindOnce}
	_, err := b.store.Write(t.Context(), run, []billing.Statement{statement(customerA, both(recurring(9, "10"))), bad})
	if !errors.Is(err, billing.ErrRejected) {
		t.Fatalf("error %v, want billing.ErrRejected", err)
	}
	if strings.Contains(err.Error(), "mallory") {
		t.Errorf("the error quotes personal data: %v", err)
	}
	if changes := tracker.Changes(t); changes != "" {
		t.Errorf("a refused batch left something behind:\n%s", changes)
	}
}

func TestPlanWritesNothing(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "10"), oneTime(10, "2"))))
	tracker := pgtest.Track(t, b.url, append([]string{"collector.customer_states", "collector.runs"}, factTables...)...)
	before := b.writes()
	results, err := b.store.Plan(t.Context(), "contoso", []billing.Statement{
		statement(customerA, both(recurring(9, "12.5"), oneTime(10, "2"))), statement(customerB, both(oneTime(10, "1"))),
	})
	if err != nil {
		t.Fatal(err)
	}
	was, is, fresh := recurring(9, "10").CostTotals, recurring(9, "12.5").CostTotals, oneTime(10, "1").CostTotals
	want := []billing.CustomerResult{
		{CustomerID: customerA, Outcome: billing.OutcomeStored, RowsChanged: 1, Changes: []billing.DetailChange{{InvoiceType: billing.Recurring, Before: &was, After: is}}},
		{CustomerID: customerB, Outcome: billing.OutcomeStored, RowsChanged: 2, ProfileChanged: true, Changes: []billing.DetailChange{{InvoiceType: billing.OneTime, After: fresh}}},
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if changes := tracker.Changes(t); changes != "" {
		t.Errorf("the plan changed:\n%s", changes)
	}
	if diff := cmp.Diff(before, b.writes()); diff != "" {
		t.Errorf("the plan wrote (-before +after):\n%s", diff)
	}
}

func TestEveryCentLeadsToItsBody(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	for _, total := range []string{"10", "11"} {
		s := statement(customerA, both(recurring(9, total)))
		s.Documents[1].Body = []byte("summary of " + total) // too short to be compressed
		b.collect(s)
	}
	wantLines(t, "bodies", b.query(`SELECT convert_from(p.body, 'UTF8') = 'summary of 10' AS first, convert_from(q.body, 'UTF8') = 'summary of 11' AS second
		FROM collector.cost_details d
		JOIN collector.cost_detail_history h USING (detail_id)
		JOIN collector.statements s ON s.statement_id = h.statement_id JOIN collector.payloads p ON p.payload_hash = s.summary_hash
		JOIN collector.statements t ON t.statement_id = d.statement_id JOIN collector.payloads q ON q.payload_hash = t.summary_hash`), "true true")
	wantLines(t, "each body once", b.query(`SELECT count(*) FROM collector.payloads`), "4")
}
