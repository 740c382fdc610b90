package collector

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

// documentedInvoices answers like the pages of Microsoft's documentation, with their
// members, forms and misspellings, and with invented values. Each page with a link to a
// next one is followed by an empty page.
func documentedInvoices(w http.ResponseWriter, r *http.Request) {
	later := strings.Contains(r.URL.RawQuery, "seekOperation=Next") || r.URL.Query().Has("offset")
	if strings.HasSuffix(r.URL.RawQuery, "size=2?seekOperation=Next") && !strings.HasSuffix(r.Header.Get("MS-ContinuationToken"), ",0d81c700-0000-4b13-9129-ffd5620f72e7") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	file := map[string]string{
		"/v1/invoices": "list.1", "/v1/invoices/summaries": "summaries", "/v1/invoices/G000071135": "by-id",
		"/v1/invoices/Recurring-D0300017QX/lineitems/Office/BillingLineItems": "licences",
		"/v1/invoices/Recurring-D0300017QX/lineitems/Azure/BillingLineItems":  "azure",
		"/v1/invoices/OneTime-G000071130/lineitems/OneTime/BillingLineItems":  "empty",
		"/v1/invoices/G000071131/lineitems":                                   "amendment",
		"/v1/invoices/OneTime-G000071135/lineitems/OneTime/BillingLineItems":  "one-time",
		"/v1/invoices/OneTime-G000071140/lineitems/all/BillingLineItems":      "rated-usage",
		"/v1/invoices/OneTime-G000071140/lineitems/Azure/BillingLineItems":    "azure-usage",
	}[r.URL.Path]
	switch {
	case file == "list.1" && r.URL.Query().Get("offset") == "2":
		file = "list.2"
	case strings.Contains(r.URL.Path, "/lineitems") && later:
		file = "empty"
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if file == "empty" {
		_, _ = w.Write([]byte(`{"totalCount":0,"items":[],"attributes":{"objectType":"Collection"}}`)) // an error only means that the client is gone
		return
	}
	body, err := os.ReadFile(filepath.Join("testdata", "invoices", file+".json"))
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		body = []byte(`{"code":2000,"description":"Not found"}`)
	}
	_, _ = w.Write(body) // an error only means that the client is gone
}

// The documented lines of all five classes are stored as they are: a class of daily usage
// only where a part of billed lines lists it.
func TestDocumentedInvoicesAreStoredAsTheyAre(t *testing.T) {
	t.Parallel()
	i := install(t, partnersim.Options{Customers: 1, Seed: 7})
	service := httptest.NewServer(http.HandlerFunc(documentedInvoices))
	t.Cleanup(service.Close)
	p := &i.Config.Partners[0]
	p.BaseURL, p.Invoices = service.URL, config.Invoices{Enabled: true}
	if r := i.night(Request{Only: OnlyInvoices}); r.Status != billing.StatusSucceeded || r.Invoices.Failed > 0 || r.Invoices.Read != 7 || r.Invoices.Changed != 5 {
		t.Fatalf("%+v, %+v", r, r.Invoices)
	}
	const lines = `SELECT concat_ws('|', invoice_id, source, class, month, coalesce(customer_id::text, '-'), coalesce(company_name, '-'), invoice_type, coalesce(charge_type, '-'),
		coalesce(charge_start::text, '-'), coalesce(charge_end::text, '-'), coalesce(subscription_id, '-'), coalesce(order_id, '-'), coalesce(offer_id, '-'), coalesce(product_id, '-'), coalesce(sku_id, '-'),
		coalesce(product_name, '-'), coalesce(quantity::text, '-'), coalesce(unit_price::text, '-'), coalesce(pretax_total::text, '-'), coalesce(tax::text, '-'), coalesce(after_tax_total::text, '-'),
		coalesce(currency_code, '-')) FROM finance.invoice_lines ORDER BY invoice_id, class, ordinal`
	want := []string{
		"D0300017QX|v1|LicenseBasedLineItem|2026-09-01|a1a1a1a1-0001-4a00-ac1d-00000000aebe|NORTHWIND TRADERS|Recurring|Cycle fee|2026-09-20|2026-10-19|5F58ACD7-0000-4705-9567-D009C9ADA150|567000000559164136|" +
			"2F707C7C-0000-49A5-A437-9CA7CF40D3EB|-|-|MAIL (PLAN 2)|3|12.5|37.0|7.03|44.03|EUR",
		"D0300017QX|v1|LicenseBasedLineItem|2026-09-01|a1a1a1a1-0001-4a00-ac1d-00000000aebe|NORTHWIND TRADERS|Recurring|Cycle fee|2026-09-20|2026-10-19|D8A8F773-0000-4244-8797-3182075F09FA|567000000564795186|" +
			"69C67983-0000-4102-83F6-3E5FD246864F|-|-|FILES (PLAN 2)|1|0.0|0.0|0.0|0.0|EUR",
		"D0300017QX|v1|UsageBasedLineItem|2026-09-01|b2b2b2b2-0002-4208-9735-8c85ac000000|Fabrikam|Recurring|Assess usage fee for current cycle|2026-09-20|2026-10-19|87f4b92f-0000-485e-ad34-5b70cb000000|568297985427000000|" +
			"-|-|7UD-00001|Azure App Service|745|0.15217449|113.37|21.54|134.91|EUR",
		"D0300017QX|v1|UsageBasedLineItem|2026-09-01|b2b2b2b2-0002-4208-9735-8c85ac000000|Fabrikam|Recurring|Assess usage fee for current cycle|2026-09-20|2026-10-19|87f4b92f-0000-485e-ad34-5b70cb000000|568297985427000000|" +
			"-|-|7UD-00001|Storage|0.000882|0|0|0|0|EUR",
		"G000071131|v1|OneTimeInvoiceLineItem|2026-10-01|c3c3c3c3-0003-482e-b059-a15a38000000|Adatum|OneTime|cancel|-|-|281e26fe-0000-415b-911c-f39232000000|NeqT31Kziwf8gkCXM9YQToWTqU-9Jbm81|" +
			"-|DZH318Z0BBBB|001F|Reserved machine, 3 years|1|100|-100|-7.66|-107.66|CHF",
		"G000071135|v1|OneTimeInvoiceLineItem|2026-10-01|c3c3c3c3-0003-482e-b059-a15a38000000|Adatum|OneTime|New|-|-|281e26fe-0000-415b-911c-f39232000000|QDOx5ZN3YR9uYhm4M1MGQJ_0nievUOrx1|" +
			"-|DZH318Z0AAAA|0001|Example product|0.0159369774|431.8|431.8|38.87|470.67|USD",
		"G000071135|v1|OneTimeInvoiceLineItem|2026-10-01|c3c3c3c3-0003-482e-b059-a15a38000000|Adatum|OneTime|addQuantity|2026-10-04|2026-10-31|281e26fe-0000-415b-911c-f39232ea904a|QDOx5ZN3YR9uYhm4M1MGQJ_0nievUOrx1|" +
			"-|DZH318Z0AAAA|0002|Example product|4|16|64.00|19.03|83.03|USD",
		"G000071140|v1|DailyRatedUsageLineItem|2026-10-01|-|-|OneTime|new|2026-10-01|2026-11-01|12345678-0000-4a85-8fd0-91a87c261bc4|-|-|-|-|Example on Windows|23.200004|0.0209496384791679|0.486031696515249|-|-|USD",
		"G000071140|v1|DailyUsageLineItem|2026-10-01|b2b2b2b2-0002-4208-9735-8c85ac000000|FABRIKAM|OneTime|-|2026-08-05|2026-09-04|F9BA6DA0-0000-4F88-B623-313C9B9C117A|568297985577171353|-|-|-|STORAGE|2.9616|-|-|-|-|-",
	}
	if diff := cmp.Diff(want, i.lines(lines)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	wantInvoices := []string{
		"D0300017QX Recurring invoice - 2026-10-21 - - EUR 178.94 178.94 0 complete",
		"G000071130 OneTime void_note - 2026-11-08 - - CHF 0 0 0 complete",
		"G000071131 OneTime adjustment_note G000071130 2026-11-08 - - CHF -107.66 -107.66 0 complete",
		"G000071135 OneTime invoice - 2026-11-08 2026-10-01 2026-10-31 USD 553.7 553.70 0 complete",
		"G000071140 OneTime invoice - 2026-11-08 - - USD 0.49 0 0.49 complete",
	}
	got := i.lines(`SELECT concat_ws(' ', invoice_id, invoice_type, document_type, coalesce(amends, '-'), invoice_date, coalesce(period_start::text, '-'), coalesce(period_end::text, '-'),
		currency_code, total, lines_total, trim_scale(difference), state) FROM finance.invoices ORDER BY invoice_id`)
	if diff := cmp.Diff(wantInvoices, got); diff != "" {
		t.Errorf("invoices (-want +got):\n%s", diff)
	}
	wantLoads := []string{
		"D0300017QX azure/billing_line_items loaded", "D0300017QX azure/usage_line_items left_out", "D0300017QX office/billing_line_items loaded", "G000071130 one_time/billing_line_items loaded",
		"G000071131 one_time/billing_line_items loaded", "G000071135 one_time/billing_line_items loaded", "G000071135 one_time/usage_line_items left_out", "G000071140 all/billing_line_items loaded",
		"G000071140 azure/billing_line_items loaded",
	}
	if diff := cmp.Diff(wantLoads, i.lines(`SELECT concat_ws(' ', invoice_id, part, state) FROM collector.invoice_loads JOIN collector.invoices USING (invoice_key) ORDER BY invoice_id, part`)); diff != "" {
		t.Errorf("loads (-want +got):\n%s", diff)
	}
	// The findings follow the calendar.
	tracker := pgtest.Track(t, i.url, slices.DeleteFunc(slices.Clone(invoiceFacts), func(table string) bool { return table == "collector.findings" })...)
	i.clock.advance(7 * 24 * time.Hour)
	if r := i.night(Request{Only: OnlyInvoices}); r.Invoices.Read == 0 || r.Invoices.LinesChanged > 0 || r.Invoices.Changed > 0 {
		t.Errorf("a second time: %+v", r.Invoices)
	}
	if changes := tracker.Changes(t); changes != "" {
		t.Errorf("a second time facts are written:\n%s", changes)
	}
}
