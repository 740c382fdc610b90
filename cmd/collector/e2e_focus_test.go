package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
)

// focusRules is the directory of the specification's rules and of the programs that
// evaluate them. They are not part of the repository.
const focusRules = "../../../shared/focus"

// focusYear is a store with a clock that the test sets.
type focusYear struct {
	*site
	store *persist.Store
	now   time.Time
	runs  int
}

func newFocusYear(t *testing.T) *focusYear {
	t.Helper()
	y := &focusYear{site: newSite(t, partnersim.Options{})}
	store, err := persist.Open(t.Context(), persist.Options{URL: y.url, MaxConnections: 2, Now: func() time.Time { return y.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	y.store = store
	return y
}

// collect stores the statements of a day.
func (y *focusYear) collect(t *testing.T, day string, statements ...billing.Statement) {
	t.Helper()
	y.now = instant(day)
	y.runs++
	run := billing.Run{ID: fmt.Sprintf("00000000-0000-4000-9000-%012d", y.runs), Partner: "contoso", Kind: billing.KindOnce, StartedAt: y.now, Version: "test"}
	for i := range statements {
		statements[i].FetchedAt = y.now
	}
	err := y.store.BeginRun(t.Context(), run)
	for batch := range slices.Chunk(statements, 500) {
		if err == nil {
			_, err = y.store.Write(t.Context(), run, batch)
		}
	}
	if err == nil {
		err = y.store.FinishRun(t.Context(), run, billing.StatusSucceeded, billing.Tally{Total: len(statements)}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func instant(day string) time.Time {
	at, err := billing.ParseTime(day)
	if err != nil {
		panic(err)
	}
	return at
}

// liveDemoYear collects twelve months of a simulated partner as the demo does. Each month
// is collected when it is new, and again when a part of it has been restated, which is
// after its one-time costs are closed.
func (y *focusYear) liveDemoYear(t *testing.T, customers int) {
	t.Helper()
	sim := partnersim.New(partnersim.Options{Customers: customers, LineItemsPerCustomer: 2, Seed: 16, NoAccess: 0.02, Start: instant("2025-09-01")})
	truth := func() (statements []billing.Statement) {
		for id := range sim.CustomerIDs() {
			statement, _ := sim.Expected(id)
			statements = append(statements, statement)
		}
		return statements
	}
	for month := range 12 {
		next := instant("2025-10-01").AddDate(0, month, 0)
		y.collect(t, next.AddDate(0, 0, 3).Format(time.DateOnly), truth()...)
		sim.Advance(partnersim.Step{Restate: 0.04})
		y.collect(t, next.AddDate(0, 0, 19).Format(time.DateOnly), truth()...)
		sim.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
	}
}

// liveOddYear collects customers with everything that the demo lacks: names that change,
// profiles that cannot be read, many currencies and an invalid one, 22 decimals,
// restatements after the closing, periods whose end moves or was wrong, third-party
// products, commitments that are bought and refunded, and lines with few fields.
func (y *focusYear) liveOddYear(t *testing.T) {
	t.Helper()
	for month := range 12 {
		next := instant("2025-10-01").AddDate(0, month, 0)
		y.collect(t, next.AddDate(0, 0, 3).Format(time.DateOnly), oddMonth(month, false)...)
		y.collect(t, next.AddDate(0, 0, 19).Format(time.DateOnly), oddMonth(month, true)...)
	}
}

// oddMonth returns the statements of the odd customers about a month: those of the month
// itself or, if later is set, the corrected ones.
func oddMonth(month int, later bool) []billing.Statement {
	begin := instant("2025-09-01").AddDate(0, month, 0)
	oneTime := billing.Period{Start: begin, End: begin.AddDate(0, 1, 0).Add(-time.Microsecond)}
	recurring := billing.Period{Start: begin.AddDate(0, 0, 4), End: begin.AddDate(0, 1, 3)}
	names := []string{"Northwind Traders", "Northwind Traders GmbH", "Südwind"}

	renamed := oddCustomer("01", names[month/4%3])
	renamed.add(billing.OneTime, oneTime, "EUR", oddLines(later)...)
	renamed.add(billing.OneTime, oneTime, "JPY", "PURCHASE FEE|Windows Server 2025|DG7GMGF0D5RK|0005|3|1500|4500|450")
	renamed.add(billing.Recurring, recurring, "USD", "CYCLE FEE|Office 365 E3||O365E3|10|20.5|205|20.5", "CANCEL_PRORATE|Office 365 E3||O365E3|2|-1.25|-2.5|-0.25")

	unread := oddCustomer("02", "")
	unread.CustomerName = names[month/6%2]
	unread.add(billing.Recurring, recurring, "GBP", "CYCLE_FEE|Visio Plan 2||VISIO|4|15|60|12")
	nameless := oddCustomer("03", "")
	nameless.add(billing.Recurring, recurring, "CHF") // it has a total and no lines
	nameless.Costs.Details[0].PretaxTotal = dec("17.219999999999999")
	if later {
		nameless.Costs.Details[0].PretaxTotal = dec("19.5")
	}

	tiny := oddCustomer("04", "Tiny Sums")
	tiny.add(billing.OneTime, oneTime, "USD",
		"ASSESS USAGE FEE FOR CURRENT CYCLE|Azure Plan|DZH318Z0BPS6|0001|3|0.1999968000511991808131|0.5999904001535975424393|0.0599990400153597542439",
		"CYCLE_USAGEFEE|Azure Plan|DZH318Z0BPS6|0001|0.125|0.1999968000511991808131|0.0249996000063998976016|0",
		"CANCEL_USAGEFEE|Azure Plan|DZH318Z0BPS6|0001|7|-0.01|-0.07|0")
	tiny.add("Support", oneTime, "EURO", "PURCHASE FEE|Support|||1|1|1|0")
	tiny.add("Support", oneTime, "XAU", "PURCHASE FEE|Support|||1|1|1|0")

	moved := oddCustomer("05", "Moved Ends")
	wrong := recurring
	switch {
	case !later:
		wrong.End = wrong.Start.AddDate(0, 0, -30) // a mistake that is corrected later
	case month%2 == 0:
		wrong.End = wrong.End.AddDate(0, 0, 1)
	}
	moved.add(billing.Recurring, wrong, "CAD", "CYCLE FEE|Power BI Pro||PBI|1|10|10|0.5")
	long := billing.Period{Start: begin.AddDate(0, -1, 0), End: begin.AddDate(0, 0, -1)}
	if later {
		long.End = long.End.AddDate(0, 0, 2)
	}
	moved.add("Marketplace", long, "CAD", fmt.Sprintf("PURCHASE FEE|Driftwood Backup|DZH318Z09ZZ2|0001|1|%d|%[1]d|1", 10+month))
	moved.Costs.Details[1].PretaxTotal = dec(map[bool]string{false: "10", true: "12.5"}[later])
	return []billing.Statement{renamed.Statement, unread.Statement, nameless.Statement, tiny.Statement, moved.Statement}
}

// oddLines are lines with every kind of charge type, price and identity.
func oddLines(later bool) []string {
	lines := []string{
		"PURCHASE FEE|Reserved VM Instance|DZH318Z0BQ3Q|00JC|2|497|994|198.8", "ONE_TIME_REFUND|Reserved VM Instance|DZH318Z0BQ3Q|00JC|1|-497|-497|-99.4",
		"PURCHASE DISCOUNT|Reserved VM Instance|DZH318Z0BQ3Q|00JC|1|-10|-10|-2", "CREDIT|Reserved VM Instance|DZH318Z0BQ3Q|00JC|1|5|-5|-1",
		"PURCHASE FEE|Azure savings plan for compute|DZH318Z0SAVE|0001|1|8760|8760|0", "ONE_TIME_REFUND|Azure savings plan for compute|DZH318Z0SAVE|0001||| -100|0",
		"PURCHASE FEE|Lantern Mail Guard|DZH318Z09ZZ1|0003|5|17.22|86.1|17.22", "CYCLE_DISCOUNT|Lantern Mail Guard|DZH318Z09ZZ1|0003|5|-1.72|-8.6|-1.72",
		"PURCHASE_FEE|Driftwood Backup|DZH318Z09ZZ2|0001|1|99|90|18", "CREDIT|Driftwood Backup|DZH318Z09ZZ2|0001|1|-9|-9|0",
		"PURCHASE FEE|Shared Offer||SHARED|1|5|5|1", "PURCHASE FEE|Shared Offer|DZH318Z0AAAA|0001|1|6|6|1", "PURCHASE FEE|Shared Offer|DZH318Z0BBBB|0001|1|7|7|1",
		"OFFSET_LINEITEM|N/A|-1|N/A|||-3|0", "ACTIVATION_DISCOUNT|Microsoft Security||SEC|2|1.5|3|0", "PURCHASE FEE|Developer Tools|DEVT||1|9|9|0",
		"RENEW_PRORATE|Office 365 E3||O365E3|0|20|0|0", "TAX_REFUND|Office 365 E3||O365E3|||-0.3|0", "PURCHASE FEE|Visual Studio||VS|||49|9.8",
	}
	if later {
		lines[6] = "PURCHASE FEE|Lantern Mail Guard|DZH318Z09ZZ1|0003|6|17.22|103.32|20.66"
	}
	return lines
}

// oddStatement builds a statement detail by detail.
type oddStatement struct{ billing.Statement }

// oddCustomer returns a customer. Without a company name, its profile cannot be read.
func oddCustomer(number, company string) *oddStatement {
	s := &oddStatement{billing.Statement{CustomerID: billing.CustomerID("00000000-0000-4000-8000-0000000000" + number), Costs: &billing.CostSummary{}, LineItems: []billing.LineItem{}}}
	if company == "" {
		s.Failure = &billing.Failure{Class: billing.NoAccess, Resource: "profiles/billing", HTTPStatus: 403, Code: "20002", Message: "no", Attempts: 1}
		return s
	}
	s.Profile, s.CustomerName = &billing.Profile{ID: "p", CompanyName: company, Address: billing.Address{Country: "DE"}}, company
	return s
}

func dec(s string) billing.Amount {
	if s = strings.TrimSpace(s); s == "" {
		return billing.Amount{}
	}
	return decimal.NewNullDecimal(decimal.RequireFromString(s))
}

// add adds lines of the form charge type|name|product|SKU or offer|quantity|price|pretax|
// tax, and a detail whose total is their sum and one cent.
func (s *oddStatement) add(invoiceType billing.InvoiceType, period billing.Period, currency string, lines ...string) {
	pretax, tax := decimal.RequireFromString("0.01"), decimal.Zero
	for i, line := range lines {
		f := strings.Split(line, "|")
		item := billing.LineItem{
			InvoiceType: invoiceType, SetStart: period.Start, InvoiceNumber: "T000000042", ChargeType: f[0], StartDate: period.Start, EndDate: period.Start.AddDate(1, 0, -1),
			OrderID: fmt.Sprint("ORDER", i), OfferName: f[1], ProductName: f[1], ProductID: f[2], ResellerMPNID: "-1", DiscountDetails: "N/A", CurrencyCode: currency,
			Quantity: dec(f[4]), UnitPrice: dec(f[5]), PretaxTotal: dec(f[6]), Tax: dec(f[7]),
		}
		if item.ProductID == "" {
			item.OfferID = f[3]
		} else {
			item.SkuID, item.AvailabilityID = f[3], "DZH318Z0F2RN"
		}
		switch f[1] {
		case "Lantern Mail Guard":
			item.PublisherName = "Lantern & Sons, Inc."
		case "Driftwood Backup":
			item.PublisherName = "Driftwood Zürich AG"
		}
		if f[1] == "Shared Offer" {
			item.OfferID = "SHARED"
		}
		pretax, tax = pretax.Add(item.PretaxTotal.Decimal), tax.Add(item.Tax.Decimal)
		s.LineItems = append(s.LineItems, item)
	}
	s.Costs.Details = append(s.Costs.Details, billing.CostDetail{InvoiceType: invoiceType, CostTotals: billing.CostTotals{
		Period: period, CurrencyCode: currency, PretaxTotal: decimal.NewNullDecimal(pretax), Tax: decimal.NewNullDecimal(tax),
		AfterTaxTotal: decimal.NewNullDecimal(pretax.Add(tax)),
	}})
}

// exports writes every month that has billing periods, in both versions.
func (y *focusYear) exports(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	for _, month := range y.query(t, `SELECT DISTINCT to_char("BillingPeriodEnd" AT TIME ZONE 'UTC' - interval '1 day', 'YYYY-MM') FROM finance.focus_billing_period ORDER BY 1`) {
		for _, version := range []string{"1.2", "1.4"} {
			file := filepath.Join(y.dir, version+"-"+month[0]+".csv")
			y.collector(t, "export", "--focus-version", version, "--period", month[0], "--out", file).want(t, 0)
			files[version] = append(files[version], file)
		}
	}
	return files
}

// focusDocs is what docs/focus.md says about rules and columns.
type focusDocs struct {
	// rules are the ids, or the texts, of the rules that are broken, and whether the test has
	// seen them broken.
	rules map[string]*atomic.Bool
	// columns are the columns of each version, and whether they are given, null or absent.
	columns map[string]map[string]string
}

func readFocusDocs(t *testing.T) focusDocs {
	t.Helper()
	content, err := os.ReadFile("../../docs/focus.md")
	if err != nil {
		t.Fatal(err)
	}
	e := focusDocs{rules: map[string]*atomic.Bool{}, columns: map[string]map[string]string{}}
	for _, table := range regexp.MustCompile(`(?s)<!-- columns of FOCUS (1\.\d) -->(.*?)<!-- end -->`).FindAllStringSubmatch(string(content), -1) {
		e.columns[table[1]] = map[string]string{}
		for _, row := range regexp.MustCompile(`(?m)^\| (\w+) \| (given|null|absent) \|`).FindAllStringSubmatch(table[2], -1) {
			e.columns[table[1]][row[1]] = row[2]
		}
	}
	_, table, _ := strings.Cut(string(content), "<!-- rules that break -->")
	table, _, _ = strings.Cut(table, "<!-- end -->")
	for row := range strings.Lines(table) {
		which := row[:strings.LastIndex(strings.TrimSuffix(strings.TrimSpace(row), "|"), "|")+1] // without the reason
		for _, rule := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(which, -1) {
			e.rules[rule[1]] = &atomic.Bool{}
		}
	}
	return e
}

// verdict is the output of a program that evaluates rules.
type verdict struct {
	text string
	// broken are lines of the output by the id, or the text, of the rule.
	broken map[string]string
	// absent are the columns of the version that the export lacks.
	absent []string
}

// judge runs the program that evaluates the rules of a version.
func judge(t *testing.T, program, rules string, files []string) verdict {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "python3", append([]string{filepath.Join(focusRules, program), rules}, files...)...).CombinedOutput()
	v := verdict{text: string(out), broken: map[string]string{}}
	// A line is such as "  SkuId-C-005-C: 12 | SkuId MUST …" or "FAIL a refund is Purchase …: 12 of 40; e.g. …".
	for _, line := range regexp.MustCompile(`(?m)^(?:  ([\w-]+): \d+ \||FAIL (.*): \d+ of \d+; e\.g\.).*`).FindAllStringSubmatch(v.text, -1) {
		v.broken[line[1]+line[2]] = line[0]
	}
	_, absent, _ := strings.Cut(v.text, "  absent: ")
	for _, column := range regexp.MustCompile(`\('(\w+)', '`).FindAllStringSubmatch(absent, -1) {
		v.absent = append(v.absent, column[1])
	}
	if err != nil && len(v.broken) == 0 || !strings.Contains(v.text, " rows") {
		t.Fatalf("%s %s: %v\n%s", program, rules, err, out)
	}
	return v
}

// TestFocusByTheRulesOfTheSpecification checks the exports of two years by the rules of
// FOCUS. The broken rules are exactly those that docs/focus.md explains.
func TestFocusByTheRulesOfTheSpecification(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(focusRules); err != nil {
		t.Logf("left out: the rules of the specification are not here: %v", err)
		return
	}
	docs := readFocusDocs(t)
	years := map[string]*focusYear{"demo": newFocusYear(t), "odd": newFocusYear(t)}
	years["demo"].liveDemoYear(t, 1000)
	years["odd"].liveOddYear(t)
	t.Cleanup(func() { // after the subtests
		for rule, seen := range docs.rules {
			if !seen.Load() {
				t.Errorf("docs/focus.md says that %s breaks, but it holds", rule)
			}
		}
	})
	for name, year := range years {
		files := year.exports(t)
		for _, by := range []struct{ program, rules, version string }{
			{"rows.py", "1.2", "1.2"}, {"rows.py", "1.4", "1.4"}, {"literal.py", "model-1.2.json", "1.2"}, {"literal.py", "model-1.3.json", "1.4"},
		} {
			t.Run(name+" "+by.program+" "+by.rules, func(t *testing.T) {
				t.Parallel()
				docs.explain(t, judge(t, by.program, by.rules, files[by.version]), by.version)
			})
		}
	}
}

// explain fails the test if the verdict has a broken rule that is not explained. It records
// the rules that are.
func (d focusDocs) explain(t *testing.T, v verdict, version string) {
	t.Helper()
	for id, what := range v.broken {
		if seen, known := d.rules[id]; known {
			seen.Store(true)
		} else {
			t.Errorf("docs/focus.md does not explain %s: %s", id, what)
		}
	}
	for _, column := range v.absent {
		removed := version == "1.4" && (column == "ProviderName" || column == "PublisherName")
		if d.columns[version][column] != "absent" && !removed {
			t.Errorf("docs/focus.md does not explain that FOCUS %s has no column %s", version, column)
		}
	}
	summary, _, _ := strings.Cut(v.text, "\n")
	t.Logf("%s; %d broken and explained", summary, len(v.broken))
}
