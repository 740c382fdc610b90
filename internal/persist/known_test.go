package persist_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

// said returns an answer about a customer with a finding; each of its bodies has an
// etag and links of its own night.
func said(night int, total string) billing.Statement {
	r := recurring(9, total)
	s := statement(customerA, both(r), item(r, "FEE", total))
	s.Findings = []billing.Finding{{Kind: billing.RootMismatch, Severity: billing.Warning, Detail: "The root says something else."}}
	for i := range s.Documents {
		d := &s.Documents[i]
		d.Body = fmt.Appendf(nil, `{"says":%q,"links":{"self":{"uri":"/%d"}},"attributes":{"etag":"%d","objectType":"X"}}`, d.Body, night, night)
	}
	return s
}

// tamper resolves the open finding without the store: an answer that is derived again
// opens it again, and a known answer does not.
func (b *fixture) tamper() {
	b.t.Helper()
	b.change("UPDATE collector.findings SET resolved_at = first_seen_at")
}

func (b *fixture) wantDerived(what string, derived bool) {
	b.t.Helper()
	if got := len(b.query("SELECT 1 FROM collector.findings WHERE resolved_at IS NULL AND kind = 'root_mismatch'")) == 1; got != derived {
		b.t.Errorf("%s: derived anew: %t, want %t", what, got, derived)
	}
}

// A night in which only volatile members changed adds nothing, and any other night adds
// only what is new.
func TestVolatileMembersAreNoNews(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	first := said(1, "10")
	b.collect(first)
	before := b.writes()
	results := b.collect(said(2, "10"))
	if results[0].Outcome != billing.OutcomeUnchanged || results[0].RowsChanged != 0 {
		t.Errorf("the second night: %+v", results[0])
	}
	after := b.writes()
	for table := range before {
		if before[table] != after[table] {
			t.Errorf("%s was written: %v, then %v", table, before[table], after[table])
		}
	}
	wantLines(t, "states", b.query("SELECT last_outcome, last_success_at FROM collector.customer_states"), "unchanged 2026-11-03T02:30:00+00:00")

	// Only the summary and the items are new.
	third := said(3, "11")
	b.collect(third)
	wantLines(t, "log and archive", b.query("SELECT (SELECT count(*) FROM collector.statements) AS log, (SELECT count(*) FROM collector.payloads) AS bodies, "+
		"(SELECT count(DISTINCT profile_hash) FROM collector.statements) AS profiles"), "2 5 1")
	for customer, err := range b.store.Archive(t.Context(), "contoso") {
		if err != nil {
			t.Fatal(err)
		}
		newest := customer.Answers[1].Documents
		for i, want := range [][]byte{first.Documents[0].Body, third.Documents[1].Body, third.Documents[2].Body} {
			if !bytes.Equal(newest[i].Body, want) {
				t.Errorf("body %d is not the one that was answered: %s", i, newest[i].Body)
			}
		}
	}
}

// Known answers are not derived again, unless the stored rows derive from more than the
// newest answers.
func TestKnownAnswersAreDerivedAnewWhenTheyMust(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(said(0, "10"))
	b.tamper()
	b.collect(said(0, "10"))
	b.wantDerived("known", false)

	for _, test := range []struct {
		name    string
		do      func()
		derived bool
	}{
		{"after other rules", func() {
			b.change("UPDATE collector.customer_states SET costs_rules = costs_rules + 1")
		}, true},
		{"and then not", func() {}, false},
		{"after an import", func() {
			saved := said(0, "9")
			saved.Costs.Details[0] = recurring(8, "9")
			saved.LineItems = nil
			saved.Documents = saved.Documents[1:2]
			saved.Documents[0].Body = []byte("an earlier month")
			b.importSaved(saved)
		}, true},
		{"and then not", func() {}, false},
		{"after a replay", func() { b.replay() }, true},
		{"and then not", func() {}, false},
		{"after an answer without line items", func() {
			s := said(0, "10.5")
			s.LineItems, s.Documents = nil, s.Documents[:2]
			s.Failure = &billing.Failure{Class: billing.ServerFailure, Resource: "servicecosts/mostrecent/lineitems", Message: "no answer"}
			b.collect(s)
			b.tamper()
			b.collect(said(0, "10.5"))
		}, true},
		{"of the same with another status", func() {
			s := said(0, "10.5")
			s.Documents[1].HTTPStatus = 404
			b.collect(s)
		}, true},
		{"and back", func() { b.collect(said(0, "10")) }, false},
		{"when it was retired", func() {
			b.change("UPDATE collector.customers SET active = false")
		}, true},
	} {
		test.do()
		b.tamper()
		b.collect(said(0, "10"))
		b.wantDerived(test.name, test.derived)
	}
	wantLines(t, "customers", b.query("SELECT active FROM collector.customers"), "true")
}

// Each part is known by itself: a new profile does not derive the costs again.
func TestKnownPartIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(said(0, "10"))
	b.tamper()
	s := said(0, "10")
	s.Profile.Email = "new@example.com"
	s.Documents[0].Body = []byte(`{"says":"new"}`)
	s.LineItems, s.Documents = nil, s.Documents[:2] // not read, because the summary is known
	result := b.collect(s)[0]
	if result.Outcome != billing.OutcomeStored || !result.ProfileChanged || result.RowsChanged != 1 {
		t.Errorf("the profile: %+v", result)
	}
	b.wantDerived("the costs", false)
	b.collect(said(0, "10")) // the former profile
	b.wantDerived("the costs, with their items", false)
	wantLines(t, "log", b.query("SELECT count(*), count(DISTINCT profile_hash) AS profiles, count(DISTINCT (summary_hash, line_items_hash)) AS costs FROM collector.statements"), "3 2 1")

	// A failure is stored, even if everything that was read is known.
	s = said(0, "10")
	s.LineItems, s.Documents = nil, s.Documents[:2]
	s.Failure = &billing.Failure{Class: billing.ServerFailure, Resource: "servicecosts/mostrecent/lineitems", Message: "no answer"}
	if got := b.collect(s)[0].Outcome; got != billing.OutcomeFailed {
		t.Errorf("the outcome is %s", got)
	}
	wantLines(t, "failures", b.query("SELECT resource FROM collector.failures"), "servicecosts/mostrecent/lineitems")
	b.collect(said(0, "10"))
	b.wantDerived("the costs, after a failure", false)
	wantLines(t, "states", b.query("SELECT last_outcome, last_error, failures_in_a_row FROM collector.customer_states"), "unchanged null 0")
}

// The part of a profile that may not be stored leaves no trace, and its changes do not
// count.
func TestKnownProfilesOfWhomLittleIsStored(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(said(0, "10"))
	b.erase(customerA, billing.NameAndCountry)
	wantLines(t, "erased", b.query("SELECT profile_digest, profile_rules FROM collector.customer_states"), "null null")
	b.collect(said(1, "10"))
	before := b.writes()
	s := said(2, "10")
	s.Profile.Email, s.Documents[0].Body = "other@example.com", []byte(`{"says":"another address"}`)
	b.collect(s)
	after := b.writes()
	for table := range before {
		if before[table] != after[table] {
			t.Errorf("%s was written: %v, then %v", table, before[table], after[table])
		}
	}
	s.Profile.CompanyName = "Renamed"
	if result := b.collect(s)[0]; !result.ProfileChanged {
		t.Errorf("another name: %+v", result)
	}
	wantLines(t, "profile", b.query("SELECT company_name, email FROM collector.billing_profiles"), "Renamed null")
}

// sameAs returns the answers of a statement as a visit returns them that found nothing
// to decode, because they are those from which the stored rows derive.
func (b *fixture) sameAs(s billing.Statement) billing.Statement {
	b.t.Helper()
	turns, err := b.store.TurnsOf(b.t.Context(), "contoso", []billing.CustomerID{s.CustomerID}, persist.Bounds{LineItems: true}, persist.Done{})
	if err != nil || len(turns) != 1 {
		b.t.Fatal(turns, err)
	}
	known := turns[0].Visit.Known
	if known == nil {
		b.t.Fatalf("nothing is known of %s", s.CustomerID)
	}
	for _, d := range s.Documents {
		if !known.Says(d.Kind, d.Body) {
			b.t.Fatalf("the digest of the %s is not the stored one", d.Kind)
		}
	}
	return billing.Statement{
		CustomerID: s.CustomerID, Documents: s.Documents, Same: known,
		Derive: func() billing.Statement {
			s.FetchedAt = night(b.runs)
			return s
		},
	}
}

// What is the same needs no more than a note, unless it changed since it was compared:
// then it is derived after all.
func TestTheSameIsNoted(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(said(0, "10"))
	before := b.writes()
	b.tamper()
	b.collect(b.sameAs(said(1, "10")))
	b.wantDerived("the same", false)
	after := b.writes()
	for _, table := range []string{"collector.statements", "collector.payloads", "collector.cost_details", "collector.line_item_sets"} {
		if before[table] != after[table] {
			t.Errorf("%s was written: %v, then %v", table, before[table], after[table])
		}
	}
	wantLines(t, "states", b.query("SELECT last_outcome, last_success_at = r.costs_at AND costs_at = profile_at AND profile_at = line_items_at AS read "+
		"FROM collector.customer_states JOIN collector.customer_reads r USING (customer_key)"), "unchanged true")

	for _, change := range []string{
		"UPDATE collector.customer_states SET profile_rules = NULL",
		"UPDATE collector.customer_states SET costs_rules = 0",
		"UPDATE collector.customer_states SET line_items_digest = NULL",
		"UPDATE collector.customer_states SET summary_digest = profile_digest",
	} {
		same := b.sameAs(said(2, "10"))
		b.change(change)
		b.tamper()
		results := b.collect(same)
		if results[0].Outcome != billing.OutcomeUnchanged || results[0].RowsChanged != 0 {
			t.Errorf("%s: %+v", change, results[0])
		}
		b.wantDerived(change, !strings.Contains(change, "profile_rules"))
	}
}

// A customer that was erased between the reading and the storing is stored without
// personal data.
func TestTheSameOfAnErasedCustomer(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(said(0, "10"))
	same := b.sameAs(said(1, "10"))
	if _, err := b.store.Erase(t.Context(), persist.Erasure{Partner: "contoso", CustomerID: customerA, Scope: billing.NameAndCountry, Version: "test"}); err != nil {
		t.Fatal(err)
	}
	b.collect(same)
	wantLines(t, "persons", b.query("SELECT count(*) FROM collector.billing_profiles WHERE email IS NOT NULL OR first_name IS NOT NULL"), "0")
	wantLines(t, "bodies of profiles", b.query("SELECT count(*) FROM collector.statements s JOIN collector.payloads p ON p.payload_hash = s.profile_hash"), "0")
}
