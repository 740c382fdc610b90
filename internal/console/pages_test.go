package console_test

import (
	"encoding/csv"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/persist/pgtest"
)

func contains(t *testing.T, what, body string, texts ...string) {
	t.Helper()
	plain := html.UnescapeString(strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")), " "))
	for _, text := range texts {
		if !strings.Contains(body, text) && !strings.Contains(plain, text) {
			t.Errorf("%s does not say %q:\n%.2000s", what, text, plain)
		}
	}
}

func TestOverviewTellsOfTheNewestMonth(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	body := s.get("/", http.StatusOK)
	contains(t, "the overview", body,
		"<h1>October 2026</h1>", "Month October 2026 closed",
		"135,802 JPY", `title="≈ exactly 568.939999999999999">568.94</span>`, "+18.94 (+3.4 %) against 550.00",
		"Coverage 0.8 % 1 of 124", "Open findings 1 serious", "Restated 1 cost since yesterday", "Sign-ins 12 days left for contoso", "Last collected 2026-11-21 at 03:20 UTC",
		"1 in EUR: +18.94 EUR",
		"Adventure Works", "servicecosts/mostrecent: HTTP 403, code 20002: No relationship.",
		"20 min 0 s", `role="search"`, `<main id="main"`, "Skip to the content", `aria-sort="descending"`, `<th scope="row"`, `<caption`)
	for _, personal := range []string{"jo.private", "Josephine", "Privatova", "Secret Lane", "555-0199"} {
		if strings.Contains(body, personal) {
			t.Errorf("the overview shows personal data: %s", personal)
		}
	}
	if strings.Contains(body, "<b>Airlines") {
		t.Error("a company's name became markup")
	}
	earlier := s.get("/?month=2026-09", http.StatusOK)
	contains(t, "the month before", earlier, "<h1>September 2026</h1>", "550.00 EUR", "← August 2026", "October 2026 →")
	contains(t, "a month without costs", s.get("/?month=2020-01", http.StatusOK), "<h1>January 2020</h1>", "Month January 2020 no costs", `<option value="2020-01" selected>`, "September 2025 →")
	contains(t, "costs of no month", s.get("/?month=none", http.StatusOK), "no stated end")
	// No sum over currencies: no figure of the overview is larger than the largest currency's.
	if strings.Contains(body, "138,") {
		t.Error("amounts of different currencies were added")
	}
}

func TestEmptyDatabaseSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	body := s.get("/", http.StatusOK)
	contains(t, "the empty overview", body, "Nothing has been collected yet", "collector check", "collector run", "collector login")
	if strings.Contains(body, "<svg") {
		t.Error("an empty database has a chart")
	}
	if strings.Contains(body, "Invoices") {
		t.Error("the menu leads to invoices that are not there")
	}
	for path, want := range map[string]string{
		"/movers": "No customer's costs changed", "/restatements": "restated no cost", "/uncovered": "Every customer is covered", "/missing-costs": "Nothing is missing", "/invoices": "No invoice matches", "/reconciliation": "Every customer is billed", "/invoice-lines": "No lines match", "/changed-lines": "No restatement matches", "/findings": "There are no open findings", "/runs": "No run has started yet", "/now": "No partner is being collected, and none waits", "/machines": "No daemon takes part",
		"/costs": "No costs match", "/history": "No costs and no invoices match", "/customers": "No customer matches", "/lines": "No line items match", "/revisions": "No values match",
		"/totals": "No costs match", "/coverage": "No customer has been requested yet",
	} {
		contains(t, path, s.get(path, http.StatusOK), want)
	}
	if got := s.get("/csv/costs", http.StatusOK); !strings.HasPrefix(got, "\ufeffcompany_name,partner,customer_id") || strings.Count(got, "\n") != 1 {
		t.Errorf("the CSV of no rows is %q, want its header alone", got)
	}
}

func TestTablesSortPageAndDownload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	first := s.get("/costs?month=2026-10&currency=GBP&sort=after_tax_total", http.StatusOK)
	contains(t, "the first page", first, "1–100 of 120", "Next page", "Amounts in GBP", "11.00", `aria-sort="ascending"`)
	second := s.get("/costs?month=2026-10&currency=GBP&page=2&sort=after_tax_total", http.StatusOK)
	contains(t, "the second page", second, "101–120 of 120", "Previous page")
	if rows := regexp.MustCompile(`(?s)<tbody>.*</tbody>`).FindString(second); strings.Count(rows, "<tr>") != 20 {
		t.Errorf("the second page has %d rows, want 20", strings.Count(rows, "<tr>"))
	}
	down := s.get("/costs?month=2026-10&currency=GBP&sort=-after_tax_total", http.StatusOK)
	if up, largest := strings.Index(down, "11.00"), strings.Index(down, "142."); largest < 0 || up >= 0 && up < largest {
		t.Error("the largest amount does not come first")
	}
	file := s.fetch("/csv/costs?month=2026-10&sort=-after_tax_total")
	if got := file.header.Get("Content-Disposition"); got != `attachment; filename="costs-2026-10.csv"` {
		t.Errorf("Content-Disposition %q", got)
	}
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.body, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 1+4+120 {
		t.Fatalf("the CSV has %d records, want all 124 costs and a header", len(records))
	}
	column := map[string]int{}
	for i, name := range records[0] {
		column[name] = i
	}
	got := map[string]string{}
	for _, record := range records[1:] {
		if record[column["currency_code"]] != "GBP" {
			got[record[column["company_name"]]+" "+record[column["invoice_type"]]] = record[column["after_tax_total"]]
		}
	}
	want := map[string]string{
		"Adventure Works Recurring": "1969.00", "Adventure Works OneTime": "1114.30", "Blue Yonder <b>Airlines</b> Recurring": "568.939999999999999", "'=HYPERLINK(1) Recurring": "135801.60",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exact amounts in the CSV (-want +got):\n%s", diff)
	}
	for path, status := range map[string]int{
		"/costs?sort=nothing": 400, "/costs?page=0": 400, "/costs?page=99": 404, "/costs?month=october": 400, "/restatements?since=x": 400,
		"/customer?partner=contoso&customer=nobody": 400, "/customer?partner=contoso&customer=00000000-0000-4000-8000-00000000ffff": 404, "/customer": 400,
		"/origin?partner=contoso&customer=00000000-0000-4000-8000-000000000001": 400, "/nothing": 404, "/csv/nothing": 404, "/costs?partner=%00": 400,
		"/costs?partner=%ff": 400, "/?currency=a%c3": 400, "/findings?severity=%ff": 400, "/customers?q=%ff": 400, "/costs?type=%ed%a0%80": 400, "/costs?x=%00": 400,
		"/?%ff=x": 400, "/csv/costs?q=%ff": 400, "/costs?partner=%zz": 400, "/costs?partner=%c3%a9": 200,
		"/costs?month=none": 200, "/costs?currency=none": 200, "/invoice?partner=contoso&invoice=G1": 404, "/invoice": 400, "/customers?month=every&currency=every": 200, "/reconciliation?verdict=nothing": 200, "/csv/costs?sort=nothing": 400,
	} {
		s.get(path, status)
	}
}

func TestEveryTableSortsByEveryColumn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	s.bill()
	link := regexp.MustCompile(`href="(/[a-z-]+\?[^"]*sort=[^"]*)"`)
	for _, table := range []string{
		"totals", "movers", "missing-costs", "restatements", "coverage", "uncovered", "findings", "runs", "now", "machines", "sign-ins", "costs", "history", "customers", "lines", "changed-lines", "revisions",
		"invoices", "invoice-lines", "reconciliation", "reconciled",
	} {
		found := link.FindAllStringSubmatch(s.get("/"+table, http.StatusOK), -1)
		if len(found) < 2 && table != "missing-costs" {
			t.Errorf("%s has %d links that sort", table, len(found))
		}
		for _, match := range found {
			s.get(strings.ReplaceAll(match[1], "&amp;", "&"), http.StatusOK)
		}
	}
}

func TestFromTheMoverToTheOriginOfItsNumber(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	body := s.get("/movers?month=2026-10&currency=every", http.StatusOK)
	follow := func(pattern string) string {
		match := regexp.MustCompile(`href="(` + pattern + `[^"]*)"`).FindStringSubmatch(body)
		if match == nil {
			t.Fatalf("no link to %s in:\n%s", pattern, body)
		}
		return strings.ReplaceAll(match[1], "&amp;", "&")
	}
	contains(t, "the movers", body, "Adventure Works", "+275.00 USD", "+16.2 %")
	body = s.get(follow(`/customer\?customer=00000000-0000-4000-8000-000000000002`), http.StatusOK)
	contains(t, "the customer", body, "Blue Yonder &lt;b&gt;Airlines&lt;/b&gt;", "<h1>", "Power BI Pro", "0.1234", "An invented finding.", "+18.94 (+3.4 %) against 550.00", "← September 2026", "Last collected 2026-11-21 03:00")
	if n := strings.Count(body, `<svg class="chart"`); n != 1 {
		t.Errorf("the customer has %d charts, want one for its only currency", n)
	}
	body = s.get(follow(`/origin`), http.StatusOK)
	contains(t, "the origin", body, "Where 568.939999999999999 EUR comes from", "517.219999999999999 EUR before tax", "daily, started 2026-11-21 03:00", "restated 1 time",
		"+18.939999999999999 EUR : Power BI Pro changed (+18.94, 100 %); no line explains the rest (−0.000000000000001, 0 %). Collected on 2026-11-21 03:00.",
		"1 add up to 568.94 EUR, which differs from the amount by +0.000000000000001", "550.00", "collector explain --customer 00000000-0000-4000-8000-000000000002 --period 2026-10")
	if !regexp.MustCompile(`[0-9a-f]{64}`).MatchString(body) {
		t.Error("the origin names no SHA-256")
	}
	contains(t, "the search by name", s.get("/customers?q=adventure", http.StatusOK), "Adventure Works", "1–1 of 1")
	contains(t, "the search by id", s.get("/customers?q=00000000-0000-4000-8000-000000000003", http.StatusOK), "=HYPERLINK(1)", "1–1 of 1")
	contains(t, "the search for a wildcard", s.get("/customers?q=%25", http.StatusOK), "No customer matches")
}

func TestStaleSummariesSaySo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	if strings.Contains(s.get("/", http.StatusOK), "Not up to date") {
		t.Error("a finished run leaves stale months")
	}
	s.admin("UPDATE collector.cost_details SET tax = tax + 1, after_tax_total = after_tax_total + 1 WHERE currency_code = 'EUR'")
	contains(t, "the overview", s.get("/", http.StatusOK), "Not up to date:", "October 2026")
}

func TestReadingAsNobodyInParticularIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.url = s.serve(pgtest.Login(t, s.owner, ""))
	contains(t, "the refusal", s.get("/", http.StatusServiceUnavailable), "finance_reader", "GRANT")
}
