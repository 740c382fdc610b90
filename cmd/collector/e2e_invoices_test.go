package main_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

const partnerTenant = "0a0a0a0a-0000-4000-8000-000000000000"

// readInvoices configures the site to read invoices, with Microsoft Graph.
func (s *site) readInvoices(t *testing.T) {
	t.Helper()
	s.env = append(s.env, "COLLECTOR_SIM_GRAPH_CLIENT_SECRET=graph-secret")
	s.configure(t, fmt.Sprintf(`    customers:
      discover: true
    invoices:
      enabled: true
      graph:
        tenant_id: %s
        client_id: %s
        base_url: %s
        login_url: %[3]s
`, partnerTenant, partnerTenant, s.server.URL), "")
}

func TestReconcileOfAMonth(t *testing.T) {
	t.Parallel()
	invoices := &partnersim.Invoices{Tenant: partnerTenant}
	s := newSite(t, partnersim.Options{Customers: 40, Seed: 3, Invoices: invoices})
	s.collector(t, "run", "--only", "invoices").want(t, 2).says(t, "invoices.enabled")
	s.readInvoices(t)
	s.collector(t, "check").want(t, 0).says(t, "invoices: read", "invoice lines: read", "invoice by its number: read", "Microsoft Graph token: accepted", "Microsoft Graph export: may be asked for")
	s.collector(t, "run", "--only", "costs").want(t, 0)
	s.collector(t, "reconcile", "--period", "2026-09").want(t, 3).says(t, "no invoice of 2026-09 is stored")
	s.collector(t, "run", "--only", "invoices", "--dry-run").want(t, 0).says(t, " EUR, would read graph/billed_reconciliation", " USD, would read office/billing_line_items, azure/billing_line_items", "of 2026-09: new, ")
	if n := s.query(t, "SELECT count(*) FROM finance.invoices"); n[0][0] != "0" {
		t.Errorf("a dry run stored %s invoices", n[0][0])
	}
	s.collector(t, "run", "--only", "invoices").want(t, 0).says(t, "NO DATA")
	if n := s.query(t, "SELECT count(*) FROM finance.runs WHERE customers_total > 0"); n[0][0] != "1" {
		t.Errorf("%s runs asked for customers", n[0][0])
	}
	// The one-time purchases of September agree. Its subscriptions began before the first
	// night, so they are not compared.
	var said struct {
		Open   []string `json:"open"`
		Totals []struct {
			Type       string      `json:"invoice_type"`
			Difference json.Number `json:"difference"`
		} `json:"totals"`
	}
	r := s.collector(t, "reconcile", "--period", "2026-09", "--format", "json").want(t, 0)
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
		t.Fatal(err)
	}
	for _, total := range said.Totals {
		if total.Type == "OneTime" && total.Difference != "0" {
			t.Errorf("%+v", total)
		}
	}
	s.collector(t, "reconcile", "--period", "2026-09").want(t, 0).says(t, "Nothing is open.", "not collected")
	s.collector(t, "reconcile", "--period", "soon").want(t, 2)
	s.collector(t, "export", "--dataset", "invoice-detail", "--format", "csv", "--period", "2026-09").want(t, 2).says(t, "--dataset needs")
	s.collector(t, "export", "--dataset", "invoice-detail", "--period", "2026-09", "--partner", "sim", "--out", "detail.csv").want(t, 0)
	written, err := os.ReadFile(filepath.Join(s.dir, "detail.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(written)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := s.query(t, `SELECT count(*) + 1 FROM finance.focus_invoice_detail WHERE "x_Month" = '2026-09-01'`)[0][0]; strconv.Itoa(len(rows)) != want || len(rows) < 40 {
		t.Errorf("%d lines are exported, want %s", len(rows), want)
	}
	metadata, err := os.ReadFile(filepath.Join(s.dir, "detail.csv.metadata.json"))
	if err != nil || !strings.Contains(string(metadata), `"FocusDatasetId": "InvoiceDetail"`) {
		t.Errorf("%s, %v", metadata, err)
	}
	s.collector(t, "export", "--dataset", "invoice-detail", "--period", "2020-01").want(t, 0).says(t, "No invoice of 2020-01 has lines.")
	s.collector(t, "backfill", "--since", "2023-01").want(t, 2).says(t, "--since needs --invoices")
	s.collector(t, "backfill", "--invoices", "--since", "2023-01").want(t, 0)
	s.collector(t, "run", "--only", "invoices", "--customer", partnerTenant).want(t, 2)
}

func TestReconcileNamesEachDifference(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 40, Seed: 3, Invoices: &partnersim.Invoices{Tenant: partnerTenant, Plant: true, NoData: []string{"CHF"}}})
	s.readInvoices(t)
	s.collector(t, "run").want(t, 0).says(t, "INVOICES")
	s.collector(t, "status").want(t, 0).says(t, "1 no data")
	s.collector(t, "report", "invoice-differences", "--period", "2026-09").want(t, 0).says(t, "own subscription", "late data")
	s.collector(t, "report", "invoices", "--period", "2026-09").want(t, 0).says(t, "adjustment_note")
	r := s.collector(t, "reconcile", "--period", "2026-09").want(t, 3)
	for _, p := range s.sim.Planted() {
		want := p.Invoice
		if p.CustomerID != "" {
			want = p.CustomerID
			// The subscriptions of September began before the first night, so no service costs
			// contradict an invoice that a void note cancels.
			if p.InvoiceType == billing.Recurring && s.sim.BilledIn(p.Month, p.InvoiceType)[p.CustomerID][p.Currency].IsZero() {
				continue
			}
		}
		if !(p.Currency == "CHF" && string(p.InvoiceType) == "OneTime") && !strings.Contains(r.stdout, want) {
			t.Errorf("the statement does not name %+v", p)
		}
	}
	for _, reason := range []string{"own subscription", "not collected", "adjustment", "late data", "no_data"} {
		if !strings.Contains(r.stdout, reason) {
			t.Errorf("the statement does not say %q:\n%s", reason, r.stdout)
		}
	}
}

// The rights of collector_writer are sufficient for collecting invoices, and those of
// finance_reader for reading them.
func TestInvoicesWithMinimalRights(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 20, Seed: 4, Invoices: &partnersim.Invoices{Tenant: partnerTenant, Plant: true}})
	owner := s.url
	s.env = append(s.env, "COLLECTOR_DATABASE_MIGRATE_URL="+owner)
	s.readInvoices(t)
	s.collector(t, "migrate", "up").want(t, 0)
	s.as(t, pgtest.Login(t, owner, "collector_writer"))
	for _, args := range [][]string{{"check"}, {"run", "--dry-run"}, {"run"}, {"run", "--only", "invoices"}, {"backfill", "--invoices", "--since", "2026-01"}, {"backfill", "--replay"}, {"status"}} {
		s.collector(t, args...).want(t, 0)
	}
	s.sim.Advance(partnersim.Step{Restate: 1})
	s.collector(t, "run").want(t, 0)
	s.exec(t, `UPDATE collector.invoice_line_sets SET content_hash = 'wrong' WHERE superseded_at IS NULL`)
	s.collector(t, "backfill", "--replay").want(t, 0).says(t, "read differently")
	s.collector(t, "reconcile", "--period", "2026-09").want(t, 3)

	s.as(t, pgtest.Login(t, owner, "finance_reader"))
	s.collector(t, "reconcile", "--period", "2026-09").want(t, 3)
	s.collector(t, "report", "invoices", "--period", "2026-09").want(t, 0).says(t, "void_note")
	s.collector(t, "report", "invoice-differences", "--period", "2026-09").want(t, 0)
	s.collector(t, "export", "--dataset", "invoice-detail", "--period", "2026-09").want(t, 0)
	s.collector(t, "export", "--period", "2026-09").want(t, 0)
}

// The collector is killed ten times while it loads invoices: five times at a request, five
// times at a byte to the database. It ends with the rows of an undisturbed collector: each
// line once, and the same verdicts, with every planted difference.
func TestInvoicesSurviveBeingKilled(t *testing.T) {
	t.Parallel()
	options := partnersim.Options{Customers: 40, Seed: 5, Invoices: &partnersim.Invoices{
		Tenant: partnerTenant, Back: 1, Plant: true, Unlisted: []string{"USD"}, NoData: []string{"CHF"}, LinesAPage: 15, ExpireOnce: true, FailOnce: true,
	}}
	facts := func(s *site) [][]string {
		return slices.Concat(
			s.query(t, `SELECT partner, invoice_id, document_type, amends, total, lines_total, difference, state, month FROM finance.invoices ORDER BY invoice_id`),
			s.query(t, `SELECT invoice_id, source, customer_id, charge_type, after_tax_total, ordinal FROM finance.invoice_lines ORDER BY invoice_id, source, class, ordinal`),
			s.query(t, `SELECT * FROM finance.invoice_reconciliation ORDER BY month, customer_id, invoice_type, currency_code`),
			s.query(t, `SELECT kind, severity, subject, detail FROM finance.findings WHERE kind LIKE 'invoice%' AND resolved_at IS NULL ORDER BY kind, subject`),
			s.query(t, `SELECT count(*), max(revision) FROM collector.invoice_line_sets`),
			s.query(t, `SELECT count(*) FROM collector.invoice_bodies`),
		)
	}
	site := func() *faultSite {
		d := &proxy{next: partnersim.New(options)}
		d.arm(0)
		f := &faultSite{site: newSiteAt(t, d), proxy: d}
		f.sim = d.next.(*partnersim.Simulator)
		f.proxyDatabase(t)
		f.readInvoices(t)
		for _, step := range []partnersim.Step{{}, {OneTimeMonths: 1}, {RecurringMonths: 1}} { // with these steps all of October is collected
			f.sim.Advance(step)
			f.collector(t, "run", "--only", "costs").want(t, 0)
		}
		return f
	}
	calm := site()
	calm.proxy.arm(0)
	calm.tcpProxy.arm(0)
	calm.collector(t, "run", "--only", "invoices").want(t, 0)
	requests, bytes := calm.proxy.arm(0), calm.tcpProxy.arm(0)

	f := site()
	// Each kill leaves less to do, so it comes in the first eighth of what there was.
	seed, killed := int64(17), 0
	for i := range 10 {
		seed = seed*6364136223846793005 + 1442695040888963407
		trap, of := &f.proxy.faultPoint, requests/8
		if i%2 == 1 {
			trap, of = &f.tcpProxy.faultPoint, bytes/8
		}
		trap.arm(1 + (seed>>1&0xffffffff)%of)
		b := f.background(t, "", "run", "--only", "invoices")
		select {
		case <-trap.reached:
			if err := b.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			(<-b.ended).want(t, -1)
			killed++
		case r := <-b.ended: // less was left to do
			r.want(t, 0)
		}
		f.tcpProxy.cut()
		trap.release()
	}
	f.collector(t, "run", "--only", "invoices").want(t, 0)
	if diff := cmp.Diff(facts(calm.site), facts(f.site)); diff != "" || killed < 8 {
		t.Errorf("undisturbed and killed %d times (-want +got):\n%s", killed, diff)
	}
	var planted []string
	for _, p := range f.sim.Planted() {
		if p.Month.Month() == time.October && p.CustomerID != "" && !(p.Currency == "CHF" && p.InvoiceType == billing.OneTime) {
			planted = append(planted, fmt.Sprintf("%s %s %s %s %s", p.CustomerID, p.InvoiceType, p.Currency, p.Difference, p.Reason))
		}
	}
	var found []string
	for _, row := range f.query(t, `SELECT concat_ws(' ', customer_id, invoice_type, currency_code, trim_scale(difference), coalesce(reason, '')) FROM finance.invoice_reconciliation
		WHERE verdict <> 'matched' AND month = '2026-10-01' AND reason IS DISTINCT FROM 'late data'`) {
		found = append(found, row[0])
	}
	slices.Sort(planted)
	slices.Sort(found)
	if diff := cmp.Diff(planted, found); diff != "" || len(planted) < 20 {
		t.Errorf("%d planted differences of October (-want +got):\n%s", len(planted), diff)
	}
}
