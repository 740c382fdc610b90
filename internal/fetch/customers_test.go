package fetch_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

// idOf is the n-th customer's id.
func idOf(n int) billing.CustomerID {
	return billing.CustomerID(fmt.Sprintf("00000000-0000-0000-0000-%012d", n))
}

// pageOf returns a page with customers and a reference to the next page.
func pageOf(next string, ids ...int) string {
	var items []string
	for _, n := range ids {
		items = append(items, `{"id":"`+strings.ToUpper(string(idOf(n)))+`","companyProfile":{"companyName":"N`+strconv.Itoa(n)+`"}}`)
	}
	return "\ufeff" + `{"totalCount":` + strconv.Itoa(len(ids)) + `,"items":[` + strings.Join(items, ",") + `]` + next + `}`
}

// list reads the whole list, up to its error.
func list(t *testing.T, url string) (ids []billing.CustomerID, err error) {
	t.Helper()
	for id, err := range client(t, fetch.Options{BaseURL: url}).Customers(t.Context()) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

const byToken = `,"continuationToken":"next"`

func TestCustomersEnd(t *testing.T) {
	t.Parallel()

	link := func(uri string) string { return `,"links":{"next":{"uri":"` + uri + `","method":"GET"}}` }
	spent := says(400, `{"code":2000,"description":"spent"}`)
	tests := []struct {
		name    string
		answers []http.HandlerFunc
		ids     int
		class   billing.FailureClass
		code    string
		words   []string
	}{
		{name: "one page", answers: []http.HandlerFunc{says(200, pageOf("", 1, 2))}, ids: 2},
		{name: "no customers", answers: []http.HandlerFunc{says(200, pageOf(""))}},
		{name: "an empty page behind a token", answers: []http.HandlerFunc{says(200, pageOf(byToken, 1)), says(200, pageOf(`,"continuationToken":"more"`))}, ids: 1},
		{name: "a spent token", answers: []http.HandlerFunc{says(200, pageOf(byToken, 1)), spent}, ids: 1},
		{name: "a spent token in words", answers: []http.HandlerFunc{says(200, pageOf(byToken, 1)), says(400, `{"code":"2000"}`)}, ids: 1},
		{name: "customers that come twice", answers: []http.HandlerFunc{says(200, pageOf(byToken, 1, 2)), says(200, pageOf("", 2, 3))}, ids: 3},
		{name: "2000 on the first page", answers: []http.HandlerFunc{spent}, class: billing.BadRequest, code: "2000"},
		{name: "2000 on a page without a token", answers: []http.HandlerFunc{says(200, pageOf(link("/customers?page=2"), 1)), spent}, ids: 1, class: billing.BadRequest, code: "2000"},
		{name: "a later page that is gone", answers: []http.HandlerFunc{says(200, pageOf(byToken, 1)), says(404, "")}, ids: 1, class: billing.UnknownCustomer},
		{name: "a later page that fails", answers: []http.HandlerFunc{says(200, pageOf(byToken, 1)), says(500, "")}, ids: 1, class: billing.ServerFailure},
		{name: "a token that repeats", answers: []http.HandlerFunc{says(200, pageOf(byToken, 1)), says(200, pageOf(byToken, 2))}, ids: 2, class: billing.BadAnswer, words: []string{"loop"}},
		{name: "a page that names itself", answers: []http.HandlerFunc{says(200, pageOf(link("//v1/customers?size=500"), 1))}, ids: 1, class: billing.BadAnswer, words: []string{"loop"}},
		{name: "another host", answers: []http.HandlerFunc{says(200, pageOf(link("https://elsewhere.example/v1/customers"), 1))}, ids: 1, class: billing.BadAnswer, words: []string{"another host, elsewhere.example"}},
		{name: "a page of another collection", answers: []http.HandlerFunc{says(200, pageOf(link("/v1/customers/"+string(idOf(1))+"/subscriptions"), 1))}, ids: 1, class: billing.BadAnswer, words: []string{"another collection"}},
		{name: "something other than GET", answers: []http.HandlerFunc{says(200, pageOf(`,"links":{"next":{"uri":"/customers?x","method":"DELETE"}}`, 1))}, ids: 1, class: billing.BadAnswer, words: []string{"GET"}},
		{name: "an id that is none", answers: []http.HandlerFunc{says(200, `{"items":[{"id":"org:5"}]}`)}, class: billing.BadAnswer, words: []string{"items[0].id"}},
		{name: "only a tenant id", answers: []http.HandlerFunc{says(200, `{"items":[{"companyProfile":{"tenantId":"`+string(idOf(1))+`"}}]}`)}, ids: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, url := newPartner(t, map[string]http.HandlerFunc{"/v1/customers": inTurn(test.answers...)})
			ids, err := list(t, url)
			var want []billing.CustomerID
			for n := range test.ids {
				want = append(want, idOf(n+1))
			}
			if diff := cmp.Diff(want, ids); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if test.class != "" {
				checkFailure(t, err, test.class, test.code, append(test.words, "customers: ")...)
			} else if err != nil {
				t.Error(err)
			}
			if first := p.all()[0]; first.URL.RawQuery != "size=500" {
				t.Errorf("the first page is asked for with %q", first.URL.RawQuery)
			}
		})
	}
}

func TestCustomersNextPage(t *testing.T) {
	t.Parallel()

	headers := `"headers":[{"key":"MS-ContinuationToken","value":"abc"},{"key":"Authorization","value":"evil"},{"key":"Host","value":"evil"},{"key":"MS-RequestId","value":"evil"}]`
	for next, want := range map[string]string{
		`,"links":{"next":{"uri":"/v1/customers?size=500&seekOperation=Next",` + headers + `}}`: "/v1/customers?size=500&seekOperation=Next abc",
		`,"links":{"next":{"uri":"/customers?size=500&seekOperation=Next",` + headers + `}}`:    "/v1/customers?size=500&seekOperation=Next abc",
		`,"links":{"next":{"uri":"//v1//customers?size=500",` + headers + `}}`:                  "/v1/customers?size=500 abc",
		`,"links":{"next":{"uri":"/v1/customers?page=2"}},"continuationToken":"xyz"`:            "/v1/customers?page=2 xyz",
		`,"links":{},"continuationToken":"xyz"`:                                                 "/v1/customers?seekOperation=Next&size=500 xyz",
	} {
		p, url := newPartner(t, map[string]http.HandlerFunc{"/v1/customers": inTurn(says(200, pageOf(next, 1)), says(200, pageOf("", 2)))})
		ids, err := list(t, url)
		if err != nil || len(ids) != 2 {
			t.Fatalf("%s: %v, %v", next, ids, err)
		}
		second := p.all()[1]
		if got := second.URL.String() + " " + second.Header.Get("MS-ContinuationToken"); got != want {
			t.Errorf("%s leads to %s, want %s", next, got, want)
		}
		if second.Header.Get("Authorization") != "Bearer simulator" || second.Host == "evil" || second.Header.Get("MS-RequestId") == "evil" {
			t.Errorf("a link speaks in our name: %v", second.Header)
		}
	}
}

func TestCustomersThatNeverEnd(t *testing.T) {
	t.Parallel()

	var pages atomic.Int64
	_, url := newPartner(t, map[string]http.HandlerFunc{"/v1/customers": func(w http.ResponseWriter, _ *http.Request) {
		n := int(pages.Add(1))
		_, _ = io.WriteString(w, pageOf(`,"continuationToken":"`+strconv.Itoa(n)+`"`, n))
	}})
	ids, err := list(t, url)
	checkFailure(t, err, billing.BadAnswer, "", "do not end")
	if len(ids) != 10_000 {
		t.Errorf("%d customers", len(ids))
	}
}

func TestCustomersStream(t *testing.T) {
	t.Parallel()

	p, url := newPartner(t, map[string]http.HandlerFunc{"/v1/customers": says(200, pageOf(byToken, 1, 2))})
	for id, err := range client(t, fetch.Options{BaseURL: url}).Customers(t.Context()) {
		if err != nil || id != idOf(1) {
			t.Errorf("%s, %v", id, err)
		}
		break
	}
	if len(p.all()) != 1 {
		t.Errorf("%d pages were read for one customer", len(p.all()))
	}
}
