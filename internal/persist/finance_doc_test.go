package persist_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/finance"
	"partnercost/internal/sheet"
)

const financeDoc = "../../docs/finance.md"

// docMoment is the time of the questions in docs/finance.md. It decides which months
// are closed, and is later than all collections.
var docMoment = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// TestFinanceDocIsTrue runs every query of docs/finance.md on three nights of an
// invented partner, and compares the printed results and the tables of columns with the
// database.
func TestFinanceDocIsTrue(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.liveThreeNights()

	want, err := os.ReadFile(financeDoc)
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```sql\n(.*?)```\n\n```text\n.*?```")
	got := example.ReplaceAllStringFunc(string(want), func(block string) string {
		query := example.FindStringSubmatch(block)[1]
		return fmt.Sprintf("```sql\n%s```\n\n```text\n%s```", query, b.printed(query))
	})
	line := regexp.MustCompile(`(.{1,120})(?: |$)`) // documentation is wrapped at 120 columns
	columns := regexp.MustCompile(`(?s)<!-- columns of finance\.(\w+) -->.*?<!-- end -->`)
	got = columns.ReplaceAllStringFunc(got, func(block string) string {
		view := columns.FindStringSubmatch(block)[1]
		lines := b.query(`SELECT obj_description(('finance.' || $1)::regclass)`, view)
		lines[0] = line.ReplaceAllString(lines[0], "$1\n")
		lines = append(lines, "| column | type | meaning |", "|---|---|---|")
		lines = append(lines, b.query(`SELECT format('| %s | %s | %s |', attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum))
			FROM pg_attribute WHERE attrelid = ('finance.' || $1)::regclass AND attnum > 0 ORDER BY attnum`, view)...)
		return fmt.Sprintf("<!-- columns of finance.%s -->\n\n%s\n\n<!-- end -->", view, strings.Join(lines, "\n"))
	})
	for _, view := range b.query(`SELECT relname FROM pg_class WHERE relnamespace = 'finance'::regnamespace AND relkind = 'v'`) {
		if !strings.Contains(got, "<!-- columns of finance."+view+" -->") {
			t.Errorf("docs/finance.md does not explain finance.%s", view)
		}
	}
	if *update {
		if err := os.WriteFile(financeDoc, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/finance.md is not what the database answers, run: go test ./internal/persist -run FinanceDoc -update (-file +database):\n%s", diff)
	}
}

// liveThreeNights collects a partner whose customers show the purpose of the views: a
// restatement, types that move to the next period, another currency, a credit, no
// costs, a failure, an erasure.
func (b *fixture) liveThreeNights() {
	const coffee, works, winds, toys billing.CustomerID = "2b1c1a94-6a5d-4c3b-9a55-1c7c4b0f1d01", "5e0f7a36-91a4-4a0e-8a1b-6f2f64c6a002",
		"8d3c7f52-0c1e-4c7d-b1a3-0d9a5c3e9003", "c4a9e6d8-77b2-4f1d-9c0e-3b6d2e8f0004"
	named := func(s billing.Statement, company, country string) billing.Statement {
		s.Profile.CompanyName, s.Profile.Address.Country = company, country
		return s
	}
	taxed := func(d billing.CostDetail, currency, pretax, tax, total string) billing.CostDetail {
		d.CurrencyCode, d.PretaxTotal, d.Tax, d.AfterTaxTotal = currency, amount(pretax), amount(tax), amount(total)
		return d
	}
	licence := func(d billing.CostDetail, charge, quantity, price, pretax, tax string) billing.LineItem {
		i := item(d, charge, pretax)
		i.OfferName, i.Quantity, i.UnitPrice, i.Tax = "Microsoft 365 Business Basic", amount(quantity), amount(price), amount(tax)
		i.StartDate, i.EndDate = d.Period.Start.AddDate(0, 1, 0), d.Period.End.AddDate(0, 1, 0)
		return i
	}
	coffeeNight := func(recurringPretax, recurringTax, recurringTotal string, oneTimeMonth int, prorated billing.LineItem) billing.Statement {
		r := taxed(recurring(9, "0"), "USD", recurringPretax, recurringTax, recurringTotal)
		o := taxed(oneTime(oneTimeMonth, "0"), "USD", "20", "2", "22")
		return named(statement(coffee, both(r, o), licence(r, "CYCLE FEE", "10", "6", "60", "6"), prorated), "Fourth Coffee", "US")
	}
	worksNight := func(total string) billing.Statement {
		r := taxed(recurring(9, "0"), "EUR", total, "0", total)
		o := taxed(oneTime(9, "0"), "EUR", "40", "0", "40")
		return named(statement(works, both(r, o)), "Adventure Works", "DE")
	}
	one := licence(recurring(9, "0"), "CYCLE PRORATE", "1", "1.61", "1.61", "0.16")
	two := licence(recurring(9, "0"), "CYCLE PRORATE", "2", "1.61", "3.22", "0.32")
	b.collect(coffeeNight("60", "6", "66", 9, one), worksNight("-12.5"), named(statement(winds, nil), "Northwind Traders", "GB"))
	b.collect(coffeeNight("63.22", "6.32", "69.54", 10, two), worksNight("-12.5"))
	odd := named(statement(winds, both(detail("Marketplace", "2026-10-01", "2026-10-31", "", "99.95"))), "Northwind Traders", "GB")
	odd.Findings = []billing.Finding{{
		Kind: billing.CurrencyMissing, Severity: billing.Warning, Subject: "Marketplace 2026-10-01",
		Detail: "The Marketplace detail of the period from 2026-10-01 states no currency.",
	}}
	b.collect(coffeeNight("63.22", "6.32", "69.54", 10, two), odd, billing.Statement{CustomerID: toys, Failure: &billing.Failure{
		Class: billing.NoAccess, Resource: "servicecosts/mostrecent", HTTPStatus: 403, Code: "20002", Message: "No relationship between caller and account.",
	}}, billing.Statement{CustomerID: works, Failure: &billing.Failure{
		Class: billing.ServerFailure, Resource: "servicecosts/mostrecent", HTTPStatus: 503, Message: "The service is unavailable.",
	}})
	b.importRates(rate("2026-10-30", "EUR", "USD", "1.08", "ECB"))
	b.now = night(4)
	b.erase(works, billing.NameAndCountry)
	b.now = night(9)
	september := october("G000023114", billing.OneTime, "30")
	september.PeriodStart, september.PeriodEnd, september.Date = plainDay("2026-08-01"), plainDay("2026-08-31"), plainDay("2026-09-08")
	invoice := october("G000024130", billing.OneTime, "141.95")
	seats := billed(coffee, "22")
	seats.PretaxTotal, seats.Tax, seats.ProductName, seats.Quantity = amount("20"), amount("2"), "Power BI Pro", amount("2")
	late := billed(winds, "99.95")
	late.ProductName = "Lantern Mail Guard"
	own := billed("aaaaaaaa-0000-4000-8000-000000000001", "20")
	own.Own, own.CustomerName, own.ProductName = true, "Contoso", "Visual Studio Enterprise"
	b.bill([]billing.Invoice{september, invoice}, map[string][]billing.InvoiceLine{"G000023114": {billed(coffee, "30")}, "G000024130": {seats, late, own}})
}

// printed runs a query and prints its result as a plain table.
func (b *fixture) printed(query string) string { return b.printedBy(b.reader(b.url), query) }

func (b *fixture) printedBy(reader *finance.Reader, query string) string {
	b.t.Helper()
	var out strings.Builder
	report := finance.Report{Name: "a query of the documentation", SQL: query}
	if _, err := reader.Report(b.t.Context(), report, finance.Parameters{AsOf: docMoment}, sheet.NewText(&out)); err != nil {
		b.t.Fatal(err)
	}
	return out.String()
}
