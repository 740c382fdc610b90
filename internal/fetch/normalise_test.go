package fetch_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

const asked = billing.CustomerID("65726577-c208-40fd-9735-8c85ac9cac68")

func profileDoc(body string) billing.Document {
	return billing.Document{Kind: billing.ProfileDocument, Body: []byte(body), HTTPStatus: 200}
}

func summaryDoc(body string) billing.Document {
	return billing.Document{Kind: billing.SummaryDocument, Body: []byte(body), HTTPStatus: 200}
}

func itemsDoc(body string) billing.Document {
	return billing.Document{Kind: billing.LineItemsDocument, Body: []byte(body), HTTPStatus: 200}
}

func money(t *testing.T, literal string) billing.Amount {
	t.Helper()
	if literal == "" {
		return billing.Amount{}
	}
	a, err := billing.ParseAmount(literal)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func day(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := billing.ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// kinds lists findings as "kind severity subject".
func kinds(s billing.Statement) []string {
	var list []string
	for _, f := range s.Findings {
		list = append(list, strings.TrimSpace(string(f.Kind)+" "+string(f.Severity)+" "+f.Subject))
	}
	return list
}

// documentedSummary and documentedItems are Microsoft's own example.
const (
	documentedSummary = `{"billingStartDate":"2015-12-12T00:00:00Z","billingEndDate":"2016-01-11T00:00:00Z",
	"pretaxTotal":17.22,"tax":0.0,"afterTaxTotal":17.22,"currencySymbol":"$","customerId":"ae1d5b32-f9ff-4252-b2bf-40e21937a51a",
	"details":[
	 {"invoiceType":"Recurring","summary":{"billingStartDate":"2015-12-12T00:00:00Z","billingEndDate":"2016-01-11T00:00:00Z","pretaxTotal":17.22,
	  "tax":0.0,"afterTaxTotal":17.22,"currencyCode":"USD","currencySymbol":"$","customerId":"ae1d5b32-f9ff-4252-b2bf-40e21937a51a","links":{}}},
	 {"invoiceType":"OneTime","summary":{"billingStartDate":"2019-04-01T00:00:00Z","billingEndDate":"2019-04-30T23:59:59.9999999Z","pretaxTotal":2,
	  "tax":0.2,"afterTaxTotal":2.2,"currencyCode":"USD","currencySymbol":"$","customerId":"ae1d5b32-f9ff-4252-b2bf-40e21937a51a","links":{}}}],
	"links":{"serviceCostLineItems":{"uri":"/customers/ae1d5b32-f9ff-4252-b2bf-40e21937a51a/servicecosts/MostRecent/lineitems","method":"GET","headers":[]}},
	"attributes":{"objectType":"ServiceCostsSummary"}}`
	documentedItems = `{"totalCount":2,"items":[
	 {"startDate":"2015-12-15T00:00:00","endDate":"2016-01-11T00:00:00","subscriptionId":"71B5BCDD-51C8-4BF2-B704-D3432EE33064","offerName":"Project",
	  "resellerMPNId":"-1","chargeType":"PURCHASE FEE","quantity":1.0,"unitPrice":0.0,"pretaxTotal":0.0,"tax":0.0,"afterTaxTotal":0.0,
	  "currencyCode":"USD","currencySymbol":"$","customerId":"ae1d5b32-f9ff-4252-b2bf-40e21937a51a","customerName":"Somebody","invoiceNumber":"T000003163",
	  "invoiceType":"OneTime","termAndBillingCycle":"","discountDetails":"N/A"},
	 {"startDate":"2016-01-12T00:00:00","endDate":"2016-02-11T00:00:00","subscriptionId":"71B5BCDD-51C8-4BF2-B704-D3432EE33064","offerName":"Project",
	  "resellerMPNId":"-1","chargeType":"CYCLE FEE","quantity":1.0,"unitPrice":17.219999999999999,"pretaxTotal":17.219999999999999,"tax":0.0,
	  "afterTaxTotal":17.219999999999999,"currencyCode":"USD","currencySymbol":"$","customerId":"ae1d5b32-f9ff-4252-b2bf-40e21937a51a","customerName":"Somebody",
	  "invoiceNumber":"D000003163","invoiceType":"Recurring","discountDetails":"20%"}],
	"attributes":{"objectType":"Collection"}}`
)

func TestNormaliseDocumentedAnswer(t *testing.T) {
	t.Parallel()

	docs := []billing.Document{summaryDoc("\ufeff" + documentedSummary), itemsDoc("\ufeff" + documentedItems)}
	got, err := fetch.Normalise(asked, docs)
	if err != nil {
		t.Fatal(err)
	}

	recurring := billing.CostTotals{
		Period:         billing.Period{Start: day(t, "2015-12-12"), End: day(t, "2016-01-11")},
		CurrencyCode:   "USD",
		CurrencySymbol: "$", PretaxTotal: money(t, "17.22"), Tax: money(t, "0"), AfterTaxTotal: money(t, "17.22"),
	}
	root := recurring
	root.CurrencyCode = ""
	oneTime := billing.CostTotals{
		Period:       billing.Period{Start: day(t, "2019-04-01"), End: time.Date(2019, 4, 30, 23, 59, 59, 999_999_000, time.UTC)},
		CurrencyCode: "USD", CurrencySymbol: "$", PretaxTotal: money(t, "2"), Tax: money(t, "0.2"), AfterTaxTotal: money(t, "2.2"),
	}
	item := billing.LineItem{
		SubscriptionID: "71B5BCDD-51C8-4BF2-B704-D3432EE33064", OfferName: "Project", ResellerMPNID: "-1", Quantity: money(t, "1"),
		CurrencyCode: "USD", CurrencySymbol: "$",
	}
	purchase, cycle := item, item
	purchase.InvoiceType, purchase.InvoiceNumber, purchase.ChargeType, purchase.DiscountDetails = billing.OneTime, "T000003163", "PURCHASE FEE", "N/A"
	purchase.SetStart, purchase.StartDate, purchase.EndDate = day(t, "2019-04-01"), day(t, "2015-12-15"), day(t, "2016-01-11")
	purchase.UnitPrice, purchase.PretaxTotal, purchase.Tax, purchase.AfterTaxTotal = money(t, "0"), money(t, "0"), money(t, "0"), money(t, "0")
	cycle.InvoiceType, cycle.InvoiceNumber, cycle.ChargeType, cycle.DiscountDetails = billing.Recurring, "D000003163", "CYCLE FEE", "20%"
	cycle.SetStart, cycle.StartDate, cycle.EndDate = day(t, "2015-12-12"), day(t, "2016-01-12"), day(t, "2016-02-11")
	full := money(t, "17.219999999999999")
	cycle.UnitPrice, cycle.PretaxTotal, cycle.Tax, cycle.AfterTaxTotal = full, full, money(t, "0"), full

	want := billing.Statement{
		CustomerID: asked,
		Costs: &billing.CostSummary{
			Root: root, BodyCustomerID: "ae1d5b32-f9ff-4252-b2bf-40e21937a51a",
			Details: []billing.CostDetail{{InvoiceType: billing.Recurring, CostTotals: recurring}, {InvoiceType: billing.OneTime, CostTotals: oneTime}},
		},
		LineItems: []billing.LineItem{purchase, cycle}, CustomerName: "Somebody",
		Documents: docs,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(billing.Statement{}, "Findings")); diff != "" {
		t.Errorf("statement (-want +got):\n%s", diff)
	}
	// The example's one-time item is four years older than its one-time costs, and is free.
	if diff := cmp.Diff([]string{"line_items_period_mismatch warning OneTime", "line_items_sum_mismatch warning OneTime 2019-04-01 USD", "customer_id_mismatch warning"}, kinds(got)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	sum := got.LineItems[0].PretaxTotal.Decimal
	for _, item := range got.LineItems[1:] {
		sum = sum.Add(item.PretaxTotal.Decimal)
	}
	if sum.String() != "17.219999999999999" {
		t.Errorf("the items add up to %s, want 17.219999999999999", sum)
	}
}

func TestNormaliseProfile(t *testing.T) {
	t.Parallel()

	got, err := fetch.Normalise(asked, []billing.Document{profileDoc(`{"id":" B-1 ","firstName":null,"email":"a@b.example","culture":"en-US","language":"en",
	"companyName":"Caf\u00e9\u0000 Ltd","organizationRegistrationId":4711,"unknown":{"deep":[1,{"er":null,"ID":1,"ID":"\\\"}"}]},
	"defaultAddress":{"country":"US","addressLine3":"c","middleName":"M","district":"D","emailAddress":"c@d.example","id":"7","phoneNumber":"","region":null},
	"links":{"self":{"uri":"/v1/customers/x/profiles/billing"}},"attributes":{"etag":"-4242","objectType":"CustomerBillingProfile"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := &billing.Profile{
		ID: "B-1", Email: "a@b.example", Culture: "en-US", Language: "en", CompanyName: "Café Ltd", OrganizationRegistrationID: "4711",
		Address: billing.Address{ID: "7", Country: "US", AddressLine3: "c", MiddleName: "M", District: "D", EmailAddress: "c@d.example"},
	}
	if diff := cmp.Diff(want, got.Profile); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
	if got.Costs != nil || got.LineItems != nil || got.Findings != nil {
		t.Errorf("there is more than a profile: %+v", got)
	}
}

// detail is the JSON of a detail whose fields are given.
func detail(invoiceType, fields string) string {
	return `{"invoiceType":"` + invoiceType + `","summary":{` + fields + `}}`
}

const october = `"billingStartDate":"2026-10-01T00:00:00Z","billingEndDate":"2026-10-31T23:59:59.9999999Z"`

func TestNormaliseFindings(t *testing.T) {
	t.Parallel()

	amounts := `,"pretaxTotal":1,"tax":0,"afterTaxTotal":1`
	good := october + amounts + `,"currencyCode":"USD"`
	good2 := strings.ReplaceAll(good, ":1,", ":2,")
	item := `{"startDate":"2026-10-05T00:00:00","endDate":"2026-10-06T00:00:00","pretaxTotal":1,"tax":0,"afterTaxTotal":1,"currencyCode":"USD","invoiceType":"OneTime"}`
	tests := []struct {
		name, summary, items string
		want                 []string
		details              int
	}{
		{name: "nothing odd", summary: `{"details":[` + detail("OneTime", good) + `]}`, items: `{"totalCount":1,"items":[` + item + `]}`, details: 1},
		{name: "details absent", summary: `{"billingStartDate":null}`},
		{name: "details null", summary: `{"details":null,"links":{}}`},
		{name: "details of zero", summary: `{"pretaxTotal":0,"tax":0.00,"afterTaxTotal":0,"details":[]}`},
		{name: "root totals only", summary: `{"pretaxTotal":1,"details":[]}`, want: []string{"root_totals_only warning"}},
		{
			name: "currency missing, though the root and the symbol have one", details: 1,
			summary: `{"currencyCode":"USD","details":[` + detail("OneTime", october+amounts+`,"currencySymbol":"$"`) + `]}`,
			want:    []string{"currency_missing warning OneTime 2026-10-01 (no currency)"},
		},
		{
			name: "amounts missing, null and empty", details: 1, summary: `{"details":[` + detail("OneTime", october+`,"tax":null,"afterTaxTotal":"","currencyCode":" usd "`) + `]}`,
			want: []string{"amount_missing serious OneTime 2026-10-01 USD"},
		},
		{
			name: "period missing", details: 1, summary: `{"details":[` + detail("Recurring", `"currencyCode":"EUR"`+amounts) + `]}`,
			want: []string{"period_missing serious Recurring (no period) EUR"},
		},
		{
			name: "period a sentinel", details: 1, summary: `{"details":[` + detail("Recurring", `"billingStartDate":"0001-01-01T00:00:00","billingEndDate":"9999-12-14T00:00:00Z","currencyCode":"EUR"`+amounts) + `]}`,
			want: []string{"period_missing serious Recurring (no period) EUR"},
		},
		{
			name: "period without an end", details: 3, summary: `{"details":[` +
				detail("Recurring", `"billingStartDate":"2026-10-05","billingEndDate":"9999-12-31T00:00:00Z","currencyCode":"EUR"`+amounts) + `,` +
				detail("OneTime", `"billingStartDate":"2026-10-01","billingEndDate":"","currencyCode":"EUR"`+amounts) + `,` +
				detail("OneTime", `"billingStartDate":"2026-11-01","billingEndDate":"0001-01-01T00:00:00","currencyCode":"EUR"`+amounts) + `]}`,
			want: []string{"period_missing serious Recurring 2026-10-05 EUR", "period_missing serious OneTime 2026-10-01 EUR", "period_missing serious OneTime 2026-11-01 EUR"},
		},
		{
			name: "period that ends before it starts", details: 1, summary: `{"details":[` + detail("OneTime", `"billingStartDate":"2026-10-01","billingEndDate":"2026-09-30T23:59:59.9999999Z","currencyCode":"EUR"`+amounts) + `]}`,
			want: []string{"period_reversed serious OneTime 2026-10-01 EUR"},
		},
		{
			name: "type missing", details: 1, summary: `{"details":[{"summary":{` + good + `}}]}`,
			want: []string{"invoice_type_missing warning (no type) 2026-10-01 USD"},
		},
		{
			name: "type unknown twice", details: 2, summary: `{"details":[` + detail("Marketplace", good) + `,` + detail("Marketplace", strings.ReplaceAll(good, "-10-", "-12-")) + `]}`,
			want: []string{"invoice_type_unknown info Marketplace"},
		},
		{name: "type spelt otherwise", details: 2, summary: `{"details":[` + detail("one_time", good) + `,` + detail("RECURRING", good) + `]}`},
		{
			name: "duplicate at another hour, in another case", details: 2,
			summary: `{"details":[` + detail("Usage", good) + `,` + detail("usage", strings.Replace(good, "2026-10-01T00", "2026-10-01T05", 1)) + `]}`,
			want:    []string{"invoice_type_unknown info Usage", "duplicate_detail warning Usage 2026-10-01 USD"},
		},
		{
			name: "duplicate", details: 3, summary: `{"details":[` + detail("OneTime", good) + `,` + detail("OneTime", good) + `,` + detail("OneTime", good) + `]}`,
			want: []string{"duplicate_detail warning OneTime 2026-10-01 USD"},
		},
		{name: "one type in two currencies", details: 2, summary: `{"details":[` + detail("OneTime", good) + `,` + detail("OneTime", strings.ReplaceAll(good, "USD", "EUR")) + `]}`},
		{
			name: "details of nothing", summary: `{"details":[null,{},{"summary":{}},{"invoiceType":null,"summary":null}]}`,
			want: []string{"amount_missing serious details[0]", "amount_missing serious details[1]", "amount_missing serious details[2]", "amount_missing serious details[3]"},
		},
		{
			name: "a type and nothing else", details: 1, summary: `{"details":[{"invoiceType":"OneTime","summary":null}]}`,
			want: []string{"period_missing serious OneTime (no period) (no currency)", "currency_missing warning OneTime (no period) (no currency)", "amount_missing serious OneTime (no period) (no currency)"},
		},
		{
			name: "another customer everywhere", details: 1,
			summary: `{"customerId":"00000000-0000-0000-0000-00000000000A","details":[` + detail("OneTime", good+`,"customerId":"00000000-0000-0000-0000-00000000000b"`) + `]}`,
			items:   `{"items":[` + strings.Replace(item, `{`, `{"customerId":"00000000-0000-0000-0000-00000000000c",`, 1) + `]}`,
			want:    []string{"customer_id_mismatch warning"},
		},
		{name: "the same customer in the other case", summary: `{"customerId":"65726577-C208-40FD-9735-8C85AC9CAC68"}`},
		{
			name: "items without a detail", details: 1, summary: `{"details":[` + detail("Recurring", good) + `]}`, items: `{"items":[` + item + `,` + item + `]}`,
			want: []string{"line_items_without_detail warning OneTime", "period_missing serious line items OneTime", "line_items_sum_mismatch warning Recurring 2026-10-01 USD"},
		},
		{
			name: "two pages that count themselves", details: 1, summary: `{"details":[` + detail("OneTime", good2) + `]}`,
			items: `{"totalCount":1,"items":[` + item + `]}` + "\n\ufeff" + `{"totalCount":1,"items":[` + item + `]}` + "\n",
		},
		{
			name: "two pages that count all", details: 1, summary: `{"details":[` + detail("OneTime", good2) + `]}`,
			items: `{"totalCount":2,"items":[` + item + `]}` + "\r\n" + `{"totalCount":2,"items":[` + item + `]}`,
		},
		{
			name: "more items than counted", details: 1, summary: `{"details":[` + detail("OneTime", good) + `]}`, items: `{"totalCount":0,"items":[` + item + `]}`,
			want: []string{"line_items_count_mismatch warning"},
		},
		{
			name: "items that state little", details: 1, summary: `{"details":[` + detail("OneTime", good) + `]}`,
			items: `{"items":[{"invoiceType":"OneTime"},{"invoiceType":"OneTime"}]}`,
			want:  []string{"currency_missing warning line items OneTime", "amount_missing serious line items OneTime"},
		},
		{
			name: "items of another period", details: 1, summary: `{"details":[` + detail("OneTime", good) + `]}`, items: `{"items":[` + strings.ReplaceAll(item, "-10-", "-08-") + `]}`,
			want: []string{"line_items_period_mismatch warning OneTime"},
		},
		{
			name: "items of another period beside one that fits", details: 1, summary: `{"details":[` + detail("OneTime", good2) + `]}`,
			items: `{"items":[` + strings.ReplaceAll(item, "-10-", "-08-") + `,` + item + `]}`,
		},
		{
			name: "items of the month before, that do not add up", details: 1, summary: `{"details":[` + detail("OneTime", good2) + `]}`, items: `{"items":[` + strings.ReplaceAll(item, "-10-", "-09-") + `]}`,
			want: []string{"line_items_period_mismatch warning OneTime"},
		},
		{
			name: "items of the month after, that do not add up", details: 1, summary: `{"details":[` + detail("OneTime", good2) + `]}`, items: `{"items":[` + strings.ReplaceAll(item, "-10-", "-11-") + `]}`,
			want: []string{"line_items_period_mismatch warning OneTime"},
		},
		{
			name: "items of the whole month before, up to its midnight", details: 1, summary: `{"details":[` + detail("OneTime", good2) + `]}`,
			items: `{"items":[` + strings.NewReplacer("2026-10-05", "2026-09-01", "2026-10-06", "2026-10-01").Replace(item) + `]}`,
			want:  []string{"line_items_period_mismatch warning OneTime"},
		},
		{
			name: "items that do not add up", details: 1, summary: `{"details":[` + detail("OneTime", good2) + `]}`, items: `{"items":[` + item + `]}`,
			want: []string{"line_items_sum_mismatch warning OneTime 2026-10-01 USD"},
		},
		{
			name: "arithmetic, twice in one key", details: 2,
			summary: `{"details":[` + strings.ReplaceAll(detail("OneTime", good)+","+detail("OneTime", good), `"tax":0`, `"tax":5`) + `]}`,
			want:    []string{"duplicate_detail warning OneTime 2026-10-01 USD", "detail_arithmetic warning OneTime 2026-10-01 USD"},
		},
		{
			name: "a root that repeats another cost", details: 1, summary: `{"pretaxTotal":3,"afterTaxTotal":1,"details":[` + detail("Recurring", good) + `]}`,
			want: []string{"root_mismatch warning"},
		},
		{
			name: "items billed in advance", details: 1, summary: `{"details":[` + detail("OneTime", good) + `]}`, items: `{"items":[` + strings.ReplaceAll(item, "-10-", "-11-") + `]}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			docs := []billing.Document{summaryDoc(test.summary)}
			if test.items != "" {
				docs = append(docs, itemsDoc(test.items))
			}
			got, err := fetch.Normalise(asked, docs)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, kinds(got)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if n := len(got.Costs.Details); n != test.details {
				t.Errorf("%d details, want %d", n, test.details)
			}
			for _, f := range got.Findings {
				if !strings.HasSuffix(f.Detail, ".") || strings.Contains(f.Detail, "%!") {
					t.Errorf("not a sentence: %q", f.Detail)
				}
			}
		})
	}
}

func TestNormaliseRefuses(t *testing.T) {
	t.Parallel()

	deep := strings.Repeat(`{"a":[`, 200_000)
	tests := []struct{ name, profile, summary, items, want string }{
		{name: "an amount", summary: `{"details":[{},{"summary":{"pretaxTotal":"abc"}}]}`, want: `summary: details[1].summary.pretaxTotal: a text of 3 characters is not a number`},
		{name: "an amount at the root", summary: `{"tax":{"x":1}}`, want: `summary: tax: a JSON object is not a number`},
		{name: "a hostile amount", summary: `{"tax":1e999999999}`, want: `summary: tax: "1e999999999" is not a number`},
		{name: "a date", summary: `{"billingEndDate":"yesterday"}`, want: `summary: billingEndDate: a text of 9 characters is not a time`},
		{name: "a date as a number", summary: `{"billingEndDate":20261001}`, want: `summary: billingEndDate: a JSON number is not a time`},
		{name: "details that are no list", summary: `{"details":{"a":1}}`, want: `summary: details: a JSON object does not belong there`},
		{name: "a list", summary: `[1]`, want: `summary: the answer: a JSON array does not belong there`},
		{name: "half an answer", summary: `{"details":[`, want: `summary: the answer is not JSON`},
		{name: "a web page", summary: `<html>`, want: `summary: the answer is not JSON`},
		{name: "something behind", summary: `{"details":[]} x`, want: `summary: the answer is not JSON`},
		{name: "two marks", summary: "\ufeff\ufeff{}", want: `summary: the answer is not JSON`},
		{name: "endless depth", summary: deep, want: `summary: the answer is not JSON`},
		{name: "an item's amount on the second page", items: `{"items":[{},{"tax":1}]}` + "\n" + `{"items":[{"unitPrice":true}]}`, want: `line_items: items[2].unitPrice: a JSON bool is not a number`},
		{name: "items that state nothing", items: `{"items":[null,{},{"statusCode":500,"message":"x"}]}`, want: `line_items: the answer is not the requested document: none of its items has a field`},
		{name: "fewer items than counted", items: `{"totalCount":2,"items":[{"pretaxTotal":1}]}`, want: "line_items: the answer is not the requested document: it lists fewer"},
		{name: "two pages and one item too few", items: `{"totalCount":3,"items":[{"pretaxTotal":1}]}` + "\n" + `{"totalCount":3,"items":[{"pretaxTotal":1}]}`, want: "line_items: the answer is not the requested document: it lists fewer"},
		{name: "a page of customers", items: `{"totalCount":1,"items":[{"id":"276eed09-6525-4a94-9b5e-2171d52e1b7e","companyProfile":{}}]}`, want: `line_items: the answer is not the requested document: none of its items has a field`},
		{name: "something behind the items", items: `{"items":[]} x`, want: `line_items: is not JSON: something follows`},
		{name: "two objects in a line", items: `{"items":[]}{"items":[]}`, want: `line_items: is not JSON: something follows`},
		{name: "half a page of items", items: "{\"items\":[]}\n{\"items\":[", want: `line_items: the answer is not JSON`},
		{name: "items that are no list", items: `{"items":"secret"}`, want: `line_items: items: a JSON string does not belong there`},
		{name: "an item that is no object", items: `{"items":[5]}`, want: `line_items: items: a JSON number does not belong there`},
		{name: "a name that is an object", profile: `{"firstName":{"secret":1}}`, want: `profile: firstName: a JSON object does not belong there`},
		{name: "a phone number that is a list", profile: `{"defaultAddress":{"phoneNumber":["secret"]}}`, want: `profile: defaultAddress.phoneNumber: a JSON array does not belong there`},
		{name: "an item in two spellings", items: `{"items":[{"tax":1,"Tax":2}]}`, want: `line_items: the answer is not the requested document: a key is not spelt`},
		{name: "the second page is none", items: `{"items":[{"tax":1}]}` + "\n{}\n", want: `line_items: the answer is not the requested document: it has no items`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			docs := []billing.Document{}
			switch {
			case test.profile != "":
				docs = append(docs, profileDoc(test.profile))
			case test.summary != "":
				docs = append(docs, summaryDoc(test.summary))
			default:
				docs = append(docs, itemsDoc(test.items))
			}
			got, err := fetch.Normalise(asked, docs)
			if err == nil {
				t.Fatalf("no error, but %+v", got)
			}
			if !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %q, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the answer: %q", err)
			}
		})
	}
	for _, docs := range [][]billing.Document{{summaryDoc(`{"details":[]}`), summaryDoc(`{"details":[]}`)}, {{Kind: "other", HTTPStatus: 200}}} {
		if _, err := fetch.Normalise(asked, docs); err == nil {
			t.Errorf("no error for %+v", docs)
		}
	}
}

func TestNormaliseNoCosts(t *testing.T) {
	t.Parallel()

	for name, doc := range map[string]billing.Document{
		"404": {Kind: billing.SummaryDocument, HTTPStatus: 404, Body: []byte(`{"code":3000,"description":"no usage data"}`)},
		"204": {Kind: billing.SummaryDocument, HTTPStatus: 204},
	} {
		got, err := fetch.Normalise(asked, []billing.Document{doc})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Costs == nil || !got.NoCosts() || len(got.Costs.Details) != 0 || len(got.Findings) != 0 {
			t.Errorf("%s: %+v, %v", name, got.Costs, got.Findings)
		}
	}
}

func TestNormaliseItemsNeedASummary(t *testing.T) {
	t.Parallel()

	got, err := fetch.Normalise(asked, []billing.Document{itemsDoc(documentedItems)})
	if err != nil || got.LineItems != nil || got.Costs != nil || len(got.Documents) != 1 {
		t.Errorf("%+v, %v; want only the document", got, err)
	}
	got, err = fetch.Normalise(asked, []billing.Document{summaryDoc(`{"details":[]}`), itemsDoc(`{"items":[]}`)})
	if err != nil || got.LineItems == nil || len(got.LineItems) != 0 {
		t.Errorf("items %v, %v; want none, but not nil", got.LineItems, err)
	}
	// An earlier version archived an empty answer as an empty list.
	got, err = fetch.Normalise(asked, []billing.Document{summaryDoc(goodSummary), {Kind: billing.LineItemsDocument, HTTPStatus: 204}})
	if err != nil || got.LineItems != nil || got.Costs == nil {
		t.Errorf("items %v, %v; want that they are not known", got.LineItems, err)
	}
}

func TestNormalisePlacesItems(t *testing.T) {
	t.Parallel()

	at := func(start, currency string) string {
		return detail("Recurring", `"billingStartDate":"`+start+`","currencyCode":"`+currency+`"`)
	}
	summary := `{"billingStartDate":"2026-01-01","details":[` +
		at("2026-03-01", "USD") + `,` + at("2026-05-01", "USD") + `,` + at("2026-04-01", "EUR") + `,` + at("2026-06-01", "GBP") + `,` +
		detail("Usage", `"billingStartDate":"2026-07-01","currencyCode":"USD"`) + `]}`
	tests := []struct{ item, want string }{
		{item: `{"invoiceType":"Recurring","currencyCode":"USD"}`, want: "2026-05-01"},
		{item: `{"invoiceType":"recurring","currencyCode":"eur"}`, want: "2026-04-01"},
		{item: `{"invoiceType":"Recurring","currencyCode":"CHF"}`, want: "2026-06-01"},
		{item: `{"invoiceType":"Recurring"}`, want: "2026-06-01"},
		{item: `{"currencyCode":"USD"}`, want: "2026-01-01"},
		{item: `{"invoiceType":"OneTime","currencyCode":"USD"}`, want: "2026-01-01"},
		{item: `{"invoiceType":"uSAGE","currencyCode":"USD"}`, want: "2026-07-01"},
	}
	for _, test := range tests {
		got, err := fetch.Normalise(asked, []billing.Document{summaryDoc(summary), itemsDoc(`{"items":[` + test.item + `]}`)})
		if err != nil {
			t.Fatal(err)
		}
		if start := got.LineItems[0].SetStart; !start.Equal(day(t, test.want)) {
			t.Errorf("%s is placed at %s, want %s", test.item, start, test.want)
		}
	}
}

func TestNormaliseEncodings(t *testing.T) {
	t.Parallel()

	body := `{"companyName":"Zoë 𝄞 GmbH"}`
	var little, big []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + body)) {
		little = binary.LittleEndian.AppendUint16(little, unit)
		big = binary.BigEndian.AppendUint16(big, unit)
	}
	for name, encoded := range map[string][]byte{"UTF-8": []byte(body), "UTF-8 with a mark": []byte("\ufeff" + body), "UTF-16LE": little, "UTF-16BE": big} {
		got, err := fetch.Normalise(asked, []billing.Document{profileDoc(string(encoded))})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Profile.CompanyName != "Zoë 𝄞 GmbH" {
			t.Errorf("%s: %q", name, got.Profile.CompanyName)
		}
	}
	if _, err := fetch.Normalise(asked, []billing.Document{profileDoc(string(little[:len(little)-1]))}); err == nil {
		t.Error("half a character of UTF-16 at the end is no error")
	}
	if _, err := fetch.Normalise(asked, []billing.Document{profileDoc("{\"companyName\":\"Z\xeb\"}")}); err == nil {
		t.Error("a name that is not UTF-8 is no error")
	}
	got, err := fetch.Normalise(asked, []billing.Document{profileDoc(`{"companyName":"Zoë","email":"\ud834"}`)})
	if err != nil || got.Profile.CompanyName != "Zoë" || got.Profile.Email != "\ufffd" {
		t.Errorf("%+v, %v; want half a character replaced", got.Profile, err)
	}
}

func TestNormaliseNumbers(t *testing.T) {
	t.Parallel()

	for literal, want := range map[string]string{
		`2`: "2", `-87993.07`: "-87993.07", `17.219999999999999`: "17.219999999999999", `0.1999968000511991808131`: "0.1999968000511991808131",
		`"12.50"`: "12.5", `1.5E+2`: "150", `" 7 "`: "7",
	} {
		got, err := fetch.Normalise(asked, []billing.Document{summaryDoc(`{"pretaxTotal":` + literal + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		if total := got.Costs.Root.PretaxTotal; !total.Valid || total.Decimal.String() != want {
			t.Errorf("%s is %v, want %s", literal, total, want)
		}
	}
}
