package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

func TestBackfillCollectsWhoIsMissing(t *testing.T) {
	t.Parallel()
	sim := partnersim.New(partnersim.Options{Customers: 20, Seed: 31})
	ids := slices.Sorted(sim.CustomerIDs())
	var broken atomic.Bool
	broken.Store(true)
	var refusing http.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
		for _, id := range ids[:3] {
			if broken.Load() && strings.Contains(r.URL.Path, id) {
				http.Error(w, `{"code":"4001","description":"bad"}`, http.StatusBadRequest)
				return
			}
		}
		sim.ServeHTTP(w, r)
	}
	g := newGate(refusing, 0)
	g.open.Store(true)
	s := newSiteAt(t, g)
	s.sim = sim
	s.collector(t, "run").want(t, 3)
	broken.Store(false)
	g.forget()
	s.collector(t, "backfill").want(t, 0)
	if asked := g.forget(); asked != 3 {
		t.Errorf("backfill asked for %d customers, want the 3 that failed", asked)
	}
	if diff := cmp.Diff(s.expectedCosts(t), s.costs(t)); diff != "" {
		t.Errorf("the costs (-want +got):\n%s", diff)
	}
	s.collector(t, "backfill", "--missing").want(t, 0)
	if asked := g.forget(); asked != 0 {
		t.Errorf("backfill of a complete collection asked for %d customers", asked)
	}
	want := [][]string{{"once", "all", "partial"}, {"missing", "rest", "succeeded"}, {"missing", "rest", "succeeded"}}
	if diff := cmp.Diff(want, s.query(t, runsOfAllStates)); diff != "" {
		t.Errorf("the runs (-want +got):\n%s", diff)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.customers WHERE active`); got != "20" {
		t.Errorf("%s active customers, want 20", got)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 30, Seed: 32})
	s.collector(t, "run").want(t, 0)
	for range 3 {
		s.sim.Advance(partnersim.Step{OneTimeMonths: 1, Restate: 0.3})
		s.collector(t, "run").want(t, 0)
	}
	s.sim.Advance(partnersim.Step{RecurringMonths: 1, Restate: 0.2})
	s.collector(t, "run").want(t, 0)
	before := s.values(t)
	const history = `SELECT (SELECT count(*) FROM collector.cost_detail_history) + (SELECT count(*) FROM collector.line_item_sets) + (SELECT count(*) FROM collector.billing_profile_history)`
	written := s.one(t, history)
	requests := s.sim.Stats().Requests

	// Nothing changes, and no request is made.
	s.collector(t, "backfill", "--replay").want(t, 0)
	if diff := cmp.Diff(before, s.values(t)); diff != "" {
		t.Errorf("a replay by the same code changed facts (-want +got):\n%s", diff)
	}
	if got := s.one(t, history); got != written {
		t.Errorf("a replay by the same code left %s old values, want the %s of before", got, written)
	}
	if diff := cmp.Diff(requests, s.sim.Stats().Requests); diff != "" {
		t.Errorf("the replay sent requests (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"replay", "succeeded", "30", "30", "0"}},
		s.query(t, `SELECT kind, status, customers_total, customers_unchanged, rows_changed FROM finance.runs WHERE kind = 'replay'`)); diff != "" {
		t.Errorf("the run (-want +got):\n%s", diff)
	}

	// As if earlier code had decoded the answers wrongly: amounts, a key, an item, a profile.
	s.exec(t, `UPDATE collector.cost_details SET pretax_total = pretax_total + 1 WHERE detail_id IN (SELECT min(detail_id) FROM collector.cost_details GROUP BY customer_key)`)
	s.exec(t, `UPDATE collector.cost_details SET period_start = period_start - 400 WHERE detail_id IN (SELECT max(detail_id) FROM collector.cost_details)`)
	s.exec(t, `UPDATE collector.line_items SET tax = 99 WHERE set_id IN (SELECT min(set_id) FROM collector.line_item_sets WHERE superseded_at IS NULL)`)
	s.exec(t, `UPDATE collector.line_item_sets SET content_hash = 'wrong' WHERE set_id IN (SELECT min(set_id) FROM collector.line_item_sets WHERE superseded_at IS NULL)`)
	s.exec(t, `UPDATE collector.billing_profiles SET company_name = 'Wrong', content_hash = 'wrong' WHERE customer_key = 1`)
	s.exec(t, `UPDATE collector.statements SET root_tax = 77 WHERE statement_id = 1`)
	s.collector(t, "backfill", "--replay").want(t, 0).says(t, "restated", "1 withdrawn", "billing profile", "line items")
	if diff := cmp.Diff(before, s.values(t)); diff != "" {
		t.Errorf("the replay did not restore the facts (-want +got):\n%s", diff)
	}
	if got := s.one(t, `SELECT count(*) FROM collector.withdrawn_rows WHERE detail ->> 'pretax_total' IS NOT NULL`); got != "1" {
		t.Errorf("%s withdrawn rows are kept, want 1", got)
	}
	s.collector(t, "backfill", "--replay", "--format", "json").want(t, 0).says(t, `"customers_unchanged": 30`)
}

// savedAnswers returns a directory to import.
func (s *site) savedAnswers(t *testing.T, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join("saved", name)
		if err := os.MkdirAll(filepath.Join(s.dir, filepath.Dir(path)), 0o700); err != nil {
			t.Fatal(err)
		}
		s.write(t, path, content)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 2, Seed: 33})
	s.collector(t, "run").want(t, 0)
	live := slices.Sorted(s.sim.CustomerIDs())[0]
	const former, broken, lonely = "7d3c0c4e-3f5b-4d0c-8a51-0a2f3b4c5d6e", "1b2c3d4e-3f5b-4d0c-8a51-0a2f3b4c5d6f", "2b2c3d4e-3f5b-4d0c-8a51-0a2f3b4c5d70"
	const summary = `{"billingStartDate":"2024-05-05T00:00:00Z","billingEndDate":"2024-06-04T00:00:00Z","pretaxTotal":10,"tax":1,"afterTaxTotal":11,"currencyCode":"EUR",
		"details":[{"invoiceType":"Recurring","summary":{"billingStartDate":"2024-05-05T00:00:00Z","billingEndDate":"2024-06-04T00:00:00Z","pretaxTotal":10,"tax":1,"afterTaxTotal":11,"currencyCode":"EUR"}}]}`
	s.savedAnswers(t, map[string]string{
		strings.ToUpper(former) + "/summary.json": summary,
		former + "x/summary.json":                 summary,
		former[:35] + "f/notes.txt":               "hello",
		broken + "/summary.json":                  `{"details":[{"invoiceType":"Recurring","summary":{"pretaxTotal":"ten"}}]}`,
		broken + "/profile.json":                  `{"companyName":"Whole"}`,
		lonely + "/lineitems.json":                `{"items":[]}`,
		live + "/summary.json":                    summary,
		live + "/profile.json":                    `{"companyName":"Somebody Else","firstName":"Planted"}`,
	})
	got := s.collector(t, "backfill", "--from", "saved").want(t, 3)
	wantLines := []string{
		"saved/" + broken + "/profile.json: refused: another file of this customer was refused",
		"saved/" + broken + "/summary.json: refused: summary: details[0].summary.pretaxTotal",
		"saved/" + lonely + "/lineitems.json: refused: line items need their summary.json, which states their period",
		"saved/" + former[:35] + "f/notes.txt: refused: not one of profile.json, summary.json, lineitems.json",
		"saved/" + former + "x: refused: not named with a customer's GUID",
		"saved/" + strings.ToUpper(former) + "/summary.json: stored: Recurring 2024-05-05..2024-06-04 EUR 11",
		"saved/" + live + "/profile.json: kept",
		"saved/" + live + "/summary.json: stored: Recurring 2024-05-05..2024-06-04 EUR 11",
	}
	got.says(t, wantLines...)
	if diff := cmp.Diff([][]string{{live, "import"}, {former, "import"}}, sorted(s.query(t, `SELECT customer_id, origin FROM finance.costs WHERE period_start = '2024-05-05'`), live)); diff != "" {
		t.Errorf("imported costs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{former, "false"}}, s.query(t, `SELECT customer_id, active FROM finance.customers WHERE customer_id = $1`, former)); diff != "" {
		t.Errorf("a customer known from an import only (-want +got):\n%s", diff)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.findings WHERE customer_id = $1`, former); got != "0" {
		t.Errorf("the import left %s findings", got)
	}
	before := s.values(t)

	// The same import again changes nothing. Another import of the same period replaces the
	// first. A replay derives imported costs too, and collected ones replace them.
	s.collector(t, "backfill", "--from", "saved").want(t, 3).says(t, "summary.json: unchanged")
	s.collector(t, "backfill", "--replay").want(t, 0)
	if diff := cmp.Diff(before, s.values(t)); diff != "" {
		t.Errorf("importing again changed facts (-want +got):\n%s", diff)
	}
	s.savedAnswers(t, map[string]string{strings.ToUpper(former) + "/summary.json": strings.ReplaceAll(summary, "11", "12")})
	s.collector(t, "backfill", "--from", "saved").want(t, 3).says(t, "EUR 11 -> 12 (+1)")
	s.collector(t, "run").want(t, 0)
	s.collector(t, "backfill", "--replay").want(t, 0)
	if got := s.one(t, `SELECT sum(rows_changed) FROM finance.runs WHERE kind = 'replay'`); got != "0" {
		t.Errorf("the replays changed %s rows, want none", got)
	}
	if got := s.one(t, `SELECT after_tax_total FROM finance.costs WHERE customer_id = $1`, former); got != "12" {
		t.Errorf("the import of a new body left %s, want 12", got)
	}

	s.collector(t, "backfill", "--from", "nowhere").want(t, 2).says(t, "nowhere")
	s.collector(t, "backfill", "--from", "saved", "--replay").want(t, 2)
}
