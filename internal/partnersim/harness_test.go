package partnersim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
)

// service is a simulator behind a real server, with the requests that tests make.
type service struct {
	*partnersim.Simulator
	t      *testing.T
	server *httptest.Server
	client *http.Client
}

func start(t *testing.T, options partnersim.Options) *service {
	t.Helper()
	simulator := partnersim.New(options)
	server := httptest.NewServer(simulator)
	t.Cleanup(server.Close)
	// A client that reuses no connection never repeats a request by itself.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	return &service{Simulator: simulator, t: t, server: server, client: client}
}

// reply is an answer with its body as far as it arrived.
type reply struct {
	*http.Response
	body []byte
	err  error
}

func (s *service) do(method, path, body string, header ...string) reply {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer simulator")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		return reply{err: err}
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return reply{Response: response, body: read, err: err}
}

func (s *service) get(path string, header ...string) reply {
	s.t.Helper()
	r := s.do(http.MethodGet, path, "", header...)
	if r.err != nil {
		s.t.Fatalf("GET %s: %v", path, r.err)
	}
	return r
}

func (s *service) ids() []string { return slices.Collect(s.CustomerIDs()) }

// decode reads a JSON body without its byte order mark.
func decode[T any](t *testing.T, body []byte) T {
	t.Helper()
	var value T
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		t.Fatalf("body is not JSON: %v\n%s", err, body)
	}
	return value
}

// object is a JSON object read loosely.
type object map[string]any

func (o object) text(name string) string { s, _ := o[name].(string); return s }

func (o object) amount(t *testing.T, name string) billing.Amount {
	t.Helper()
	number, ok := o[name].(json.Number)
	if !ok {
		t.Fatalf("%s is %v, not a number", name, o[name])
	}
	a, err := billing.ParseAmount(number.String())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (o object) period(t *testing.T, from, to string) billing.Period {
	t.Helper()
	begin, err := billing.ParseTime(o.text(from))
	if err != nil {
		t.Fatal(err)
	}
	end, err := billing.ParseTime(o.text(to))
	if err != nil {
		t.Fatal(err)
	}
	return billing.Period{Start: begin, End: end}
}

func (o object) totals(t *testing.T) billing.CostTotals {
	t.Helper()
	return billing.CostTotals{
		Period:       o.period(t, "billingStartDate", "billingEndDate"),
		CurrencyCode: o.text("currencyCode"), CurrencySymbol: o.text("currencySymbol"),
		PretaxTotal: o.amount(t, "pretaxTotal"), Tax: o.amount(t, "tax"), AfterTaxTotal: o.amount(t, "afterTaxTotal"),
	}
}

// list returns the objects of an array.
func (o object) list(name string) []object {
	values, _ := o[name].([]any)
	objects := make([]object, 0, len(values))
	for _, v := range values {
		objects = append(objects, object(v.(map[string]any)))
	}
	return objects
}

func (o object) object(name string) object {
	inner, _ := o[name].(map[string]any)
	return inner
}

func decodeSummary(t *testing.T, body []byte) *billing.CostSummary {
	t.Helper()
	o := decode[object](t, body)
	summary := &billing.CostSummary{Root: o.totals(t), BodyCustomerID: o.text("customerId")}
	for _, d := range o.list("details") {
		summary.Details = append(summary.Details, billing.CostDetail{InvoiceType: billing.InvoiceType(d.text("invoiceType")), CostTotals: d.object("summary").totals(t)})
	}
	return summary
}

func decodeLineItems(t *testing.T, body []byte, details []billing.CostDetail) (items []billing.LineItem, customerName string) {
	t.Helper()
	items = []billing.LineItem{}
	for _, o := range decode[object](t, body).list("items") {
		dates := o.period(t, "startDate", "endDate")
		item := billing.LineItem{
			InvoiceType: billing.InvoiceType(o.text("invoiceType")), InvoiceNumber: o.text("invoiceNumber"), ChargeType: o.text("chargeType"),
			StartDate: dates.Start, EndDate: dates.End,
			SubscriptionID: o.text("subscriptionId"), SubscriptionFriendlyName: o.text("subscriptionFriendlyName"),
			OrderID: o.text("orderId"), OfferID: o.text("offerId"), OfferName: o.text("offerName"),
			ProductID: o.text("productId"), ProductName: o.text("productName"), SkuID: o.text("skuId"), SkuName: o.text("skuName"),
			AvailabilityID: o.text("availabilityId"), PublisherID: o.text("publisherId"), PublisherName: o.text("publisherName"),
			ResellerMPNID: o.text("resellerMPNId"), TermAndBillingCycle: o.text("termAndBillingCycle"), DiscountDetails: o.text("discountDetails"),
			Quantity: o.amount(t, "quantity"), UnitPrice: o.amount(t, "unitPrice"),
			PretaxTotal: o.amount(t, "pretaxTotal"), Tax: o.amount(t, "tax"), AfterTaxTotal: o.amount(t, "afterTaxTotal"),
			CurrencyCode: o.text("currencyCode"), CurrencySymbol: o.text("currencySymbol"),
		}
		for _, d := range details {
			if d.InvoiceType == item.InvoiceType {
				item.SetStart = d.Period.Start
			}
		}
		items, customerName = append(items, item), o.text("customerName")
	}
	return items, customerName
}

func decodeProfile(t *testing.T, body []byte) *billing.Profile {
	t.Helper()
	o := decode[object](t, body)
	a := o.object("defaultAddress")
	return &billing.Profile{
		ID: o.text("id"), FirstName: o.text("firstName"), LastName: o.text("lastName"), Email: o.text("email"),
		Culture: o.text("culture"), Language: o.text("language"), CompanyName: o.text("companyName"),
		OrganizationRegistrationID: o.text("organizationRegistrationId"),
		Address: billing.Address{
			ID: a.text("id"), Country: a.text("country"), Region: a.text("region"), City: a.text("city"), State: a.text("state"), District: a.text("district"),
			AddressLine1: a.text("addressLine1"), AddressLine2: a.text("addressLine2"), AddressLine3: a.text("addressLine3"), PostalCode: a.text("postalCode"),
			FirstName: a.text("firstName"), MiddleName: a.text("middleName"), LastName: a.text("lastName"),
			PhoneNumber: a.text("phoneNumber"), EmailAddress: a.text("emailAddress"),
		},
	}
}

// ask sends a request to a simulator without a network.
func ask(ctx context.Context, s *partnersim.Simulator, path string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	request.Header.Set("Authorization", "Bearer simulator")
	s.ServeHTTP(recorder, request)
	return recorder
}
