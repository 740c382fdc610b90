package collector

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

const ownTenant = "0a0a0a0a-0000-4000-8000-000000000000"

// installInvoices is an installation that reads invoices, with Microsoft Graph.
func installInvoices(t *testing.T, customers int, o partnersim.Invoices) *installation {
	t.Helper()
	o.Tenant = ownTenant
	i := install(t, partnersim.Options{Customers: customers, Seed: 7, Invoices: &o})
	p := &i.Config.Partners[0]
	p.Invoices = config.Invoices{Enabled: true, Graph: config.Graph{
		Given: true, TenantID: ownTenant, ClientID: ownTenant, ClientSecret: config.NewSecret("secret"), BaseURL: p.BaseURL, LoginURL: p.BaseURL,
	}}
	return i
}

func september(months int) time.Time {
	return time.Date(2026, time.September+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
}

// row returns an unmatched row of finance.invoice_reconciliation, in words.
func row(customer string, kind billing.InvoiceType, currency string, difference decimal.Decimal, reason string) string {
	return strings.Join([]string{customer, string(kind), currency, difference.String(), reason}, " ")
}

// sorted returns the rows of a query with one text column, in Go's order.
func (i *installation) sorted(query string) []string {
	i.t.Helper()
	all := i.lines(query)
	slices.Sort(all)
	return all
}

// value returns the only value of a query, as text.
func (i *installation) value(query string) string {
	i.t.Helper()
	return i.lines("SELECT coalesce((" + query + ")::text, '')")[0]
}

func (i *installation) differences(month time.Time) []string {
	i.t.Helper()
	return i.sorted(`SELECT concat_ws(' ', customer_id, invoice_type, currency_code, trim_scale(difference), coalesce(reason, '')) FROM finance.invoice_reconciliation
		WHERE verdict <> 'matched' AND month = '` + month.Format(time.DateOnly) + `'`)
}

// costsOf returns the costs of a customer that the service states now for a type, by
// currency.
func (i *installation) costsOf(id string, kind billing.InvoiceType) map[string]decimal.Decimal {
	s, _ := i.sim.Expected(id)
	sums := map[string]decimal.Decimal{}
	if s.Costs == nil {
		return sums
	}
	for _, d := range s.Costs.Details {
		if d.InvoiceType == kind && !d.AfterTaxTotal.Decimal.IsZero() {
			sums[d.CurrencyCode] = sums[d.CurrencyCode].Add(d.AfterTaxTotal.Decimal)
		}
	}
	return sums
}

// For a month that was collected completely, the reconciliation shows exactly the
// planted differences, to the last digit, and those that follow from customers that
// left and from an invoice without data.
func TestReconciliationFindsWhatIsPlanted(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 80, partnersim.Invoices{Back: 1, Plant: true, NoData: []string{"CHF"}, Unlisted: []string{"GBP"}, LinesAPage: 50})
	i.night(Request{})
	i.sim.Advance(partnersim.Step{OneTimeMonths: 1, Restate: 0.2})
	i.night(Request{})
	i.sim.Advance(partnersim.Step{RecurringMonths: 1, Restate: 0.2})
	i.night(Request{})
	recurring := map[string]bool{} // the customers whose Recurring period of November is stored
	for _, id := range i.ids() {
		if s, _ := i.sim.Expected(id); s.Costs != nil {
			recurring[id] = slices.ContainsFunc(s.Costs.Details, func(d billing.CostDetail) bool {
				return d.InvoiceType == billing.Recurring && d.Period.End.Month() == time.November && !d.AfterTaxTotal.Decimal.IsZero()
			})
		}
	}

	reasons := map[string]string{}
	var october []string
	for _, p := range i.sim.Planted() {
		if p.Month.Equal(september(1)) && p.CustomerID != "" && !(p.Currency == "CHF" && p.InvoiceType == billing.OneTime) {
			october = append(october, row(p.CustomerID, p.InvoiceType, p.Currency, p.Difference, p.Reason))
		}
	}
	for _, id := range i.ids() {
		if late, ok := i.costsOf(id, billing.OneTime)["CHF"]; ok {
			october = append(october, row(id, billing.OneTime, "CHF", late.Neg(), "late data"))
		}
	}
	slices.Sort(october)
	if diff := cmp.Diff(october, i.differences(september(1))); diff != "" || len(october) < 20 {
		t.Errorf("October, %d differences (-want +got):\n%s", len(october), diff)
	}
	documents := i.value(`SELECT string_agg(DISTINCT document_type || right(invoice_id, 1), ' ') FROM finance.invoices WHERE currency_code = 'GBP' AND invoice_type = 'OneTime' AND (amends IS NULL) = (right(invoice_id, 1) = '0')`)
	if documents != "adjustment_note1 adjustment_note3 invoice0 void_note2" {
		t.Errorf("documents of an invoice that is not on the list: %s", documents)
	}
	wantTotals := []string{}
	for _, p := range i.sim.Planted() {
		if p.CustomerID == "" {
			wantTotals = append(wantTotals, p.Invoice+" "+p.Difference.String())
		}
	}
	slices.Sort(wantTotals)
	if diff := cmp.Diff(wantTotals, i.sorted(`SELECT invoice_id || ' ' || trim_scale(difference) FROM finance.invoices WHERE difference <> 0`)); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	if states := i.value(`SELECT string_agg(DISTINCT state || ' ' || currency_code || ' ' || invoice_type, ', ') FROM finance.invoices WHERE state <> 'complete'`); states != "no_data CHF OneTime" {
		t.Errorf("states: %s", states)
	}

	// Some customers leave before their purchases of November are collected, and are billed
	// for them.
	i.sim.SetNoData()
	before := i.ids()
	i.sim.Advance(partnersim.Step{OneTimeMonths: 1, Leave: 0.15})
	i.night(Request{RetireAll: true})
	here := map[string]bool{}
	for _, id := range i.ids() {
		here[id] = true
	}
	for _, p := range i.sim.Planted() {
		if p.Month.Equal(september(2)) {
			reasons[p.CustomerID+p.Currency] = p.Reason
		}
	}
	var november []string
	billed := i.sim.BilledIn(september(2), billing.OneTime)
	for _, id := range append(before, ownTenant, "0ddba110-0000-4000-8000-000000000000") {
		costs := i.costsOf(id, billing.OneTime)
		for _, currency := range []string{"USD", "EUR", "GBP", "CHF", "JPY", "CAD"} {
			difference := billed[id][currency].Sub(costs[currency])
			reason := reasons[id+currency]
			if slices.Contains(before, id) && !here[id] {
				reason = "not collected"
				if recurring[id] {
					reason = "customer gone"
				}
			}
			if !difference.IsZero() {
				november = append(november, row(id, billing.OneTime, currency, difference, reason))
			}
		}
	}
	slices.Sort(november)
	got := i.differences(september(2))
	if diff := cmp.Diff(november, got); diff != "" || !slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, "customer gone") }) {
		t.Errorf("November (-want +got):\n%s", diff)
	}
	if late := i.value(`SELECT count(*) FROM finance.invoice_reconciliation WHERE reason = 'late data'`); late != "0" {
		t.Errorf("%s rows are late once there is data", late)
	}

	// Months before the first collection have only the invoice.
	for _, s := range i.differences(september(-1)) {
		if !strings.HasSuffix(s, " not collected") && !strings.HasSuffix(s, " own subscription") {
			t.Errorf("before the first collection: %s", s)
		}
	}
	if origins := i.value(`SELECT string_agg(DISTINCT origin, ' ') FROM finance.history WHERE month = '2026-08-01'`); origins != "invoice" {
		t.Errorf("origins of August: %s", origins)
	}
	if twice := i.value(`SELECT count(*) FROM (SELECT 1 FROM finance.history GROUP BY partner, month, customer_id, invoice_type, currency_code HAVING count(*) > 1) q`); twice != "0" {
		t.Errorf("%s cells of the history are there twice", twice)
	}
}

// invoiceFacts are the tables that an unchanged night leaves as they are.
var invoiceFacts = []string{
	"collector.invoices", "collector.invoice_history", "collector.invoice_line_sets", "collector.invoice_lines", "collector.invoice_bodies", "collector.invoice_set_bodies", "collector.findings", "collector.partners",
}

func TestAnUnchangedNightReadsNoLines(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 30, partnersim.Invoices{Plant: true})
	if r := i.night(Request{}); r.Invoices == nil || r.Invoices.Read == 0 || r.Err != nil {
		t.Fatalf("%+v", r)
	}
	before := i.sim.Stats().Requests
	tracker := pgtest.Track(t, i.url, invoiceFacts...)
	i.clock.advance(24 * time.Hour)
	if r := i.night(Request{}); r.Invoices.Read != 0 || r.Status != billing.StatusSucceeded {
		t.Errorf("%+v", r.Invoices)
	}
	if changes := tracker.Changes(t); changes != "" {
		t.Errorf("an unchanged night wrote facts:\n%s", changes)
	}
	// After a week the exports are requested again, and have not changed. Some invoices are
	// late.
	tracker = pgtest.Track(t, i.url, slices.DeleteFunc(slices.Clone(invoiceFacts), func(table string) bool { return table == "collector.findings" })...)
	i.clock.advance(7 * 24 * time.Hour)
	r := i.night(Request{})
	if changes := tracker.Changes(t); changes != "" {
		t.Errorf("a week later facts are written:\n%s", changes)
	}
	after := i.sim.Stats().Requests
	byNumber := i.value(`SELECT 2 * count(*) FROM finance.invoices WHERE right(invoice_id, 1) = '3'`) // notes that are on no list
	if after["blob"] != before["blob"] || decimal.NewFromUint64(after["invoice"]-before["invoice"]).String() != byNumber || r.Invoices.Unchanged == 0 || after["export"] == before["export"] {
		t.Errorf("%+v; requests %v, then %v", r.Invoices, before, after)
	}
}

func TestExportsInTrouble(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 30, partnersim.Invoices{FailOnce: true, ExpireOnce: true, Polls: 1, LinesAPage: 20})
	r := i.night(Request{})
	if r.Err != nil || r.Status != billing.StatusSucceeded || r.Invoices.Failed > 0 {
		t.Fatalf("%+v, %+v", r, r.Invoices)
	}
	if bad := i.value(`SELECT count(*) FROM finance.invoices WHERE state <> 'complete' OR difference <> 0`); bad != "0" {
		t.Errorf("%s invoices are not complete", bad)
	}
	if strings.Contains(i.log.String(), "sig=") || i.value(`SELECT count(*) FROM collector.invoice_loads WHERE concat(operation, error) LIKE '%sig=%'`) != "0" {
		t.Error("a signature is in the log or the ledger")
	}
}

// An export that one process requested is continued by the next one.
func TestARunningExportIsTakenUp(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 20, partnersim.Invoices{Polls: 2})
	ctx, cancel := context.WithCancel(t.Context())
	newID, made := i.NewID, atomic.Int32{}
	i.NewID = func() string {
		if made.Add(1); i.sim.Stats().Requests["operation"] > 0 {
			cancel() // in the middle of the exports
		}
		return newID()
	}
	r := i.collectPartner(ctx, Request{Kind: billing.KindOnce, Only: OnlyInvoices}, Selection{Partner: i.Config.Partners[0]})
	if !errors.Is(r.Err, context.Canceled) || r.Status != billing.StatusInterrupted {
		t.Fatalf("%+v", r)
	}
	i.NewID = newID
	if running := i.value(`SELECT count(*) FROM collector.invoice_loads WHERE state = 'loading' AND operation IS NOT NULL`); running == "0" {
		t.Fatal("no export is under way")
	}
	r = i.night(Request{Only: OnlyInvoices})
	exports := i.value(`SELECT count(*) FROM collector.invoice_loads WHERE source = 'v2'`)
	if asked := i.sim.Stats().Requests["export"]; r.Status != billing.StatusSucceeded || exports != decimal.NewFromUint64(asked).String() {
		t.Errorf("%+v; %d exports asked for %s invoices", r.Invoices, asked, exports)
	}
	if scope := i.value(`SELECT string_agg(DISTINCT scope, ' ') FROM collector.runs`); scope != "some" {
		t.Errorf("in the ledger the runs are for %s", scope)
	}
}

// Without Microsoft Graph, lines come from Partner Center; lines that it does not have are
// not available yet.
func TestInvoicesWithoutGraph(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 30, partnersim.Invoices{})
	i.Config.Partners[0].Invoices.Graph = config.Graph{}
	r := i.night(Request{})
	if r.Status != billing.StatusSucceeded || r.Invoices.NoData == 0 || r.Invoices.Read == 0 || !strings.Contains(r.Invoices.Unread[0].Why, "invoices.graph") {
		t.Errorf("%+v", r.Invoices)
	}
	if states := i.value(`SELECT string_agg(DISTINCT invoice_type || ' ' || state, ', ') FROM finance.invoices`); states != "OneTime no_data, Recurring complete" {
		t.Errorf("states: %s", states)
	}
	if left := i.value(`SELECT string_agg(DISTINCT part || ' ' || state, ', ') FROM collector.invoice_loads WHERE line_type = 'usage_line_items'`); left != "azure/usage_line_items left_out" {
		t.Errorf("the usage of every day: %s", left)
	}
}

// The service does not let an application alone read a single invoice, which alone
// states its period.
func TestInvoicesWithoutPeriods(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 20, partnersim.Invoices{})
	p := &i.Config.Partners[0]
	p.Auth = config.Auth{Mode: "app_only", TenantID: ownTenant, ClientID: ownTenant, ClientSecret: config.NewSecret("secret"), LoginURL: p.BaseURL}
	r := i.night(Request{Only: OnlyInvoices})
	if r.Status != billing.StatusSucceeded {
		t.Fatalf("%+v, %+v", r, r.Invoices)
	}
	if n := i.sim.Stats().Requests["invoice"]; n != 0 {
		t.Errorf("%d invoices were asked for", n)
	}
	// The date of a legacy invoice for September lies in September, so the month before is
	// assumed.
	if months := i.value(`SELECT string_agg(DISTINCT invoice_type || ' ' || month, ', ') FROM finance.invoices`); months != "OneTime 2026-09-01, Recurring 2026-08-01" {
		t.Errorf("months: %s", months)
	}
	if n := i.value(`SELECT count(*) FROM finance.findings WHERE kind = 'invoice_period_assumed' AND resolved_at IS NULL`); n == "0" {
		t.Error("no finding says that the period is assumed")
	}
}

func TestGraphRefusesAndCostsAreStored(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 20, partnersim.Invoices{})
	i.Config.Partners[0].Invoices.Graph.BaseURL = "http://127.0.0.1:1"
	i.Config.Partners[0].Limits.Timeout = time.Second
	r := i.night(Request{})
	if r.Err != nil || r.Status != billing.StatusPartial || r.Invoices.Failed == 0 || r.Tally.OK == 0 {
		t.Errorf("%+v, %+v", r, r.Invoices)
	}
	if states := i.value(`SELECT string_agg(DISTINCT invoice_type || ' ' || state, ', ') FROM finance.invoices`); states != "OneTime failed, Recurring complete" {
		t.Errorf("states: %s", states)
	}
}

// Invoices are read before the unchanged parts of the customers, so that a night that is cut
// short, or interrupted, does not starve them.
func TestInvoicesComeBeforeWhatIsUnchanged(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 40, partnersim.Invoices{})
	i.night(Request{})
	i.clock.advance(10 * 24 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	newID, before := i.NewID, i.sim.Stats().Requests
	i.NewID = func() string {
		if i.sim.Stats().Requests["line_items"] > before["line_items"] {
			cancel() // in the middle of reading again what is unchanged
		}
		return newID()
	}
	r := i.Collect(ctx, Request{Kind: billing.KindOnce}, Everybody(i.Config.Partners))[0]
	after := i.sim.Stats().Requests
	if r.Status != billing.StatusInterrupted || r.Invoices == nil || r.Invoices.Listed == 0 || after["invoices"] == before["invoices"] || after["export"] == before["export"] || after["line_items"]-before["line_items"] >= before["line_items"] {
		t.Errorf("%+v, %+v; requests %v, then %v", r, r.Invoices, before, after)
	}
	if asked := i.value(`SELECT count(*) FROM collector.invoice_loads WHERE run_id = '` + r.RunID + `' AND state = 'loaded'`); asked == "0" {
		t.Error("the interrupted run asked for no lines")
	}
	i.NewID = newID
	if r := i.night(Request{}); r.Status != billing.StatusSucceeded || r.Tally.Done() != 40 {
		t.Errorf("the next night: %+v", r)
	}
}
