package partnersim_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
)

// profilePath, summaryPath and itemsPath are the resources of a customer.
func profilePath(id string) string { return "/v1/customers/" + id + "/profiles/billing" }
func summaryPath(id string) string { return "/v1/customers/" + id + "/servicecosts/mostrecent" }
func itemsPath(id string) string   { return summaryPath(id) + "/lineitems" }

func TestFalseAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 3, NoCosts: -1})
	id := s.ids()[0]
	for _, c := range []struct {
		kind   partnersim.OddityKind
		status int
		body   string
	}{
		{partnersim.EmptyBody, 200, ""},
		{partnersim.NullBody, 200, "null"},
		{partnersim.EmptyObject, 200, "{}"},
		{partnersim.EmptyArray, 200, "[]"},
		{partnersim.WebPage, 200, "<html>"},
		{partnersim.GatewayError, 200, `{"statusCode":429`},
		{partnersim.Fault, 200, `"code":800003`},
		{partnersim.NoContent, 204, ""},
		{partnersim.Refuse401, 401, `"statusCode":401`},
		{partnersim.Refuse403, 403, "The supplied role"},
		{partnersim.RefuseRelation, 403, `"code":20002`},
		{partnersim.RefuseUnknown, 404, `"code":60003`},
		{partnersim.RefuseUsage, 404, `"code":3000`},
		{partnersim.RefuseThrottle, 429, "Try again in"},
		{partnersim.RefuseServer, 500, `"code":800003`},
	} {
		s.SetOddities(partnersim.Oddity{Kind: c.kind})
		for _, path := range []string{"/v1/customers?size=500", profilePath(id), summaryPath(id), itemsPath(id)} {
			got := s.get(path)
			if got.StatusCode != c.status || !strings.Contains(string(got.body), c.body) || c.body == "" && len(got.body) > 0 {
				t.Errorf("%s of %s: %d %q, want %d with %q", c.kind, path, got.StatusCode, got.body, c.status, c.body)
			}
			if got.Header.Get("Retry-After") != "" {
				t.Errorf("%s says how long to wait", c.kind)
			}
		}
	}
	if stats := s.Stats(); stats.Oddities["web_page"] != 4 || stats.Oddities["twin_keys"] != 0 {
		t.Errorf("stats count %v", stats.Oddities)
	}
}

// An oddity concerns the resource, the customer, the page and the requests that it
// names, and no others.
func TestOdditiesConcernWhatTheyName(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 5, NoCosts: -1, LargestPage: 2})
	ids := s.ids()
	s.SetOddities(
		partnersim.Oddity{Kind: partnersim.EmptyObject, Resource: partnersim.BillingProfile, Customer: ids[1], Times: 2},
		partnersim.Oddity{Kind: partnersim.NullBody, Resource: partnersim.CustomerList, Page: 2},
		partnersim.Oddity{Kind: partnersim.Refuse401, Customer: ids[2]},
	)
	is := func(path, want string, header ...string) reply {
		t.Helper()
		got := s.get(path, header...)
		if odd := string(got.body); odd == "{}" != (want == "{}") || odd == "null" != (want == "null") || got.StatusCode == http.StatusUnauthorized != (want == "401") {
			t.Errorf("%s: %d %q, want %s", path, got.StatusCode, got.body, want)
		}
		return got
	}
	for _, want := range []string{"{}", "{}", "right", "right"} {
		is(profilePath(ids[1]), want)
	}
	is(profilePath(ids[0]), "right")
	is(summaryPath(ids[1]), "right")
	for _, path := range []string{profilePath(ids[2]), summaryPath(ids[2]), itemsPath(ids[2])} {
		is(path, "401")
	}

	first := decode[object](t, is("/v1/customers?size=500", "right").body)
	next := first.object("links").object("next")
	token := next.list("headers")[0].text("value")
	is(next.text("uri"), "null", "MS-ContinuationToken", token)
	s.SetOddities()
	second := decode[object](t, is(next.text("uri"), "right", "MS-ContinuationToken", token).body)
	if got := second.list("items"); len(got) != 2 || got[0].text("id") != ids[2] {
		t.Errorf("the second page holds %v", got)
	}
	is(profilePath(ids[2]), "right")
}

func TestSpoiltAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 3, NoCosts: -1})
	id := s.ids()[0]
	for _, c := range []struct {
		kind       partnersim.OddityKind
		path, want string
	}{
		{partnersim.WithoutItems, itemsPath(id), `"elements":[{`},
		{partnersim.WithoutItems, "/v1/customers", `"elements":[{`},
		{partnersim.TwinKeys, itemsPath(id), `,"items":[]}`},
		{partnersim.TwinKeys, summaryPath(id), `,"details":[]}`},
		{partnersim.TwinKeys, profilePath(id), `,"companyName":"Nobody"}`},
		{partnersim.CaseTwins, summaryPath(id), `,"DETAILS":[]}`},
		{partnersim.NextOnOtherHost, "/v1/customers", `"next":{"uri":"https://partnercenter.example/`},
		{partnersim.NextOfOther, itemsPath(id), `"next":{"uri":"/v1/customers/`},
		{partnersim.NextInCircle, itemsPath(id), `"next":{"uri":"` + itemsPath(id) + `"`},
		{partnersim.Renamed, profilePath(id), ` Group"`},
		{partnersim.WithoutCosts, summaryPath(id), `"details":[]`},
		{partnersim.EndFar, summaryPath(id), `"billingEndDate":"9999-12-31T00:00:00Z"`},
		{partnersim.EndUnset, summaryPath(id), `"billingEndDate":"0001-01-01T00:00:00Z"`},
		{partnersim.LocalTimes, summaryPath(id), `T00:00:00+01:00"`},
	} {
		s.SetOddities(partnersim.Oddity{Kind: c.kind})
		if got := s.get(c.path); got.StatusCode != http.StatusOK || !strings.Contains(string(got.body), c.want) {
			t.Errorf("%s of %s: %d, lacks %s:\n%s", c.kind, c.path, got.StatusCode, c.want, got.body)
		}
	}
}

func TestCostsToldOtherwise(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 40, NoCosts: -1})
	// A customer with both invoice types shows them all.
	id, before := "", billing.Statement{}
	for _, candidate := range s.ids() {
		statement, _ := s.Expected(candidate)
		if d := statement.Costs.Details; d[0].InvoiceType != d[len(d)-1].InvoiceType {
			id, before = candidate, statement
			break
		}
	}
	s.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
	now, _ := s.Expected(id)
	told := func(kind partnersim.OddityKind) (*billing.CostSummary, []billing.LineItem) {
		t.Helper()
		s.SetOddities(partnersim.Oddity{Kind: kind})
		summary := decodeSummary(t, s.get(summaryPath(id)).body)
		items, _ := decodeLineItems(t, s.get(itemsPath(id)).body, summary.Details)
		return summary, items
	}

	if costs, items := told(partnersim.Behind); !costs.Details[0].Period.Start.Equal(before.Costs.Details[0].Period.Start) || items[0].InvoiceNumber != before.LineItems[0].InvoiceNumber {
		t.Errorf("behind, the answer is of %s", costs.Details[0].Period.Start)
	}
	costs, items := told(partnersim.WithoutDetail)
	if costs.Details[len(costs.Details)-1].InvoiceType != billing.Recurring || len(items) != len(now.LineItems) {
		t.Errorf("without a detail there are %v and %d items", costs.Details, len(items))
	}
	if _, items := told(partnersim.Untyped); items[0].InvoiceType != "" || items[len(items)-1].InvoiceType != "" {
		t.Errorf("untyped items have the types %q and %q", items[0].InvoiceType, items[len(items)-1].InvoiceType)
	}
	if costs, _ := told(partnersim.EndMoved); !costs.Details[0].Period.End.Equal(now.Costs.Details[0].Period.End.AddDate(0, 0, 1)) {
		t.Errorf("the moved end is %s", costs.Details[0].Period.End)
	}
	if costs, _ := told(partnersim.EndBeforeStart); !costs.Details[0].Period.End.Before(costs.Details[0].Period.Start) {
		t.Errorf("the end %s is not before the start", costs.Details[0].Period.End)
	}
}

func TestOddFrames(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 3, NoCosts: -1})
	path := profilePath(s.ids()[0])
	whole := bytes.TrimPrefix(s.get(path).body, []byte("\ufeff"))
	for _, c := range []struct {
		kind partnersim.OddityKind
		want []byte // nil when the answer cannot be read
	}{
		{partnersim.ShortLength, whole[:len(whole)/2]},
		{partnersim.LongLength, nil},
		{partnersim.CutChunk, nil},
		{partnersim.Unsolicited, whole},
		{partnersim.BareBody, nil},
	} {
		s.SetOddities(partnersim.Oddity{Kind: c.kind})
		got := s.do(http.MethodGet, path, "")
		if c.want == nil && got.err == nil || c.want != nil && !bytes.Equal(got.body, c.want) {
			t.Errorf("%s: %v, body %q", c.kind, got.err, got.body)
		}
	}
}

func TestCustomersGoAwayAndComeBack(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 4, NoCosts: -1})
	all := s.ids()
	s.SetAway(all[1], all[3], "nobody")
	if got := s.ids(); len(got) != 2 || got[0] != all[0] || got[1] != all[2] {
		t.Errorf("with two away the list is %v", got)
	}
	if got := s.get(profilePath(all[1])); got.StatusCode != http.StatusForbidden {
		t.Errorf("who is away answers %s", got.Status)
	}
	s.Advance(partnersim.Step{OneTimeMonths: 1})
	s.SetAway(all[1])
	if got := s.ids(); len(got) != 3 || got[2] != all[3] {
		t.Errorf("with one back the list is %v", got)
	}
}

func TestTokensThatLastForAFewRequests(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 2, Login: partnersim.Login{RequestsPerToken: 3}})
	issue := func() string {
		t.Helper()
		r := s.do(http.MethodPost, "/tenant/oauth2/token", "grant_type=refresh_token&client_id=x&refresh_token=simulator&resource=https://api.partnercenter.microsoft.com",
			"Content-Type", "application/x-www-form-urlencoded")
		return decode[object](t, r.body).text("access_token")
	}
	for range 2 {
		token := issue()
		for i, want := range []int{200, 200, 200, 401, 401} {
			if got := s.get("/v1/customers", "Authorization", "Bearer "+token); got.StatusCode != want {
				t.Errorf("request %d with the token: %s, want %d", i+1, got.Status, want)
			}
		}
	}
}
