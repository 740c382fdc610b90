package fetch_test

import (
	"net/http"
	"strings"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

// noDocuments are bodies with a success status that are none of the API's documents.
var noDocuments = map[string]string{
	"nothing":              "",
	"a byte order mark":    "\ufeff",
	"white space":          " \n",
	"null":                 "null",
	"an empty object":      "{}",
	"an empty array":       "[]",
	"an array":             `[{"items":[],"details":[],"companyName":"A"}]`,
	"a word":               `"ok"`,
	"a number":             "200",
	"the gateway":          `{"statusCode":429,"message":"Rate limit is exceeded. Try again in 57 seconds."}`,
	"a fault":              `{"code":20002,"description":"No relationship.","data":[],"source":"PartnerFD"}`,
	"a fault in disguise":  `{"id":"1","details":[],"items":[],"code":800003,"description":"Unexpected service error"}`,
	"the sign-in":          `{"error":"invalid_grant","error_description":"AADSTS1"}`,
	"an OData fault":       `{"error":{"code":"500","message":"x"}}`,
	"links alone":          `{"links":{},"attributes":{"objectType":"Collection"}}`,
	"nothing but words":    `{"items":[],"details":[],"id":"1","message":"Try again later."}`,
	"nothing but a code":   `{"items":[],"details":[],"id":"1","code":"800003"}`,
	"nothing but a status": `{"items":[],"details":[],"id":"1","statusCode":429}`,
	"PascalCase":           `{"Items":[],"Details":[],"Id":"1","CompanyName":"A"}`,
	"the same twice":       `{"items":[],"items":[],"details":[],"details":[],"companyName":"A","companyName":"A"}`,
	"twice, once escaped":  `{"items":[],"item\u0073":[],"details":[],"detail\u0073":[],"companyName":"A","companyNam\u0065":"A"}`,
	"two spellings":        `{"items":[],"ITEMS":[],"details":[],"DETAILS":[],"companyName":"A","companyname":"A"}`,
	"a spelling in Kelvin": `{"items":[],"lin\u212As":{},"details":[],"companyName":"A","linKs":{},"defaultAddre\u017Fs":{}}`,
	"not UTF-8":            "{\"items\":[],\"details\":[],\"companyName\":\"Z\xeb\"}",
}

// An incomplete list must not pass for a complete one, wherever it breaks off.
func TestWhatIsNoPageOfCustomersEndsTheListAsAFailure(t *testing.T) {
	t.Parallel()

	answers := map[string]http.HandlerFunc{"204": says(204, ""), "items null": says(200, `{"items":null}`), "items absent": says(200, `{"totalCount":0}`)}
	for name, body := range noDocuments {
		answers[name] = says(200, body)
	}
	for name, answer := range answers {
		for ids, before := range [][]http.HandlerFunc{nil, {says(200, pageOf(byToken, 1))}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p, url := newPartner(t, map[string]http.HandlerFunc{"/v1/customers": inTurn(append(before, answer)...)})
				got, err := list(t, url)
				checkFailure(t, err, billing.BadAnswer, "", "customers: ")
				if len(got) != ids || len(p.all()) != ids+5 {
					t.Errorf("%d customers of %d, %d requests", len(got), ids, len(p.all()))
				}
			})
		}
	}
	// One bad answer is overcome.
	_, url := newPartner(t, map[string]http.HandlerFunc{"/v1/customers": inTurn(says(200, "{}"), says(200, pageOf(byToken, 1)), says(204, ""), says(200, pageOf("", 2)))})
	if got, err := list(t, url); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWhatIsNoDocumentIsTheCustomersFailure(t *testing.T) {
	t.Parallel()

	good := map[string]string{profilePath: goodProfile, summaryPath: goodSummary, itemsPath: goodItems}
	for resource := range good {
		answers := map[string]http.HandlerFunc{"204": says(204, "")}
		for name, body := range noDocuments {
			answers[name] = says(200, body)
		}
		for name, answer := range answers {
			t.Run(name+" of "+resource, func(t *testing.T) {
				t.Parallel()
				p, url := newPartner(t, map[string]http.HandlerFunc{resource: answer})
				s, err := client(t, full(url)).Statement(t.Context(), asked)
				if err != nil {
					t.Fatal(err)
				}
				checkFailure(t, s.Failure, billing.BadAnswer, "", resource)
				if s.Profile == nil != (resource == profilePath) || s.Costs == nil != (resource == summaryPath) || s.LineItems != nil != (resource == profilePath) {
					t.Errorf("%+v", s)
				}
				if n := len(p.of("/" + resource)); n != 5 {
					t.Errorf("%d requests, want 5", n)
				}

				// Asked again, the service may answer.
				_, url = newPartner(t, map[string]http.HandlerFunc{resource: inTurn(answer, says(200, good[resource]))})
				s, err = client(t, full(url)).Statement(t.Context(), asked)
				if err != nil || s.Failure != nil || s.Profile == nil || s.Costs == nil || len(s.LineItems) != 1 {
					t.Errorf("%+v, %v", s, err)
				}
			})
		}
	}
}

// A page that states more items than arrived is incomplete, whatever its count covers.
func TestLineItemsThatAreFewerThanCountedAreUnknown(t *testing.T) {
	t.Parallel()
	one := strings.TrimSuffix(strings.TrimPrefix(goodItems, `{"totalCount":1,`), "}")
	tests := map[string]struct {
		pages []string
		good  bool
	}{
		"none of two":             {[]string{`{"items":[],"totalCount":2}`}, false},
		"one of two":              {[]string{`{"totalCount":2,` + one + `}`}, false},
		"one of two, in a string": {[]string{`{"totalCount":"2",` + one + `}`}, false},
		"none on the last page":   {[]string{`{"totalCount":1,` + one + byToken + `}`, `{"items":[],"totalCount":2}`}, false},
		"two of three on pages":   {[]string{`{"totalCount":3,` + one + byToken + `}`, `{"totalCount":1,` + one + `}`}, false},
		"pages count themselves":  {[]string{`{"totalCount":1,` + one + byToken + `}`, `{"totalCount":1,` + one + `}`}, true},
		"pages count all":         {[]string{`{"totalCount":2,` + one + byToken + `}`, `{"totalCount":2,` + one + `}`}, true},
		"an empty page at an end": {[]string{`{"totalCount":1,` + one + byToken + `}`, `{"totalCount":0,"items":[]}`}, true},
		"fewer counted than came": {[]string{`{"totalCount":0,` + one + `}`}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := make([]http.HandlerFunc, len(test.pages))
			for i, page := range test.pages {
				answers[i] = says(200, page)
			}
			p, url := newPartner(t, map[string]http.HandlerFunc{itemsPath: inTurn(answers...)})
			s, err := client(t, full(url)).Statement(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			if test.good {
				if s.Failure != nil || s.LineItems == nil {
					t.Errorf("%+v", s)
				}
				return
			}
			checkFailure(t, s.Failure, billing.BadAnswer, "", "fewer items than it counts")
			if s.Costs == nil || s.LineItems != nil {
				t.Errorf("%+v", s)
			}
			if n := len(p.of("/" + itemsPath)); n != len(test.pages)+4 {
				t.Errorf("%d requests", n)
			}
		})
	}
	// Asked again, the service may answer, and no item of the first answer stays.
	_, url := newPartner(t, map[string]http.HandlerFunc{itemsPath: inTurn(says(200, `{"totalCount":2,`+one+`}`), says(200, goodItems))})
	if s, err := client(t, full(url)).Statement(t.Context(), asked); err != nil || s.Failure != nil || len(s.LineItems) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	// The same rule applies to a list of customers.
	_, url = newPartner(t, map[string]http.HandlerFunc{"/v1/customers": says(200, strings.Replace(pageOf("", 1, 2), `"totalCount":2`, `"totalCount":3`, 1))})
	ids, err := list(t, url)
	checkFailure(t, err, billing.BadAnswer, "", "fewer items than it counts")
	if len(ids) != 0 {
		t.Errorf("%v", ids)
	}
}

// Half a set of line items is no set: what follows the first page must be a page too.
func TestWhatIsNoPageOfLineItemsLeavesThemUnknown(t *testing.T) {
	t.Parallel()

	for name, body := range noDocuments {
		_, url := newPartner(t, map[string]http.HandlerFunc{
			itemsPath: inTurn(says(200, strings.TrimSuffix(goodItems, "}")+byToken+"}"), says(200, body)),
		})
		s, err := client(t, full(url)).Statement(t.Context(), asked)
		if err != nil || s.Failure == nil || s.LineItems != nil || s.Costs == nil {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// The same forms apply to what an earlier version archived.
func TestNormaliseRefusesWhatIsNoDocument(t *testing.T) {
	t.Parallel()

	for name, body := range noDocuments {
		for _, doc := range []billing.Document{profileDoc(body), summaryDoc(body), itemsDoc(body), {Kind: billing.SummaryDocument, Body: []byte(body)}} {
			s, err := fetch.Normalise(asked, []billing.Document{doc})
			if err == nil {
				t.Errorf("%s of %s with status %d gives %+v", name, doc.Kind, doc.HTTPStatus, s)
			} else if strings.Contains(err.Error(), "\xeb") {
				t.Errorf("%s: %q quotes the answer", name, err)
			}
		}
	}
}

// Two arrays of details must not make up a cost that neither states.
func TestDetailsGivenTwiceAreNoSummary(t *testing.T) {
	t.Parallel()

	first := strings.TrimSuffix(goodSummary, "}")
	for _, body := range []string{first + `,"DETAILS":[{"invoiceType":"OneTime","summary":{"tax":1}}]}`, first + `,"details":[]}`} {
		if s, err := fetch.Normalise(asked, []billing.Document{summaryDoc(body)}); err == nil {
			t.Errorf("%s gives %+v", body, s.Costs)
		}
	}
}
