package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// documented is the customer whose data the documented example requests. documentedBody is
// the customer that its bodies name.
const (
	documented     = "65726577-c208-40fd-9735-8c85ac9cac68"
	documentedBody = "ae1d5b32-f9ff-4252-b2bf-40e21937a51a"
)

// documentedAnswers are the three bodies of the documented example, in the compact form in
// which the service sends them.
var documentedAnswers = map[string]string{
	"servicecosts/mostrecent": `{"billingStartDate":"2015-12-12T00:00:00Z","billingEndDate":"2016-01-11T00:00:00Z",
"pretaxTotal":17.22,"tax":0.0,"afterTaxTotal":17.22,"currencySymbol":"$","customerId":"` + documentedBody + `","details":[
{"invoiceType":"Recurring","summary":{"billingStartDate":"2015-12-12T00:00:00Z","billingEndDate":"2016-01-11T00:00:00Z",
"pretaxTotal":17.22,"tax":0.0,"afterTaxTotal":17.22,"currencyCode":"USD","currencySymbol":"$","customerId":"` + documentedBody + `",
"links":{},"attributes":{"objectType":"ServiceCostsSummary"}}},
{"invoiceType":"OneTime","summary":{"billingStartDate":"2019-04-01T00:00:00Z","billingEndDate":"2019-04-30T23:59:59.9999999Z",
"pretaxTotal":2,"tax":0.2,"afterTaxTotal":2.2,"currencyCode":"USD","currencySymbol":"$","customerId":"` + documentedBody + `",
"links":{},"attributes":{"objectType":"ServiceCostsSummary"}}}],
"links":{"serviceCostLineItems":{"uri":"/customers/` + documentedBody + `/servicecosts/MostRecent/lineitems","method":"GET","headers":[]},
"self":{"uri":"/customers/` + documentedBody + `/servicecosts/MostRecent","method":"GET","headers":[]}},
"attributes":{"objectType":"ServiceCostsSummary"}}`,

	"servicecosts/mostrecent/lineitems": `{"totalCount":2,"items":[
{"startDate":"2019-04-02T00:00:00","endDate":"2019-04-02T00:00:00","subscriptionFriendlyName":"","subscriptionId":"","orderId":"4A1C1BBF-0C4A-4E1F-8B16-2D3F0A5E7C11",
"offerId":"","offerName":"","resellerMPNId":"-1","chargeType":"PURCHASE FEE","quantity":1,"unitPrice":0,"pretaxTotal":0,"tax":0,"afterTaxTotal":0,"currencyCode":"USD","currencySymbol":"$",
"customerId":"` + documentedBody + `","customerName":"Example","invoiceNumber":"T000003163","invoiceType":"OneTime","productId":"DZH318Z0BQ3Q","skuId":"0001","availabilityId":"N/A",
"productName":"A product","skuName":"A product, one year","publisherName":"A publisher","publisherId":"1","termAndBillingCycle":"One-Time","discountDetails":"20%"},
{"startDate":"2016-01-12T00:00:00","endDate":"2016-02-11T00:00:00","subscriptionFriendlyName":"A subscription","subscriptionId":"4CBF3F6A-35B0-4E6C-9A55-7B3BDDDC1E0B","orderId":"C03A7B4D-62F1-4B0E-9A4D-0C5F3E8B2A77",
"offerId":"91FD106F-4B2C-4938-95AC-F54F74E9A239","offerName":"An offer","resellerMPNId":"-1","chargeType":"CYCLE FEE","quantity":3,"unitPrice":5.74,"pretaxTotal":17.219999999999999,"tax":0.0,"afterTaxTotal":17.219999999999999,
"currencyCode":"USD","currencySymbol":"$","customerId":"` + documentedBody + `","customerName":"Example","invoiceNumber":"D000003163","invoiceType":"Recurring"}],
"links":{"self":{"uri":"/customers/` + documentedBody + `/servicecosts/MostRecent/lineitems","method":"GET","headers":[]}},"attributes":{"objectType":"Collection"}}`,

	"profiles/billing": `{"id":"b1e1b6b0-5ef5-4f3a-8a5a-3c8f2d5b7e10","firstName":"Ada","lastName":"Example","email":"ada@example.org","culture":"en-US","language":"en","companyName":"Example",
"defaultAddress":{"country":"US","city":"Redmond","state":"WA","addressLine1":"One Example Way","postalCode":"98052","firstName":"Ada","lastName":"Example","phoneNumber":""},
"links":{"self":{"uri":"/v1/customers/` + documented + `/profiles/billing","method":"GET","headers":[]}},
"attributes":{"etag":"-4242348048554929329","objectType":"CustomerBillingProfile"}}`,
}

// documentedPartnerCenter serves the example, with the byte order mark that the service
// sends.
func documentedPartnerCenter(t *testing.T) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	for path, body := range documentedAnswers {
		if !json.Valid([]byte(body)) {
			t.Fatalf("the body of %s is not JSON", path)
		}
		mux.HandleFunc("GET /v1/customers/"+documented+"/"+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set("MS-RequestId", "5b2a0c6e-0000-4000-8000-000000000001")
			w.Header().Set("MS-CorrelationId", "5b2a0c6e-0000-4000-8000-000000000002")
			_, _ = fmt.Fprint(w, "\ufeff"+body) // an error means that the client is gone
		})
	}
	return mux
}

func TestTheDocumentedExample(t *testing.T) {
	t.Parallel()
	s := newSiteAt(t, documentedPartnerCenter(t))
	s.configure(t, "    customers:\n      ids: ["+documented+"]\n", "")
	s.collector(t, "run").want(t, 0)
	s.collector(t, "run").want(t, 0) // changes nothing

	costs := s.query(t, `SELECT partner, customer_id::text, company_name, invoice_type, period_start::text, period_end::text, currency_code,
		trim_scale(pretax_total)::text, trim_scale(tax)::text, trim_scale(after_tax_total)::text, origin, revisions::text FROM finance.costs ORDER BY period_start`)
	want := [][]string{
		{"sim", documented, "Example", "Recurring", "2015-12-12", "2016-01-11", "USD", "17.22", "0", "17.22", "servicecosts", costs[0][11]},
		{"sim", documented, "Example", "OneTime", "2019-04-01", "2019-04-30", "USD", "2", "0.2", "2.2", "servicecosts", costs[0][11]},
	}
	if diff := cmp.Diff(want, costs); diff != "" {
		t.Errorf("finance.costs (-want +got):\n%s", diff)
	}
	items := s.query(t, `SELECT count(*)::text, sum(pretax_total)::text FROM finance.line_items`)
	if diff := cmp.Diff([][]string{{"2", "17.219999999999999"}}, items); diff != "" {
		t.Errorf("finance.line_items (-want +got):\n%s", diff)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.findings WHERE kind = 'customer_id_mismatch' AND resolved_at IS NULL`); got == "0" {
		t.Error("the id in the body is another one, and no finding says so")
	}
}
