package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"partnercost/internal/billing"
	"partnercost/internal/persist/pgtest"
)

// lacks checks that a page does not say something.
func lacks(t *testing.T, what, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(body, text) {
			t.Errorf("%s says %q", what, text)
		}
	}
}

// partly collects September of two customers, and of October only what the first one has
// in one type: before the closing day, so that the month is open.
func (s *site) partly() {
	s.t.Helper()
	sale := func(month, pretax string) billing.CostDetail { return detail(billing.OneTime, month, "USD", pretax) }
	fee := func(month, pretax string) billing.CostDetail { return detail(billing.Recurring, month, "USD", pretax) }
	s.night(time.Date(2026, 10, 5, 2, 0, 0, 0, time.UTC), "contoso",
		statement(1, "Süd Bücher", both(fee("2026-08", "90"), sale("2026-08", "1"))), statement(2, "Nørd Æble", both(fee("2026-08", "10"), sale("2026-08", "1"))))
	s.night(time.Date(2026, 10, 6, 2, 0, 0, 0, time.UTC), "contoso",
		statement(1, "Süd Bücher", both(fee("2026-09", "100"), sale("2026-09", "1000"))), statement(2, "Nørd Æble", both(fee("2026-09", "10"), sale("2026-09", "2000"))))
	s.night(time.Date(2026, 11, 6, 2, 0, 0, 0, time.UTC), "contoso", statement(1, "Süd Bücher", both(fee("2026-10", "150"))))
	s.readAsOf("2026-11-07")
}

func TestAnOpenMonthSaysSoAndComparesLikeWithLike(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.partly()
	closed := s.get("/", http.StatusOK)
	contains(t, "the overview", closed, "<h1>September 2026</h1>", "Month September 2026 closed", "October 2026 →")
	lacks(t, "the overview of a closed month", closed, "This month is open", `url(#hatch)`)

	open := s.get("/?month=2026-10", http.StatusOK)
	contains(t, "the open month", open, "This month is open.", "Recurring costs of 1 of 2 customers have not come", "One-time costs of all 2 customers have not come", "its closing day is 15 November 2026",
		"Month October 2026 open: not complete yet", "Missing costs 3", "165.00 USD", "+55.00 (+50.0 %) against 110.00, of the same customers", "Recurring, October 2026: 165.00 USD (open)")
	if n := strings.Count(open, `url(#hatch)`); n != 1 {
		t.Errorf("%d parts of bars are hatched, want the one of October", n)
	}
	contains(t, "the totals", s.get("/totals?month=2026-10", http.StatusOK), "This month is open.", "Open", "110.00", "+55.00")
	list := s.get("/customers?month=2026-10", http.StatusOK)
	contains(t, "the customers", list, "This month is open.", "Süd Bücher", "165.00", "110.00", "+55.00", `class="last open"`)
	contains(t, "the customer", s.get("/customer?partner=contoso&customer=00000000-0000-4000-8000-000000000001&month=2026-10", http.StatusOK),
		"This month is open.", "+55.00 (+50.0 %) against 110.00", "← September 2026")
	contains(t, "the costs", s.get("/costs?month=2026-10", http.StatusOK), "This month is open.")
}

func TestMissingCostsAreListedAndCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.partly()
	body := s.get("/missing-costs?month=2026-10", http.StatusOK)
	contains(t, "the missing costs", body, "Missing costs October 2026", "Nørd Æble", "2,200.00", "11.00", "1,100.00", "1–3 of 3", "Recurring", "One-time")
	contains(t, "those of a type", s.get("/missing-costs?month=2026-10&type=Recurring", http.StatusOK), "Nørd Æble", "Amounts in USD", "11.00", "1–1 of 1")
	contains(t, "the closed month", s.get("/missing-costs", http.StatusOK), "Missing costs September 2026", "Nothing is missing")
	contains(t, "the CSV", s.get("/csv/missing-costs?month=2026-10&type=Recurring", http.StatusOK),
		"company_name,partner,customer_id,month,invoice_type,currency_code,last_after_tax,last_period_end,reason,overdue", "Nørd Æble,contoso,00000000-0000-4000-8000-000000000002,2026-10,Recurring,USD,11.00,2026-09-30,")
	contains(t, "the customer", s.get("/customer?partner=contoso&customer=00000000-0000-4000-8000-000000000002", http.StatusOK), "Missing costs", "2,200.00")
}

func TestSearchIgnoresCaseAndAccents(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.partly()
	for _, text := range []string{"sud", "SÜD", "bucher", "s%C3%BCd%20B"} {
		contains(t, "the search for "+text, s.get("/customers?q="+text, http.StatusOK), "Süd Bücher", "1–1 of 1")
	}
	contains(t, "the search for nord aeble", s.get("/customers?q=nord%20aeble", http.StatusOK), "Nørd Æble", "1–1 of 1")
}

func TestCustomersShowTheMonthTheOneBeforeAndATrend(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	body := s.get("/customers?currency=USD", http.StatusOK)
	contains(t, "the customers", body, "Customers October 2026", "Adventure Works", "3,083.30", "2,807.20", "+276.10", `<svg class="spark" role="img" aria-label="Trend of 12 months"`, "Amounts")
	if n := strings.Count(regexp.MustCompile(`<path d="([^"]*)"`).FindStringSubmatch(body)[1], "M"); n != 11 {
		t.Errorf("the trend has %d bars before the last one, want 11", n)
	}
	contains(t, "one type", s.get("/customers?currency=USD&type=OneTime&month=2026-09", http.StatusOK), "Customers September 2026", "1,113.20", "1,112.10", "+1.10")
	// The currency of most customers comes first, the others by their names.
	contains(t, "the first page", s.get("/customers", http.StatusOK), "1–100 of 120", "Amounts in GBP", "Contoso Branch 099")
	contains(t, "all currencies", s.get("/customers?currency=every", http.StatusOK), "1–100 of 124")
	contains(t, "the CSV", s.get("/csv/customers?currency=USD&month=2026-10", http.StatusOK), "after_tax_now,after_tax_before,difference", "3083.30,2807.20,276.10")
}

func TestInvoicesAreShownOnceThereAre(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	lacks(t, "the menu without invoices", s.get("/", http.StatusOK), `"/invoices`)
	s.bill()
	contains(t, "the menu", s.get("/runs", http.StatusOK), `<a href="/invoices">Invoices</a>`)
	list := s.get("/invoices", http.StatusOK)
	contains(t, "the invoices", list, "Invoices October 2026", "G1", "1,114.30 USD", "0.00 USD", "Complete", "D2", "590.94", "+3.00 EUR", "G3", "No data", "Reconciliation")
	for _, text := range []string{"not collected"} {
		lacks(t, "the invoices", list, text)
	}

	one := s.get("/invoice?partner=contoso&invoice=D2", http.StatusOK)
	contains(t, "the invoice", one, "<h1>Invoice D2</h1>", "Total 590.939999999999999 EUR", "Lines of customers 587.939999999999999 EUR", "Difference +3.00 EUR", "State Complete", "Period Oct 2026",
		"+3.00 EUR of the total belong to no customer", "Reconciliation of October 2026",
		"Power BI Pro", "Visio", "Customer 9", "Differences from the service costs", "+12.00", "Not known", "Invoice only", "Not collected")
	lacks(t, "the invoice", one, "customer=00000000-0000-4000-8000-000000000009", "SQL Server")
	contains(t, "an invoice that agrees", s.get("/invoice?partner=contoso&invoice=G1", http.StatusOK), "Difference none", "Every customer is billed what the service costs say", "SQL Server")
	contains(t, "an invoice without data", s.get("/invoice?partner=contoso&invoice=G3", http.StatusOK), "State No data yet", "not yet", "No lines match")

	month := s.get("/reconciliation", http.StatusOK)
	contains(t, "the reconciliation", month, "Reconciliation October 2026", "By type and currency", "EUR 2 0 1 587.94 568.94 +19.00", "Blue Yonder", "580.94", "568.94", "+12.00", "Differs", "Not known", "Customer 9", "Invoice only", "Not collected", "Invoices")
	lacks(t, "the differences", month, "Adventure Works", "matched<")
	contains(t, "all customers", s.get("/reconciliation?verdict=every", http.StatusOK), "Adventure Works", "Matched")
	contains(t, "the CSV", s.get("/csv/reconciliation?verdict=differences", http.StatusOK), "invoiced,service_costs,difference,verdict,reason", "580.939999999999999,568.939999999999999,12.000000000000000,differs,")
}

func TestCoverageJudgesEveryPart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	all := both(detail(billing.Recurring, "2026-10", "EUR", "1"))
	s.night(today.Add(-6*time.Hour), "contoso", statement(1, "Adventure Works", all), statement(2, "Blue Yonder", all))
	contains(t, "the coverage", s.get("/uncovered", http.StatusOK), "Every customer is covered.", "100.0 %", "collect.refresh")
	s.admin(`UPDATE collector.customer_reads SET profile_at = NULL, line_items_at = NULL
		WHERE customer_key = (SELECT customer_key FROM collector.customers WHERE customer_id = '00000000-0000-4000-8000-000000000002')`)
	body := s.get("/uncovered", http.StatusOK)
	contains(t, "the coverage", body, "Blue Yonder", "Profile", "50.0 %", "2026-11-21 03:00")
	lacks(t, "the coverage", body, "Adventure Works")
	contains(t, "the overview", s.get("/", http.StatusOK), "Coverage 50 % 1 of 2")
}

// What is the same in every row is said once, in the caption; amounts name their currency
// in each row only where there are several.
func TestTablesSayOnceWhatAllRowsShare(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	one := s.get("/costs?month=2026-10&currency=GBP", http.StatusOK)
	contains(t, "the costs", one, "Partner: contoso", "Type: Recurring", "Amounts in GBP")
	lacks(t, "the rows", regexp.MustCompile(`(?s)<tbody>.*</tbody>`).FindString(one), "contoso<", "GBP<", ">Recurring<")
	contains(t, "several currencies", s.get("/costs?month=2026-10&currency=every&sort=company_name", http.StatusOK), `<span class="unit">GBP</span>`, `<span class="unit">USD</span>`)
	contains(t, "a column that sorts", s.get("/costs?month=2026-10&currency=GBP&sort=partner", http.StatusOK), ">Partner</a>")
}

func TestIncreasesWarnAndSavingsDoNot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.partly()
	up := s.get("/movers?month=2026-09", http.StatusOK)
	contains(t, "an increase", up, `<td class="num up">&#43;1,098.90</td>`)
	// September fell to nothing for whom October has not come: nobody saved anything yet.
	lacks(t, "the page", s.get("/", http.StatusOK), "≈ ", ">≈")
}

// The page of the runs begins with what the machines do now, and leads to the machines.
func TestWhatTheMachinesDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.work()
	s.admin(`INSERT INTO collector.runs (run_id, partner, kind, scope, started_at, finished_at, status, version, machine, resumes) VALUES
		('00000000-0000-4000-9000-000000000001', 'busy', 'daily', 'all', '2026-11-21 02:30Z', '2026-11-21 02:40Z', 'interrupted', 'v1', 'east', NULL),
		('00000000-0000-4000-9000-000000000002', 'busy', 'daily', 'rest', '2026-11-21 02:41Z', NULL, 'running', 'v1', 'west', '00000000-0000-4000-9000-000000000001')`)
	page := s.get("/runs", http.StatusOK)
	contains(t, "the runs", page, "Now", "busy", "west", "east", "2026-11-21 02:41", "Waits for a free machine", "Waits for another attempt", `href="/machines"`)
	contains(t, "one partner", s.get("/now?partner=busy", http.StatusOK), "Running", "west", "east")
	lacks(t, "one partner", s.get("/now?partner=busy", http.StatusOK), "Waits for")
	contains(t, "the machines", s.get("/machines", http.StatusOK), "east", "west", "64")
}

func TestEveryPageWithATableOffersItForExcel(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	s.bill()
	for _, page := range []string{
		"/", "/totals", "/movers", "/restatements", "/coverage", "/uncovered", "/findings", "/runs", "/now", "/machines", "/sign-ins", "/costs", "/history", "/customers", "/lines", "/changed-lines", "/revisions",
		"/invoices", "/invoice-lines", "/reconciliation", "/reconciled", "/customer?partner=contoso&customer=00000000-0000-4000-8000-000000000001", "/invoice?partner=contoso&invoice=D2",
	} {
		body := s.get(page, http.StatusOK)
		contains(t, page, body, "Excel", "CSV")
		for _, match := range regexp.MustCompile(`href="(/xlsx/[^"]*)"`).FindAllStringSubmatch(body, -1) {
			if names := s.workbook(strings.ReplaceAll(match[1], "&amp;", "&")).GetSheetList(); len(names) != 2 || names[1] != "Notes" {
				t.Errorf("%s has the sheets %q", match[1], names)
			}
		}
		for _, match := range regexp.MustCompile(`href="(/csv/[^"]*)"`).FindAllStringSubmatch(body, -1) {
			if file := s.get(strings.ReplaceAll(match[1], "&amp;", "&"), http.StatusOK); !strings.HasPrefix(file, "\ufeff") || strings.Contains(file, ",=HYPERLINK") || strings.Contains(file, "\n=HYPERLINK") {
				t.Errorf("%s is not made for Excel: %.200q", match[1], file)
			}
		}
	}
}

func TestMonthsAreComparedInOneCurrency(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	body := s.get("/totals?month=every", http.StatusOK)
	contains(t, "the totals of all months", body, "Currency: GBP", `<option value="GBP" selected>`, `<th scope="row" class="when"><span>2026-10</span></th>`, "1–2 of 2")
	contains(t, "the totals in all currencies", s.get("/totals?month=every&currency=every", http.StatusOK), `<span>USD</span></th>`, "1–58 of 58")
	contains(t, "the totals of a month", s.get("/totals?month=2026-10", http.StatusOK), `<span>USD</span></th>`, "1–5 of 5")
}

func TestHistoryHasInvoicesWhereThereAreNoServiceCosts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	lacks(t, "the customer without invoices", s.get("/customer?partner=contoso&customer=00000000-0000-4000-8000-000000000002", http.StatusOK), `href="/history`)
	s.bill()
	contains(t, "the costs", s.get("/costs?month=2026-10", http.StatusOK), `<a href="/history?month=2026-10">History</a>`)
	body := s.get("/history?month=2026-10&currency=EUR", http.StatusOK)
	contains(t, "the history", body, "Blue Yonder &lt;b&gt;Airlines&lt;/b&gt;", "568.94", ">Collected</a>", "Customer 9", "7.00", ">Invoice</a>", "1–2 of 2", `aria-current="page">Costs`, `<a href="/costs?month=2026-10">Costs</a>`)
	lacks(t, "the history", body, "580.94", "587.94", "customer=00000000-0000-4000-8000-000000000009&amp;partner=contoso\">Customer 9")
	for pattern, want := range map[string][]string{
		`/invoice-lines\?[^"]*`:                   {"Visio", "7.00", "1–1 of 1"},
		`/costs\?currency=EUR&amp;customer=[^"]*`: {"568.94", "1–1 of 1"},
	} {
		match := regexp.MustCompile(`href="(` + pattern + `)"`).FindStringSubmatch(body)
		if match == nil {
			t.Fatalf("no link %s in:\n%s", pattern, body)
		}
		contains(t, match[1], s.get(strings.ReplaceAll(match[1], "&amp;", "&"), http.StatusOK), want...)
	}
	contains(t, "the CSV", s.get("/csv/history?month=2026-10&currency=EUR&sort=after_tax_total", http.StatusOK), "2026-10,Recurring,EUR,7,invoice", "2026-10,Recurring,EUR,568.939999999999999,servicecosts")
	contains(t, "the history of every month", s.get("/history?month=every&currency=EUR", http.StatusOK), "October 2026", "1–2 of 2")
	// Of a month before the collector was there, the page of the customer tells too.
	const customer = "/customer?partner=contoso&customer=00000000-0000-4000-8000-000000000002"
	lacks(t, "the customer whose costs are all collected", s.get(customer, http.StatusOK), `<h2 id="history">`)
	s.admin("UPDATE collector.invoices SET month = '2025-07-01' WHERE invoice_id = 'D2'")
	contains(t, "the customer", s.get(customer, http.StatusOK), `<h2 id="history">History</h2>`, `href="/history?customer=00000000-0000-4000-8000-000000000002`)
}

// workbook downloads one.
func (s *site) workbook(path string) *excelize.File {
	s.t.Helper()
	file, err := excelize.OpenReader(strings.NewReader(s.get(path, http.StatusOK)))
	if err != nil {
		s.t.Fatalf("%s: %v", path, err)
	}
	s.t.Cleanup(func() { _ = file.Close() })
	return file
}

func TestAWorkbookHasTheRowsOfThePageAndSaysWhatTheyAre(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	const path = "/xlsx/costs?month=2026-10&currency=EUR"
	if got, want := s.fetch(path).header.Get("Content-Disposition"), `attachment; filename="costs-2026-10-EUR.xlsx"`; got != want {
		t.Errorf("Content-Disposition %q, want %q", got, want)
	}
	file := s.workbook(path)
	rows, err := file.GetRows("Costs")
	if err != nil {
		t.Fatal(err)
	}
	// A customer's amount of eighteen digits is text, as no number of Excel holds it.
	want := [][]string{
		{"company_name", "partner", "customer_id", "invoice_type", "period_start", "period_end", "currency_code", "pretax_total", "tax", "after_tax_total", "revisions", "last_changed_at", "origin", "ordinal"},
		{"Blue Yonder <b>Airlines</b>", "contoso", "00000000-0000-4000-8000-000000000002", "Recurring", "2026-10-01", "2026-10-31", "EUR", "517.219999999999999", "51.72 EUR", "568.939999999999999", "1", "2026-11-21 03:00:00", "servicecosts", "1"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("the rows (-want +got):\n%s", diff)
	}
	notes, err := file.GetRows("Notes")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{
		{"table", "Costs"},
		{"shows", "An amount after tax leads to where it comes from."},
		{"month", "October 2026"},
		{"currency", "EUR"},
		{"as of", "2026-11-21T09:00:00Z"},
		{"written", "2026-11-21T09:00:00Z by collector v1.2.3"},
		{"coverage of contoso", "1 of 124 customers were collected in full within 26 hours before 2026-11-21T09:00:00Z"},
		{"2026-10 OneTime USD", "closed; nothing is missing, partner contoso"},
		{"2026-10 Recurring EUR", "closed; nothing is missing, partner contoso"},
		{"2026-10 Recurring GBP", "closed; nothing is missing, partner contoso"},
		{"2026-10 Recurring JPY", "closed; nothing is missing, partner contoso"},
		{"2026-10 Recurring USD", "closed; nothing is missing, partner contoso"},
		{"rows", "1"},
		{"numbers", "as numbers; those of more than 15 digits, which Excel cannot hold exactly, as text: 2 here"},
	}, notes); diff != "" {
		t.Errorf("the notes (-want +got):\n%s", diff)
	}
	s.get("/xlsx/costs?sort=nothing", http.StatusBadRequest)
	s.get("/xlsx/nothing", http.StatusNotFound)
}

// Somebody who may read finance and nothing else sees all pages.
func TestPagesNeedNoMoreThanFinance(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.live()
	s.bill()
	s.url = s.serve(pgtest.Login(t, s.owner, "finance_reader"))
	for _, page := range []string{
		"/", "/?month=2026-09", "/totals", "/movers", "/missing-costs", "/restatements", "/coverage", "/uncovered", "/findings", "/runs", "/now", "/machines", "/sign-ins", "/costs", "/history", "/customers?q=a", "/customers",
		"/lines", "/changed-lines", "/revisions", "/invoices", "/invoice-lines", "/reconciliation", "/reconciled", "/invoice?partner=contoso&invoice=D2",
		"/customer?partner=contoso&customer=00000000-0000-4000-8000-000000000002",
		"/origin?partner=contoso&customer=00000000-0000-4000-8000-000000000002&type=Recurring&start=2026-10-01&currency=EUR",
	} {
		s.get(page, http.StatusOK)
	}
}
