package persist_test

import (
	"errors"
	"strings"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

func (b *fixture) erase(id billing.CustomerID, scope billing.ProfileScope) persist.Erased {
	b.t.Helper()
	gone, err := b.store.Erase(b.t.Context(), persist.Erasure{Partner: "contoso", CustomerID: id, Scope: scope, Version: "test"})
	if err != nil {
		b.t.Fatal(err)
	}
	return gone
}

func wantErased(t *testing.T, got, want persist.Erased) {
	t.Helper()
	if got != want {
		t.Errorf("erased %+v, want %+v", got, want)
	}
}

// sameBodies returns two customers with identical answers, byte for byte.
func sameBodies(body string) []billing.Statement {
	r := recurring(9, "10")
	statements := []billing.Statement{statement(customerA, both(r), item(r, "FEE", "10")), statement(customerB, both(r), item(r, "FEE", "10"))}
	for i := range statements {
		statements[i].Documents[0].Body = []byte(body)
		statements[i].Documents[2].Body = []byte("items of " + body)
	}
	return statements
}

func TestAnErasureLeavesTheBodiesOfOthers(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(sameBodies("shared")...)
	bodies := func() []string {
		var kinds []string
		for _, body := range b.archived() {
			kind, _, _ := strings.Cut(body, " 0000")
			kinds = append(kinds, kind)
		}
		return kinds
	}
	wantErased(t, b.erase(customerA, billing.CountryOnly), persist.Erased{Profiles: 1})
	wantLines(t, "bodies that B needs", bodies(), "items of shared", "shared", "summary", "summary")
	wantErased(t, b.erase(customerB, billing.NameAndCountry), persist.Erased{Profiles: 1, Bodies: 1})
	wantLines(t, "B keeps its line items", bodies(), "items of shared", "summary", "summary")
	wantErased(t, b.erase(customerB, billing.CountryOnly), persist.Erased{Profiles: 1, Bodies: 1})
	wantLines(t, "nobody may have the line items", bodies(), "summary", "summary")
	wantErased(t, b.erase(customerB, billing.NameAndCountry), persist.Erased{})
	wantLines(t, "erasures", b.query(`SELECT right(customer_id::text, 1) AS c, company_name_too, profiles, bodies FROM finance.erasures ORDER BY c, company_name_too`),
		"a true 1 0", "b false 1 1", "b true 1 1")

	// After the same answers again there is nothing new, and no erased data comes back.
	tracker := pgtest.Track(t, b.url, factTables...)
	wantOutcomes(t, b.collect(sameBodies("shared")...), billing.OutcomeUnchanged, billing.OutcomeUnchanged)
	if changes := tracker.Changes(t); changes != "" {
		t.Errorf("a run after the erasure wrote facts:\n%s", changes)
	}
}

func TestABodyThatIsAlsoASummaryStays(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	s := statement(customerA, nil)
	s.Documents[0].Body, s.Documents[1].Body = []byte("{}"), []byte("{}")
	b.collect(s)
	wantErased(t, b.erase(customerA, billing.NameAndCountry), persist.Erased{Profiles: 1})
	wantLines(t, "bodies", b.query(`SELECT convert_from(body, 'UTF8') AS body FROM collector.payloads WHERE body = '{}'`), "{}")
}

func TestTheErasedAreForgottenUnderThatPartnerOnly(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, nil))
	run := billing.Run{ID: "00000000-0000-4000-9000-0000000000ff", Partner: "fabrikam", Kind: billing.KindOnce, StartedAt: night(1), Version: "test"}
	other := statement(customerA, nil)
	other.FetchedAt = night(1)
	if _, err := b.store.Write(t.Context(), run, []billing.Statement{other}); err != nil {
		t.Fatal(err)
	}
	b.erase(customerA, billing.NameAndCountry)
	emails := `SELECT c.partner, b.email FROM collector.billing_profiles b JOIN collector.customers c USING (customer_key) ORDER BY 1`
	wantLines(t, "profiles", b.query(emails), "contoso null", "fabrikam jo@example.com")

	// A change at the service is stored within the scope.
	renamed := statement(customerA, nil)
	renamed.Profile.CompanyName = "New name"
	renamed.Documents[0].Body = []byte("renamed")
	wantOutcomes(t, b.collect(renamed), billing.OutcomeNoCosts)
	wantLines(t, "profiles", b.query(emails), "contoso null", "fabrikam jo@example.com")
	wantLines(t, "names", b.query(`SELECT partner, company_name FROM finance.customers ORDER BY 1`), "contoso New name", "fabrikam Company a")
	wantLines(t, "the new body", b.query(`SELECT count(*) FROM collector.payloads WHERE body = 'renamed'`), "0")

	partners, err := b.store.PartnersOf(t.Context(), customerA)
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, "partners", partners, "contoso", "fabrikam")
}

func TestErasingWhoHadNoProfile(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	s := statement(customerA, both(recurring(9, "10")))
	s.Profile, s.Documents = nil, s.Documents[1:]
	b.collect(s)
	wantErased(t, b.erase(customerA, billing.NameAndCountry), persist.Erased{})
	b.erase(customerA, billing.NameAndCountry)
	wantLines(t, "erasures", b.query(`SELECT count(*) FROM finance.erasures`), "1")
	b.collect(statement(customerA, both(recurring(9, "10"))))
	wantLines(t, "the first profile", b.query(`SELECT email, company_name, country FROM collector.billing_profiles`), "null Company a US")
}

func TestErasingTheUnknown(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	_, err := b.store.Erase(t.Context(), persist.Erasure{Partner: "contoso", CustomerID: customerA, Scope: billing.NameAndCountry})
	if !errors.Is(err, billing.ErrUnknownCustomer) {
		t.Errorf("error %v, want ErrUnknownCustomer", err)
	}
}

// failedWith returns a customer whose only answer is a refusal with this message.
func failedWith(said string) billing.Statement {
	return billing.Statement{CustomerID: customerA, Failure: &billing.Failure{Class: billing.BadRequest, HTTPStatus: 400, Message: "the request is refused", Said: said}}
}

func TestWhatTheServiceSaysOfAPersonGoesToo(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	const planted = "Profile of Ana Lima is invalid"
	reasons := func(what string, want ...string) {
		t.Helper()
		wantLines(t, what, b.query(`SELECT message FROM collector.failures ORDER BY failure_id`), want...)
	}
	coverage := func(what, want string) {
		t.Helper()
		wantLines(t, what, b.query(`SELECT last_error FROM finance.coverage`), want)
	}
	b.collect(failedWith(planted))
	reasons("for a support case", "HTTP 400: the request is refused; the service says: "+planted)
	coverage("for finance", "HTTP 400: the request is refused")

	wantErased(t, b.erase(customerA, billing.NameAndCountry), persist.Erased{Messages: 2})
	reasons("after the erasure", "erased")
	coverage("after the erasure", "erased")
	wantErased(t, b.erase(customerA, billing.NameAndCountry), persist.Erased{})

	b.collect(failedWith(planted))
	reasons("of who was erased", "erased", "HTTP 400: the request is refused")

	minimal := newFixture(t)
	minimal.store.Close()
	minimal.profiles = billing.NameAndCountry
	minimal.open()
	minimal.collect(failedWith(planted))
	wantLines(t, "with minimal profiles", minimal.query(`SELECT message FROM collector.failures`), "HTTP 400: the request is refused")
}
