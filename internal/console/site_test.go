package console_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
	"partnercost/internal/console"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
	"partnercost/internal/persist/nights"
	"partnercost/internal/persist/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// today is when the tests look at the console: the morning after the last night.
var today = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// site is a console on a database of its own, which it reads as a login that may
// collect, and nothing more.
type site struct {
	t     *testing.T
	owner string
	login string
	url   string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, owner: pgtest.New(t)}
	s.login = pgtest.Login(t, s.owner, "collector_writer")
	s.url = s.serve(s.login)
	return s
}

// admin runs a statement as the owner of the database.
func (s *site) admin(statement string) {
	s.t.Helper()
	db, err := sql.Open("pgx", s.owner)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		s.t.Fatal(err)
	}
}

// serve serves a console that reads with a login.
func (s *site) serve(login string) string {
	s.t.Helper()
	reader, err := finance.Open(login)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = reader.Close() })
	left := 12
	handler, err := console.New(console.Options{
		Listen: "127.0.0.1:0", Begin: reader.Begin, Now: func() time.Time { return today }, Version: "v1.2.3",
		SignIns: func() []console.SignIn {
			return []console.SignIn{{Partner: "contoso", Mode: "app_user", DaysLeft: &left, Warning: true}, {Partner: "fabrikam", Mode: "token"}}
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	s.t.Cleanup(server.Close)
	return server.URL
}

// get returns the body of a page that must have a status.
func (s *site) get(path string, status int) string {
	s.t.Helper()
	a := s.fetch(path)
	if a.status != status {
		s.t.Fatalf("%s: status %d, want %d:\n%s", path, a.status, status, a.body)
	}
	return a.body
}

func (s *site) fetch(path string) answer {
	s.t.Helper()
	return fetch(s.t, http.MethodGet, s.url+path)
}

// answer is what the console has said.
type answer struct {
	status int
	header http.Header
	body   string
}

func fetch(t *testing.T, method, address string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{r.StatusCode, r.Header, string(body)}
}

// night collects statements as one run, at a time.
func (s *site) night(at time.Time, partner string, statements ...billing.Statement) {
	s.t.Helper()
	store, err := persist.Open(s.t.Context(), persist.Options{URL: s.owner, MaxConnections: 2, Now: func() time.Time { return at.Add(20 * time.Minute) }})
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	run := billing.Run{ID: runID(at, partner), Partner: partner, Kind: billing.KindDaily, StartedAt: at, Version: "v1.2.3"}
	nights.Collect(s.t, store, run, statements...)
}

func runID(at time.Time, partner string) string {
	return fmt.Sprintf("00000000-0000-4000-9000-%04d%08d", len(partner), at.Unix()/60%100_000_000)
}

func customerID(n int) billing.CustomerID {
	return billing.CustomerID(fmt.Sprintf("00000000-0000-4000-8000-%012d", n))
}

func amount(text string) billing.Amount {
	return decimal.NewNullDecimal(decimal.RequireFromString(text))
}

// detail is a calendar month's cost, with a tax of a tenth.
func detail(kind billing.InvoiceType, month, currency, pretax string) billing.CostDetail {
	start, err := time.Parse("2006-01", month)
	if err != nil {
		panic(err)
	}
	before := decimal.RequireFromString(pretax)
	tax := before.Div(decimal.NewFromInt(10)).Round(2)
	return billing.CostDetail{InvoiceType: kind, CostTotals: billing.CostTotals{
		Period:       billing.Period{Start: start, End: start.AddDate(0, 1, 0).Add(-time.Microsecond)},
		CurrencyCode: currency, PretaxTotal: decimal.NewNullDecimal(before), Tax: decimal.NewNullDecimal(tax), AfterTaxTotal: decimal.NewNullDecimal(before.Add(tax)),
	}}
}

func line(d billing.CostDetail, offer, pretax string) billing.LineItem {
	return billing.LineItem{
		InvoiceType: d.InvoiceType, SetStart: d.Period.Start, ChargeType: "CYCLE FEE", OfferName: offer, Quantity: amount("3"), UnitPrice: amount("0.1234"),
		PretaxTotal: amount(pretax), Tax: d.Tax, AfterTaxTotal: decimal.NewNullDecimal(decimal.RequireFromString(pretax).Add(d.Tax.Decimal)), CurrencyCode: d.CurrencyCode,
	}
}

// statement is a complete answer about a customer. The profile holds what no page may
// show.
func statement(n int, company string, details []billing.CostDetail, items ...billing.LineItem) billing.Statement {
	return billing.Statement{
		CustomerID: customerID(n),
		Profile: &billing.Profile{
			ID: "p", CompanyName: company, Email: "jo.private@example.com", FirstName: "Josephine", LastName: "Privatova",
			Address: billing.Address{Country: "US", AddressLine1: "99 Secret Lane", PhoneNumber: "555-0199"},
		},
		Costs:     &billing.CostSummary{BodyCustomerID: string(customerID(n)), Details: details},
		LineItems: append([]billing.LineItem{}, items...),
		Documents: []billing.Document{
			{Kind: billing.ProfileDocument, HTTPStatus: http.StatusOK, Body: fmt.Append(nil, "profile ", n)},
			{Kind: billing.SummaryDocument, HTTPStatus: http.StatusOK, Body: fmt.Append(nil, "summary ", n, details)},
			{Kind: billing.LineItemsDocument, HTTPStatus: http.StatusOK, Body: fmt.Append(nil, "items ", n, items)},
		},
	}
}

func both(details ...billing.CostDetail) []billing.CostDetail { return details }

// live collects fourteen months: a customer that grows, one that is restated last
// night, one that refuses access, one whose name is a formula, and in the last two
// months 120 that stay the same.
func (s *site) live() {
	s.t.Helper()
	first := time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)
	for n := range 14 {
		month := first.AddDate(0, n, 0).Format("2006-01")
		at := first.AddDate(0, n+1, 4).Add(2 * time.Hour)
		growing := detail(billing.Recurring, month, "USD", fmt.Sprint(100+n*n*10))
		bought := detail(billing.OneTime, month, "USD", fmt.Sprint(1000+n))
		restated := detail(billing.Recurring, month, "EUR", "500.00")
		statements := []billing.Statement{
			statement(1, "Adventure Works", both(growing, bought), line(growing, "Microsoft 365 Business Basic", fmt.Sprint(100+n*n*10)), line(bought, "SQL Server", "999")),
			statement(2, "Blue Yonder <b>Airlines</b>", both(restated), line(restated, "Power BI Pro", "500.00")),
			statement(3, "=HYPERLINK(1)", both(detail(billing.Recurring, month, "JPY", "123456"))),
		}
		for c := range 120 {
			if n < 12 {
				break
			}
			statements = append(statements, statement(100+c, fmt.Sprintf("Contoso Branch %03d", c), both(detail(billing.Recurring, month, "GBP", fmt.Sprintf("%d.%02d", 10+c, c%100)))))
		}
		s.night(at, "contoso", statements...)
	}
	last := "2026-10"
	changed := detail(billing.Recurring, last, "EUR", "517.219999999999999")
	again := statement(2, "Blue Yonder <b>Airlines</b>", both(changed), line(changed, "Power BI Pro", "517.22"))
	again.Findings = []billing.Finding{{Kind: billing.LineItemsCountMismatch, Severity: billing.Serious, Subject: "Recurring", Detail: "An invented finding."}}
	s.night(today.Add(-6*time.Hour), "contoso", again, billing.Statement{
		CustomerID: customerID(4),
		Failure:    &billing.Failure{Class: billing.NoAccess, Resource: "servicecosts/mostrecent", HTTPStatus: http.StatusForbidden, Code: "20002", Message: "No relationship."},
	})
	s.work()
}

// work has two machines at work on partners of their own: one was taken over from the
// other, and two wait.
func (s *site) work() {
	s.t.Helper()
	s.admin(`INSERT INTO collector.machines (process_id, machine, version, partners_at_once, started_at, seen_at)
		VALUES (gen_random_uuid(), 'east', 'v1.2.3', 1, now(), now()), (gen_random_uuid(), 'west', 'v1.2.3', 64, now(), now())`)
	s.admin(`INSERT INTO river.river_job (kind, state, args) VALUES
		('night', 'available', '{"partner": "waiting", "tick": "2026-11-21T02:30:00Z"}'), ('night', 'retryable', '{"partner": "unlucky", "tick": "2026-11-21T02:30:00Z"}')`)
}

// invoiceOf is an invoice of October 2026 in a currency.
func invoiceOf(id string, kind billing.InvoiceType, currency, total string) billing.Invoice {
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			panic(err)
		}
		return at
	}
	return billing.Invoice{
		ID: id, Type: kind, DocumentType: "invoice", Date: day("2026-11-08"), PeriodStart: day("2026-10-01"), PeriodEnd: day("2026-10-31"),
		Total: amount(total), CurrencyCode: currency, Parts: []billing.InvoicePart{{Provider: "one_time", LineType: "billing_line_items"}},
	}
}

func billedLine(n int, product, currency, total string) billing.InvoiceLine {
	return billing.InvoiceLine{
		Class: billing.ExportedLine, CustomerID: customerID(n), CustomerName: fmt.Sprint("Customer ", n), ProductName: product, ChargeType: "Purchase", Quantity: amount("2"),
		PretaxTotal: amount(total), Tax: amount("0"), AfterTaxTotal: amount(total), CurrencyCode: currency,
	}
}

// bill stores the invoices of October: one that agrees with the costs of customer 1, one
// that bills 12 more than those of customer 2, names another whom nobody collects, and
// leaves 3 to no customer; and one without data.
func (s *site) bill() {
	s.t.Helper()
	at := today.Add(-5 * time.Hour)
	store, err := persist.Open(s.t.Context(), persist.Options{URL: s.owner, MaxConnections: 2, Now: func() time.Time { return at }})
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	run := billing.Run{ID: runID(at, "contoso"), Partner: "contoso", Kind: billing.KindOnce, StartedAt: at, Version: "v1.2.3"}
	all := []billing.Invoice{
		invoiceOf("G1", billing.OneTime, "USD", "1114.30"), invoiceOf("D2", billing.Recurring, "EUR", "590.939999999999999"), invoiceOf("G3", billing.OneTime, "JPY", "5"),
	}
	list := []byte("list")
	var wanted []persist.NewLoad
	for _, i := range all {
		wanted = append(wanted, persist.NewLoad{InvoiceID: i.ID, Source: billing.FromV2, Part: i.Parts[0], State: persist.LoadExpected})
	}
	if _, err := store.SaveInvoices(s.t.Context(), run, all, []billing.InvoiceBody{{Content: list, Hash: sha256.Sum256(list)}}, wanted); err != nil {
		s.t.Fatal(err)
	}
	loads, err := store.InvoiceLoads(s.t.Context(), "contoso")
	if err != nil {
		s.t.Fatal(err)
	}
	lines := map[string][]billing.InvoiceLine{
		"G1": {billedLine(1, "SQL Server", "USD", "1000"), billedLine(1, "Azure", "USD", "114.30")},
		"D2": {billedLine(2, "Power BI Pro", "EUR", "580.939999999999999"), billedLine(9, "Visio", "EUR", "7")},
	}
	for _, load := range loads {
		load.AskedAt, load.AskedTotal = at, load.Total
		set := lines[load.InvoiceID]
		if set == nil {
			load.State = persist.LoadNoData
			err = store.NoteLoad(s.t.Context(), run, load, nil)
		} else {
			body := fmt.Append(nil, load.InvoiceID)
			_, err = store.SaveLines(s.t.Context(), run, load, billing.LineSet{
				Source: billing.FromV2, ETag: "1", Bodies: []billing.InvoiceBody{{Content: body, Hash: sha256.Sum256(body)}},
				Lines: func(yield func(billing.InvoiceLine, error) bool) {
					for _, line := range set {
						if !yield(line, nil) {
							return
						}
					}
				},
			})
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := store.ReconcileInvoices(s.t.Context(), run); err != nil {
		s.t.Fatal(err)
	}
}

// readAsOf lets whoever reads the database judge its months as of a day.
func (s *site) readAsOf(day string) {
	s.t.Helper()
	s.admin(fmt.Sprintf(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET "finance.as_of" = %%L', current_database(), '%s'); END $$`, day))
	s.url = s.serve(s.login) // whose connections are new
}
