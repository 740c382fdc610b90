package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

// The resources of a customer, as a partner serves them.
const (
	profilePath = "profiles/billing"
	summaryPath = "servicecosts/mostrecent"
	itemsPath   = "servicecosts/mostrecent/lineitems"
)

// partner is a Partner Center for tests: one answer for each resource of a customer, or
// for any other complete path.
type partner struct {
	mu       sync.Mutex
	answers  map[string]http.HandlerFunc
	requests []*http.Request
}

// says answers with a status and a body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// inTurn answers with each in turn, and with the last from then on.
func inTurn(answers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		answer(w, r)
	}
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

const (
	goodProfile = `{"id":"p","companyName":"Contoso","email":"ada@contoso.example","firstName":"Ada","defaultAddress":{"country":"US"}}`
	goodSummary = `{"billingStartDate":"2026-10-01","details":[{"invoiceType":"OneTime","summary":{"billingStartDate":"2026-10-01","billingEndDate":"2026-10-31T23:59:59.9999999Z",
	"pretaxTotal":5,"tax":1,"afterTaxTotal":6,"currencyCode":"USD"}}]}`
	goodItems = `{"totalCount":1,"items":[{"invoiceType":"OneTime","startDate":"2026-10-03","endDate":"2026-10-04","pretaxTotal":5,"tax":1,"afterTaxTotal":6,"currencyCode":"USD"}]}`
)

// newPartner serves a customer with costs, except for the resources in differs.
func newPartner(t testing.TB, differs map[string]http.HandlerFunc) (*partner, string) {
	t.Helper()
	p := &partner{answers: map[string]http.HandlerFunc{
		profilePath: says(200, "\ufeff"+goodProfile), summaryPath: says(200, "\ufeff"+goodSummary), itemsPath: says(200, "\ufeff"+goodItems),
	}}
	maps.Copy(p.answers, differs)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server.URL
}

func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r)
	p.mu.Unlock()
	resource := r.URL.Path
	if rest, ok := strings.CutPrefix(r.URL.Path, "/v1/customers/"); ok {
		_, resource, _ = strings.Cut(rest, "/")
	}
	if answer := p.answers[resource]; answer != nil {
		answer(w, r)
		return
	}
	http.NotFound(w, r)
}

// of returns the requests for a resource so far.
func (p *partner) of(resource string) []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []*http.Request
	for _, r := range p.requests {
		if strings.HasSuffix(r.URL.Path, resource) {
			found = append(found, r)
		}
	}
	return found
}

// all returns every request so far.
func (p *partner) all() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// full asks for everything and waits for nothing.
func full(url string) fetch.Options { return fetch.Options{BaseURL: url, Costs: true, LineItems: true} }

func TestStatementComplete(t *testing.T) {
	t.Parallel()

	p, url := newPartner(t, nil)
	s, err := client(t, full(url+"/")).Statement(t.Context(), asked)
	if err != nil || s.Failure != nil {
		t.Fatal(err, s.Failure)
	}
	if s.CustomerID != asked || s.Profile == nil || len(s.Costs.Details) != 1 || len(s.LineItems) != 1 || s.FetchedAt.IsZero() {
		t.Errorf("%+v", s)
	}
	var documents []string
	for _, d := range s.Documents {
		documents = append(documents, fmt.Sprint(d.Kind, " ", d.HTTPStatus, " ", d.RequestID != "" && d.CorrelationID != "", " ", bytes.HasPrefix(d.Body, []byte("\ufeff{"))))
	}
	if diff := cmp.Diff([]string{"profile 200 true true", "summary 200 true true", "line_items 200 true true"}, documents); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	if n := len(p.all()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestStatementOnlyWhatIsAskedFor(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		costs, items bool
		requests     int
	}{{false, true, 1}, {true, false, 2}} {
		p, url := newPartner(t, nil)
		s, err := client(t, fetch.Options{BaseURL: url, Costs: test.costs, LineItems: test.items}).Statement(t.Context(), asked)
		if err != nil || s.Failure != nil || s.Profile == nil || (s.Costs != nil) != test.costs || s.LineItems != nil {
			t.Errorf("%+v, %v", s, err)
		}
		if len(p.all()) != test.requests {
			t.Errorf("%d requests, want %d", len(p.all()), test.requests)
		}
	}
}

func TestRequestHeaders(t *testing.T) {
	t.Parallel()

	p, url := newPartner(t, nil)
	o := full(url)
	o.UserAgent, o.Locale = "partnercost/1.2.3", "de-DE"
	if _, err := client(t, o).Statement(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	unique := map[string]bool{}
	for _, r := range p.all() {
		for key, want := range map[string]string{
			"Authorization": "Bearer simulator", "Accept": "application/json", "User-Agent": "partnercost/1.2.3", "X-Locale": "de-DE",
			"MS-PartnerCenter-Application": "partnercost", "Accept-Encoding": "gzip",
		} {
			if got := r.Header.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", r.URL.Path, key, got, want)
			}
		}
		unique[r.Header.Get("MS-RequestId")], unique[r.Header.Get("MS-CorrelationId")] = true, true
	}
	if unique[""] || len(unique) != 2*len(p.all()) {
		t.Errorf("the ids of %d requests are %v", len(p.all()), unique)
	}
}

func TestRequestIDStaysWhileTheOutcomeIsUnknown(t *testing.T) {
	t.Parallel()

	p, url := newPartner(t, map[string]http.HandlerFunc{
		profilePath: inTurn(hangUp, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
		}, says(503, ""), says(200, "<html>"), says(200, goodProfile)),
	})
	s, err := client(t, fetch.Options{BaseURL: url}).Statement(t.Context(), asked)
	if err != nil || s.Failure != nil {
		t.Fatal(err, s.Failure)
	}
	ids, correlations := []int{}, map[string]bool{}
	order := map[string]int{}
	for _, r := range p.of(profilePath) {
		id := r.Header.Get("MS-RequestId")
		if _, ok := order[id]; !ok {
			order[id] = len(order)
		}
		ids = append(ids, order[id])
		correlations[r.Header.Get("MS-CorrelationId")] = true
	}
	// Reset, truncated, 503, no JSON, good.
	if diff := cmp.Diff([]int{0, 0, 0, 1, 2}, ids); diff != "" {
		t.Errorf("ids of requests (-want +got):\n%s", diff)
	}
	if len(correlations) != 5 {
		t.Errorf("%d correlation ids for 5 attempts", len(correlations))
	}
}

func TestStatementNoCosts(t *testing.T) {
	t.Parallel()

	tests := []struct {
		name             string
		profile, summary http.HandlerFunc
	}{
		{name: "404 of another code", summary: says(404, `{"code":3001,"description":"nothing"}`)},
		{name: "404 without a word", summary: says(404, "")},
		{name: "404 not found, of a known customer", summary: says(404, `{"code":1000,"description":"Not found"}`)},
		{name: "404 without a word, profile unknown", profile: says(400, `{"code":2000}`), summary: says(404, "")},
		{name: "3000", summary: says(400, `{"code":"3000","description":"Customer does not have usage data."}`)},
		{name: "no details", summary: says(200, `{"details":null}`)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			differs := map[string]http.HandlerFunc{summaryPath: test.summary}
			if test.profile != nil {
				differs[profilePath] = test.profile
			}
			p, url := newPartner(t, differs)
			s, err := client(t, full(url)).Statement(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			if !s.NoCosts() || s.LineItems != nil || (s.Failure != nil) != (test.profile != nil) {
				t.Errorf("%+v", s)
			}
			if n := len(p.of("lineitems")); n != 0 {
				t.Errorf("%d requests for line items", n)
			}
			if d := s.Documents[len(s.Documents)-1]; d.Kind != billing.SummaryDocument || d.HTTPStatus == 0 {
				t.Errorf("the answer is not kept: %+v", d)
			}
		})
	}
}

// everywhere refuses every resource.
func everywhere(status int, body string) map[string]http.HandlerFunc {
	refused := says(status, body)
	return map[string]http.HandlerFunc{"/v1/customers": refused, profilePath: refused, summaryPath: refused}
}

func TestStatementFailures(t *testing.T) {
	t.Parallel()

	const role = `The supplied role does not have the rights to perform the requested operation`
	tests := []struct {
		name      string
		resource  string
		answer    http.HandlerFunc
		class     billing.FailureClass
		code      string
		ends      bool
		attempts  int
		words     []string
		andOthers map[string]http.HandlerFunc
	}{
		{name: "wrong audience", resource: summaryPath, answer: says(401, `{"code":900420,"description":"audience"}`), andOthers: everywhere(401, `{"code":900420,"description":"audience"}`), class: billing.ConfigurationFailure, code: "900420", ends: true, attempts: 1, words: []string{"another service"}},
		{name: "no MFA", resource: profilePath, answer: says(401, `{"code":"900421","description":"mfa"}`), andOthers: everywhere(401, `{"code":"900421","description":"mfa"}`), class: billing.CredentialFailure, code: "900421", ends: true, attempts: 1, words: []string{"multi-factor", "collector login"}},
		{name: "app only", resource: summaryPath, answer: says(403, `{"code":900329}`), andOthers: everywhere(403, `{"code":900329}`), class: billing.ConfigurationFailure, code: "900329", ends: true, attempts: 1, words: []string{"collect.costs: false"}},
		{name: "conditional access", resource: summaryPath, answer: says(403, `{"code":900309}`), andOthers: everywhere(403, `{"code":900309}`), class: billing.CredentialFailure, code: "900309", ends: true, attempts: 1},
		{name: "Entra", resource: summaryPath, answer: says(403, `{"code":90000}`), andOthers: everywhere(403, `{"code":90000}`), class: billing.CredentialFailure, code: "90000", ends: true, attempts: 1},
		{name: "programme", resource: summaryPath, answer: says(403, `{"code":800039}`), andOthers: everywhere(403, `{"code":800039}`), class: billing.ConfigurationFailure, code: "800039", ends: true, attempts: 1},
		{name: "agreement", resource: summaryPath, answer: says(403, `{"code":900124}`), andOthers: everywhere(403, `{"code":900124}`), class: billing.ConfigurationFailure, code: "900124", ends: true, attempts: 1, words: []string{"Agreement"}},
		{
			name: "gateway 401 with a token that cannot be refreshed", resource: summaryPath, answer: says(401, `{"statusCode":401,"message":"Unauthorized"}`), class: billing.CredentialFailure, ends: true, attempts: 1, words: []string{"replace it"},
			andOthers: map[string]http.HandlerFunc{"/v1/customers": says(401, ""), profilePath: says(401, "")},
		},
		{
			name: "401 of one resource with a token that cannot be refreshed", resource: summaryPath, answer: says(401, ""), class: billing.Refused, attempts: 1, words: []string{"accepted for others"},
			andOthers: map[string]http.HandlerFunc{"/v1/customers": says(200, pageOf("", 1))},
		},
		{
			name: "a condemning code of one resource", resource: summaryPath, answer: says(403, `{"code":900329}`), class: billing.Refused, code: "900329", attempts: 1,
			words: []string{"does not prove", "collect.costs: false"}, andOthers: map[string]http.HandlerFunc{"/v1/customers": says(200, pageOf("", 1))},
		},
		{name: "no relation", resource: summaryPath, answer: says(403, "\ufeff"+`{"code":20002,"description":"No relationship between caller and account.","data":[],"source":"PartnerFD"}`), class: billing.NoAccess, code: "20002", attempts: 1, words: []string{"No relationship between"}},
		{name: "access denied", resource: profilePath, answer: says(403, `{"code":2032}`), class: billing.NoAccess, code: "2032", attempts: 1},
		{name: "role in plain text", resource: summaryPath, answer: says(403, role), class: billing.RoleMissing, attempts: 1, words: []string{"Admin agent", role}},
		{name: "role without a word", resource: summaryPath, answer: says(403, ""), class: billing.RoleMissing, attempts: 1},
		{name: "role 1002", resource: summaryPath, answer: says(400, `{"code":1002,"description":"Authorization Failed"}`), class: billing.RoleMissing, code: "1002", attempts: 1},
		{name: "unknown customer", resource: summaryPath, answer: says(404, `{"code":60003,"description":"Tenant not found"}`), class: billing.UnknownCustomer, code: "60003", attempts: 1},
		{name: "invalid customer", resource: summaryPath, answer: says(400, `{"code":900118}`), class: billing.UnknownCustomer, code: "900118", attempts: 1},
		{
			name: "not found, of an unknown customer", resource: summaryPath, answer: says(404, `{"code":1000}`), class: billing.UnknownCustomer, code: "1000", attempts: 1,
			andOthers: map[string]http.HandlerFunc{profilePath: says(404, `{"code":1000}`)},
		},
		{name: "bad input", resource: summaryPath, answer: says(400, `{"code":2000,"description":"Tenant Id must be a GUID."}`), class: billing.BadRequest, code: "2000", attempts: 1, words: []string{"report it"}},
		{name: "identity platform", resource: summaryPath, answer: says(400, `{"error":"invalid_grant","error_description":"AADSTS1: x"}`), class: billing.BadRequest, code: "invalid_grant", attempts: 1},
		{name: "plain 400", resource: summaryPath, answer: says(400, `Some non-structured content.`), class: billing.BadRequest, attempts: 1, words: []string{"Some non-structured content."}},
		{name: "500", resource: summaryPath, answer: says(500, `{"code":800003}`), class: billing.ServerFailure, code: "800003", attempts: 5},
		{name: "408", resource: summaryPath, answer: says(408, ""), class: billing.ServerFailure, attempts: 5},
		{name: "504 of a gateway", resource: summaryPath, answer: says(504, `<html>`), class: billing.ServerFailure, attempts: 5},
		{name: "501", resource: summaryPath, answer: says(501, ""), class: billing.ServerFailure, attempts: 1},
		{name: "404 of something else", resource: summaryPath, answer: says(404, `<!DOCTYPE html><html>`), class: billing.BadAnswer, attempts: 5, words: []string{"base_url"}},
		{name: "resets", resource: summaryPath, answer: hangUp, class: billing.ServerFailure, attempts: 5, words: []string{"no answer"}},
		{name: "a web page", resource: summaryPath, answer: says(200, `<html>`), class: billing.BadAnswer, attempts: 5, words: []string{"is not JSON"}},
		{name: "half a JSON", resource: summaryPath, answer: says(200, `{"details":[{"inv`), class: billing.BadAnswer, attempts: 5, words: []string{"is not JSON"}},
		{name: "Latin-1 without a mark of it", resource: profilePath, answer: says(200, "\xe9"), class: billing.BadAnswer, attempts: 5},
		{name: "no number", resource: summaryPath, answer: says(200, `{"tax":"abc"}`), class: billing.BadAnswer, attempts: 1, words: []string{`summary: tax: a text of 3 characters is not a number`}},
		{name: "accepted", resource: profilePath, answer: says(202, `{}`), class: billing.BadAnswer, attempts: 1},
		{name: "not modified", resource: profilePath, answer: says(304, ``), class: billing.BadAnswer, attempts: 1},
		{name: "too large", resource: profilePath, answer: says(200, `{"id":"`+strings.Repeat("x", 5000)+`"}`), class: billing.BadAnswer, attempts: 1, words: []string{"too large"}},
		{name: "elsewhere", resource: profilePath, answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/v1", http.StatusFound)
		}, class: billing.BadAnswer, attempts: 1, words: []string{"another host, elsewhere.example"}},
		{name: "round and round", resource: profilePath, answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, class: billing.BadAnswer, attempts: 1, words: []string{"redirected"}},
		{name: "no line items", resource: itemsPath, answer: says(404, `{"code":1000}`), class: billing.BadAnswer, code: "1000", attempts: 1, words: []string{"the summary states costs"}},
		{name: "line items fail", resource: itemsPath, answer: says(500, ``), class: billing.ServerFailure, attempts: 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			differs := map[string]http.HandlerFunc{test.resource: test.answer}
			maps.Copy(differs, test.andOthers)
			p, url := newPartner(t, differs)
			o := full(url)
			o.MaxBody = 4096
			s, err := client(t, o).Statement(t.Context(), asked)
			if (err != nil) != test.ends {
				t.Fatalf("error %v, ends the run: %t", err, test.ends)
			}
			if err == nil && s.Failure == nil {
				t.Fatal("no failure")
			}
			if err == nil {
				err = s.Failure
				if s.Profile == nil && test.resource != profilePath && test.andOthers[profilePath] == nil || s.Costs == nil && test.resource != summaryPath {
					t.Errorf("what could be had is missing: %+v", s)
				}
				for _, d := range s.Documents {
					if strings.HasPrefix(test.resource, string(d.Kind)) {
						t.Errorf("there is a document of what failed: %+v", d)
					}
				}
			}
			f := checkFailure(t, err, test.class, test.code, test.words...)
			if f == nil {
				return
			}
			if f.Resource != test.resource && test.andOthers[profilePath] == nil || f.Attempts != test.attempts || f.RequestID == "" || f.CorrelationID == "" {
				t.Errorf("%+v", f)
			}
			if !strings.Contains(test.name, "round") && len(p.of(test.resource)) < test.attempts {
				t.Errorf("%d requests for %d attempts", len(p.of(test.resource)), test.attempts)
			}
		})
	}
}

func TestStatementFollowsARedirectWithinTheHost(t *testing.T) {
	t.Parallel()

	p, url := newPartner(t, map[string]http.HandlerFunc{
		profilePath: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"/elsewhere": says(200, goodProfile),
	})
	s, err := client(t, fetch.Options{BaseURL: url}).Statement(t.Context(), asked)
	if err != nil || s.Failure != nil || s.Profile.CompanyName != "Contoso" {
		t.Errorf("%+v, %v", s, err)
	}
	if got := p.of("/elsewhere")[0].Header.Get("Authorization"); got != "Bearer simulator" {
		t.Errorf("token %q", got)
	}
}

func TestStatementReadsAgainWhenThePeriodMoved(t *testing.T) {
	t.Parallel()

	later := strings.NewReplacer("2026-10-31", "2026-12-31", "2026-10", "2026-12").Replace
	p, url := newPartner(t, map[string]http.HandlerFunc{
		summaryPath: inTurn(says(200, goodSummary), says(200, later(goodSummary))), itemsPath: says(200, later(goodItems)),
	})
	s, err := client(t, full(url)).Statement(t.Context(), asked)
	if err != nil || s.Failure != nil || len(s.Findings) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if !s.Costs.Details[0].Period.Start.Equal(day(t, "2026-12-01")) || !s.LineItems[0].SetStart.Equal(day(t, "2026-12-01")) {
		t.Errorf("%+v", s)
	}
	if n := len(p.of(profilePath)); n != 1 {
		t.Errorf("the profile was read %d times", n)
	}

	// If the second reading is inconsistent too, it is kept with a finding; there is no
	// third.
	p, url = newPartner(t, map[string]http.HandlerFunc{itemsPath: says(200, later(goodItems))})
	s, err = client(t, full(url)).Statement(t.Context(), asked)
	if err != nil || s.Failure != nil || len(s.LineItems) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if diff := cmp.Diff([]string{"line_items_period_mismatch warning OneTime"}, kinds(s)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if n := len(p.of(summaryPath)); n != 2 {
		t.Errorf("the summary was read %d times", n)
	}

	// The same applies to a step of one month, the only size there is: October's items
	// must not become a second copy under November.
	for name, november := range map[string][]http.HandlerFunc{
		"overcome":                        {says(200, goodItems), says(200, strings.NewReplacer("2026-10", "2026-11", `"pretaxTotal":5`, `"pretaxTotal":7`).Replace(goodItems))},
		"lasting":                         {says(200, goodItems)},
		"lasting, for the term of a year": {says(200, strings.Replace(goodItems, "2026-10-04", "2027-10-03", 1))},
	} {
		p, url = newPartner(t, map[string]http.HandlerFunc{
			summaryPath: says(200, strings.NewReplacer("2026-10-31", "2026-11-30", "2026-10", "2026-11", `"pretaxTotal":5`, `"pretaxTotal":7`, `"afterTaxTotal":6`, `"afterTaxTotal":8`).Replace(goodSummary)),
			itemsPath:   inTurn(november...),
		})
		s, err = client(t, full(url)).Statement(t.Context(), asked)
		if err != nil || s.Failure != nil || len(s.Costs.Details) != 1 || len(p.of(summaryPath)) != 2 || len(p.of(itemsPath)) != 2 || len(s.Documents) != 3 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if name == "overcome" {
			if len(s.LineItems) != 1 || !s.LineItems[0].SetStart.Equal(day(t, "2026-11-01")) {
				t.Errorf("%+v", s.LineItems)
			}
			continue
		}
		if s.LineItems != nil {
			t.Errorf("the items of another period are given: %+v", s.LineItems)
		}
		if diff := cmp.Diff([]string{"line_items_period_mismatch warning OneTime"}, kinds(s)); diff != "" {
			t.Errorf("findings (-want +got):\n%s", diff)
		}
		again, err := fetch.Normalise(asked, s.Documents)
		if err != nil || again.LineItems != nil || !cmp.Equal(again.Findings, s.Findings) {
			t.Errorf("not the same from the documents: %+v, %v", again, err)
		}
	}

	// A second reading that fails leaves the first.
	_, url = newPartner(t, map[string]http.HandlerFunc{summaryPath: inTurn(says(200, goodSummary), says(400, "")), itemsPath: says(200, later(goodItems))})
	s, err = client(t, full(url)).Statement(t.Context(), asked)
	if err != nil || s.Failure != nil || s.Costs == nil || len(s.LineItems) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestLineItemsOfSeveralPages(t *testing.T) {
	t.Parallel()

	page := func(next string) string { return strings.TrimSuffix(goodItems, "}") + next + "}" }
	threefold := strings.NewReplacer(`"pretaxTotal":5`, `"pretaxTotal":15`, `"tax":1`, `"tax":3`, `"afterTaxTotal":6`, `"afterTaxTotal":18`).Replace(goodSummary)
	answers := map[string]http.HandlerFunc{summaryPath: says(200, threefold), itemsPath: func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("MS-ContinuationToken") == "second":
			says(200, "\ufeff"+page(`,"continuationToken":"third"`))(w, r)
		case r.Header.Get("MS-ContinuationToken") == "third" && r.URL.Query().Get("seekOperation") == "Next":
			says(200, "\ufeff"+page(``))(w, r)
		default:
			says(200, "\ufeff"+page(`,"links":{"next":{"uri":"`+strings.TrimPrefix(r.URL.Path, "/v1")+`?page=2","headers":[{"key":"MS-ContinuationToken","value":"second"}]}}`))(w, r)
		}
	}}
	p, url := newPartner(t, answers)
	s, err := client(t, full(url)).Statement(t.Context(), asked)
	if err != nil || s.Failure != nil || len(s.LineItems) != 3 || len(s.Findings) != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	again, err := fetch.Normalise(asked, s.Documents)
	if diff := cmp.Diff(s.LineItems, again.LineItems); err != nil || diff != "" {
		t.Errorf("not the same from the document, %v:\n%s", err, diff)
	}
	if n := len(p.of("lineitems")); n != 3 {
		t.Errorf("%d pages", n)
	}

	// If the second page fails, the set fails: half of a set is no set.
	p.answers[itemsPath] = inTurn(p.answers[itemsPath], says(500, ""))
	s, err = client(t, full(url)).Statement(t.Context(), asked)
	if err != nil || s.Failure == nil || s.LineItems != nil || s.Costs == nil {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestLineItemsLink(t *testing.T) {
	t.Parallel()

	const other = "/customers/ae1d5b32-f9ff-4252-b2bf-40e21937a51a/servicecosts/MostRecent/lineitems"
	for link, want := range map[string]string{
		"":    "/v1/customers/" + string(asked) + "/servicecosts/mostrecent/lineitems",
		other: "/v1/customers/" + string(asked) + "/servicecosts/mostrecent/lineitems",
		"http://elsewhere.example/v1/customers/" + string(asked) + "/servicecosts/x": "/v1/customers/" + string(asked) + "/servicecosts/mostrecent/lineitems",
		"//customers/" + strings.ToUpper(string(asked)) + "//servicecosts/Linked":    "/v1/customers/" + strings.ToUpper(string(asked)) + "/servicecosts/Linked",
	} {
		p, url := newPartner(t, map[string]http.HandlerFunc{
			summaryPath:           says(200, strings.TrimSuffix(goodSummary, "}")+`,"links":{"serviceCostLineItems":{"uri":"`+link+`"}}}`),
			"servicecosts/Linked": says(200, goodItems),
		})
		s, err := client(t, full(url)).Statement(t.Context(), asked)
		if err != nil || s.Failure != nil || len(s.LineItems) != 1 {
			t.Errorf("%s: %+v, %v", link, s, err)
		}
		if last := p.of("")[2].URL.Path; last != want {
			t.Errorf("%s leads to %s, want %s", link, last, want)
		}
	}
}

// A page of another customer's items must not become one of this customer's.
func TestNextPageOfLineItemsStaysWithTheCustomer(t *testing.T) {
	t.Parallel()

	for _, next := range []string{"/customers/" + string(idOf(7)) + "/servicecosts/mostrecent/lineitems", "/v1/customers/" + string(asked) + "/servicecosts", "/v1/customers"} {
		p, url := newPartner(t, map[string]http.HandlerFunc{
			itemsPath: inTurn(says(200, strings.TrimSuffix(goodItems, "}")+`,"links":{"next":{"uri":"`+next+`"}}}`), says(200, goodItems)),
		})
		s, err := client(t, full(url)).Statement(t.Context(), asked)
		if err != nil || s.LineItems != nil || s.Costs == nil {
			t.Errorf("%s: %+v, %v", next, s, err)
		}
		checkFailure(t, s.Failure, billing.BadAnswer, "", "another collection")
		if len(p.all()) != 3 {
			t.Errorf("%s was followed", next)
		}
	}
}

// The next month's bill may hold a correction of the month before, so not all of its
// items lie beside the period of the summary.
func TestStatementReadsAgainWhenOnlySomeItemsAreLater(t *testing.T) {
	t.Parallel()

	november := strings.NewReplacer("2026-10-31", "2026-11-30", "2026-10", "2026-11").Replace
	correction := `"items":[{"invoiceType":"OneTime","startDate":"2026-10-04T00:00:00","pretaxTotal":-1,"tax":0,"afterTaxTotal":-1,"currencyCode":"USD"},`
	items := strings.Replace(november(goodItems), `"items":[`, correction, 1)
	p, url := newPartner(t, map[string]http.HandlerFunc{
		summaryPath: inTurn(says(200, goodSummary), says(200, november(goodSummary))), itemsPath: says(200, items),
	})
	s, err := client(t, full(url)).Statement(t.Context(), asked)
	if err != nil || s.Failure != nil || len(s.LineItems) != 2 || len(p.of(summaryPath)) != 2 || len(p.of(profilePath)) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, item := range s.LineItems {
		if !item.SetStart.Equal(day(t, "2026-11-01")) {
			t.Errorf("an item of November's bill is filed under %s", item.SetStart)
		}
	}
}

// The same licences cost the same each month, so equal sums hide a move to the next
// period.
func TestStatementReadsAgainWhenTheSumsAreThoseOfTheMonthBefore(t *testing.T) {
	t.Parallel()

	november := strings.NewReplacer("2026-10-31", "2026-11-30", "2026-10", "2026-11").Replace
	p, url := newPartner(t, map[string]http.HandlerFunc{
		summaryPath: inTurn(says(200, goodSummary), says(200, november(goodSummary))), itemsPath: says(200, november(goodItems)),
	})
	s, err := client(t, full(url)).Statement(t.Context(), asked)
	if err != nil || s.Failure != nil || len(s.LineItems) != 1 || len(p.of(summaryPath)) != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := s.LineItems[0].SetStart; !got.Equal(day(t, "2026-11-01")) {
		t.Errorf("November's item is filed under %s", got)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()

	p := &partner{answers: map[string]http.HandlerFunc{profilePath: says(200, goodProfile), summaryPath: says(404, strings.Repeat("x", 3000)), itemsPath: says(200, goodItems)}}
	server := httptest.NewUnstartedServer(p)
	var mu sync.Mutex
	connections := 0
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			mu.Lock()
			connections++
			mu.Unlock()
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	o := full(server.URL)
	o.Concurrency = 1
	c := client(t, o)
	for range 20 {
		if _, err := c.Statement(t.Context(), asked); err != nil {
			t.Fatal(err)
		}
	}
	if connections > 2 {
		t.Errorf("%d connections for one statement at a time", connections)
	}
}

func TestNothingSecretIsSaid(t *testing.T) {
	t.Parallel()

	const token = "eyJ0eXAiOiJKV1Qi.planted.secret"
	leak := `{"code":2000,"description":"ada@contoso.example sent Bearer ` + token + ` and planted-token ` + strings.Repeat("long ", 200) + `"}`
	for status, answer := range map[int]string{
		400: leak, 500: leak, 403: "ada@contoso.example " + token, 200: `{"email":{"ada@contoso.example":1}}`, 429: leak,
		409: `{"code":"Profile of Ada Byron"}`,
	} {
		_, url := newPartner(t, map[string]http.HandlerFunc{profilePath: says(status, answer)})
		var log bytes.Buffer
		s, err := client(t, fetch.Options{
			BaseURL: url, Tokens: fetch.StaticToken(token), Patience: 400 * time.Millisecond,
			Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		}).Statement(t.Context(), asked)
		if err != nil || s.Failure == nil {
			t.Fatalf("%d: %+v, %v", status, s, err)
		}
		said := s.Failure.Error() + fmt.Sprintf("%+v", *s.Failure) + log.String()
		for _, secret := range []string{token, "planted", "ada@", "contoso.example", "Byron"} {
			if strings.Contains(strings.ReplaceAll(said, "planted-token", ""), secret) {
				t.Errorf("%d: %q stands in %q", status, secret, said)
			}
		}
		if len(s.Failure.Error()) > 600 {
			t.Errorf("%d bytes: %q", len(s.Failure.Error()), s.Failure)
		}
	}
}

func TestStatementStopsWithItsContext(t *testing.T) {
	t.Parallel()

	started := make(chan struct{})
	_, url := newPartner(t, map[string]http.HandlerFunc{profilePath: func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done() // the client has gone
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	if _, err := client(t, fetch.Options{BaseURL: url}).Statement(ctx, asked); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that the context was cancelled", err)
	}
}

func TestServerMustProveWhoItIs(t *testing.T) {
	t.Parallel()

	server := httptest.NewTLSServer(says(200, goodProfile))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	_, err := client(t, fetch.Options{BaseURL: server.URL}).Statement(t.Context(), asked)
	checkFailure(t, err, billing.ConfigurationFailure, "", "certificate cannot be verified")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()

	tokens := fetch.StaticToken("t")
	for base, want := range map[string]string{
		"":                             "base_url must be an address",
		"http://api.example":           "base_url must begin with https://",
		"https://user@api.example":     "neither a user",
		"https://api.example?x=1":      "neither a user",
		"ftp://api.example":            "must be an address",
		"https://api.example\x7f":      "is not an address",
		"http://127.0.0.1.example.org": "must begin with https://",
	} {
		if _, err := fetch.New(fetch.Options{BaseURL: base, Tokens: tokens}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", base, err, want)
		}
	}
	for _, base := range []string{"https://api.example", "http://localhost:8080/", "http://127.0.0.1:1", "http://[::1]:1/prefix"} {
		if _, err := fetch.New(fetch.Options{BaseURL: base, Tokens: tokens}); err != nil {
			t.Errorf("%q: %v", base, err)
		}
	}
	_, err := fetch.New(fetch.Options{BaseURL: "x", RequestsPerMinute: -1})
	for _, want := range []string{"base_url", "access tokens", "requests_per_minute"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
