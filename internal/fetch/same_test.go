package fetch_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"partnercost/internal/billing"
)

// knownFrom returns what a night knows of a customer after a statement was stored.
func knownFrom(s billing.Statement) *billing.Known {
	k := &billing.Known{Key: 1, Outcome: billing.OutcomeUnchanged, NextEnd: time.Now().Add(time.Hour)}
	for _, d := range s.Documents {
		digest := billing.Digest(d.Body)
		switch d.Kind {
		case billing.ProfileDocument:
			k.Profile = digest[:]
		case billing.SummaryDocument:
			k.Summary = digest[:]
		case billing.LineItemsDocument:
			k.LineItems = digest[:]
		}
	}
	return k
}

// Answers with the digests of the stored ones are not decoded. If anything else about the
// customer has changed, all answers are decoded, and the statement is the same as without
// stored digests.
func TestKnownAnswersAreNotDecoded(t *testing.T) {
	t.Parallel()
	pages := func(w http.ResponseWriter, r *http.Request) {
		page := goodItems
		if r.URL.Query().Get("page") == "" {
			page = `{"links":{"next":{"uri":"/customers/` + string(asked) + `/servicecosts/mostrecent/lineitems?page=2"}},` + goodItems[1:]
		}
		says(200, page)(w, r)
	}
	for _, test := range []struct {
		name    string
		differs map[string]http.HandlerFunc // in the second night
		change  func(*billing.Visit)
		same    bool
		items   int // when derived
	}{
		{name: "the same", same: true, items: 1},
		{name: "another etag", differs: map[string]http.HandlerFunc{
			profilePath: says(200, strings.Replace("\ufeff"+goodProfile, `{`, `{"attributes":{"etag":"b"},`, 1)),
		}, same: true, items: 1},
		{name: "another name", differs: map[string]http.HandlerFunc{profilePath: says(200, strings.Replace(goodProfile, "Contoso", "Fabrikam", 1))}, items: 1},
		{name: "another total", differs: map[string]http.HandlerFunc{summaryPath: says(200, strings.Replace(goodSummary, `"afterTaxTotal":6`, `"afterTaxTotal":7`, 1))}, items: 1},
		{name: "another item", differs: map[string]http.HandlerFunc{itemsPath: says(200, strings.Replace(goodItems, `"afterTaxTotal":6`, `"afterTaxTotal":7`, 1))}, items: 1},
		{name: "a second page", differs: map[string]http.HandlerFunc{itemsPath: pages}, items: 2},
		{name: "a second page behind an escaped name", differs: map[string]http.HandlerFunc{itemsPath: func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			pages(rec, r)
			says(200, strings.Replace(rec.Body.String(), `"next"`, `"ne\u0078t"`, 1))(w, r)
		}}, items: 2},
		{name: "no profile", differs: map[string]http.HandlerFunc{profilePath: says(404, `{"code":600009,"description":"not found"}`)}, items: 1},
		{name: "no costs any more", differs: map[string]http.HandlerFunc{summaryPath: says(404, `{"code":600009,"description":"not found"}`)}},
		{name: "the end of the period", change: func(v *billing.Visit) { v.Known.NextEnd = time.Now().Add(-time.Second) }, items: 1},
		{name: "an end of the period from a wrong clock", change: func(v *billing.Visit) { v.Known.NextEnd = time.Now().AddDate(0, 3, 0) }, items: 1},
		{name: "nothing known of the items", change: func(v *billing.Visit) { v.Known.LineItems = nil }, items: 1},
		{name: "only the summary, as stored", change: func(v *billing.Visit) { v.SkipProfile, v.KnownCosts = true, []byte("the hash") }, same: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			night := map[string]http.HandlerFunc{
				profilePath: says(200, strings.Replace("\ufeff"+goodProfile, `{`, `{"attributes":{"etag":"a"},`, 1)),
				itemsPath:   says(200, strings.Replace("\ufeff"+goodItems, `{`, `{"links":{},`, 1)),
			}
			_, before := newPartner(t, night)
			stored, err := client(t, full(before)).Statement(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(night, test.differs)
			_, tonight := newPartner(t, night)
			visit := billing.Visit{CustomerID: asked, Known: knownFrom(stored)}
			if test.change != nil {
				test.change(&visit)
			}
			got, err := client(t, full(tonight)).Visit(t.Context(), visit)
			if err != nil {
				t.Fatal(err)
			}
			if same := got.Same != nil; same != test.same {
				t.Fatalf("the same: %t, want %t", same, test.same)
			}
			if got.Same != nil {
				if got.Profile != nil || got.Costs != nil || got.LineItems != nil {
					t.Error("something is decoded")
				}
				got = got.Derive()
			}

			_, again := newPartner(t, night)
			visit.Known, visit.KnownCosts = nil, nil
			if visit.SkipProfile { // the line items were not read either
				got.LineItems, got.CustomerName, got.Documents = nil, "", got.Documents[:1]
			}
			want, err := client(t, full(again)).Visit(t.Context(), visit)
			if err != nil {
				t.Fatal(err)
			}
			if visit.SkipProfile {
				want.LineItems, want.CustomerName, want.Documents = nil, "", want.Documents[:1]
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(billing.Statement{}, "FetchedAt", "Derive"),
				cmpopts.IgnoreFields(billing.Document{}, "RequestID", "CorrelationID"), cmpopts.IgnoreFields(billing.Failure{}, "RequestID", "CorrelationID")); diff != "" {
				t.Errorf("derived (-without knowledge +with it):\n%s", diff)
			}
			if len(want.LineItems) != test.items {
				t.Errorf("%d items, want %d", len(want.LineItems), test.items)
			}
		})
	}
}
