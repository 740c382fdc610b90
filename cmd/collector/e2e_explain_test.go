package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

// explained is the part of the output of "explain --format json" that the tests read.
type explained struct {
	Costs []struct {
		InvoiceType   string      `json:"invoice_type"`
		PeriodStart   string      `json:"period_start"`
		CurrencyCode  string      `json:"currency_code"`
		AfterTaxTotal json.Number `json:"after_tax_total"`
		Revisions     []struct {
			AfterTaxTotal json.Number `json:"after_tax_total"`
			Run           explainedRun
			SupersededAt  *string       `json:"superseded_at"`
			SupersededBy  *explainedRun `json:"superseded_by"`
			Summary       string        `json:"summary_sha256"`
		}
		Sets []struct {
			Revision  int
			ItemCount int `json:"item_count"`
			Run       explainedRun
		} `json:"line_item_sets"`
		Items    []map[string]any `json:"line_items"`
		Findings []map[string]any
	}
	Findings []map[string]any
	Months   []string `json:"months_with_costs"`
	Bodies   []struct {
		SHA256, Kind, State, Raw string
		Bytes                    int
		JSON                     any
	}
}

type explainedRun struct {
	ID      string `json:"run_id"`
	Kind    string
	Version string
}

// restatedSite returns a site that was collected, restated and collected again. The
// customer has a restated cost that ends in month.
func restatedSite(t *testing.T, seed uint64) (s *site, customer, month string) {
	t.Helper()
	s = newSite(t, partnersim.Options{Customers: 12, Seed: seed, NoCosts: -1})
	s.collector(t, "run").want(t, 0)
	s.sim.Advance(partnersim.Step{Restate: 1})
	s.collector(t, "run").want(t, 0)
	row := s.query(t, `SELECT customer_id::text, to_char(period_end, 'YYYY-MM') FROM finance.costs WHERE revisions > 0 ORDER BY customer_id, period_end LIMIT 1`)
	if len(row) != 1 {
		t.Fatal("nothing was restated")
	}
	return s, row[0][0], row[0][1]
}

func (s *site) explain(t *testing.T, args ...string) explained {
	t.Helper()
	var e explained
	decode(t, s.collector(t, append([]string{"explain", "--format", "json"}, args...)...).want(t, 0).stdout, &e)
	return e
}

func TestExplainTellsWhereEveryNumberComesFrom(t *testing.T) {
	t.Parallel()
	s, customer, month := restatedSite(t, 31)
	runs := s.query(t, `SELECT run_id::text FROM finance.runs ORDER BY started_at`)
	e := s.explain(t, "--customer", strings.ToUpper(customer), "--period", month)

	var costs [][]string
	restated := 0
	for _, c := range e.Costs {
		costs = append(costs, []string{c.InvoiceType, c.PeriodStart, c.CurrencyCode, c.AfterTaxTotal.String()})
		newest := c.Revisions[len(c.Revisions)-1]
		if newest.AfterTaxTotal != c.AfterTaxTotal || newest.SupersededAt != nil || newest.SupersededBy != nil {
			t.Errorf("%s: the newest value is not the amount: %+v", c.InvoiceType, c)
		}
		first := c.Revisions[0]
		if first.Run.ID != runs[0][0] || first.Run.Kind != "once" || first.Run.Version != "v0.0.0-e2e" {
			t.Errorf("%s: the first value comes from %+v, want the run %s", c.InvoiceType, first.Run, runs[0][0])
		}
		if len(c.Revisions) == 2 {
			restated++
			if newest.Run.ID != runs[1][0] || first.SupersededBy == nil || first.SupersededBy.ID != runs[1][0] || first.Summary == newest.Summary {
				t.Errorf("%s: the restatement comes from %+v, want the run %s", c.InvoiceType, c.Revisions, runs[1][0])
			}
		}
		newestSet := c.Sets[len(c.Sets)-1]
		if newestSet.ItemCount != len(c.Items) || newestSet.ItemCount == 0 || newestSet.Revision != len(c.Sets)-1 {
			t.Errorf("%s: %d items for the sets %+v", c.InvoiceType, len(c.Items), c.Sets)
		}
	}
	if restated == 0 {
		t.Error("no cost has two values")
	}
	want := s.query(t, `SELECT invoice_type, period_start::text, currency_code, after_tax_total::text FROM finance.costs
		WHERE customer_id = $1 AND to_char(period_end, 'YYYY-MM') = $2 ORDER BY invoice_type, period_start, currency_code`, customer, month)
	if diff := cmp.Diff(want, costs); diff != "" {
		t.Errorf("costs (-want +got):\n%s", diff)
	}
	if !slices.Contains(e.Months, month) {
		t.Errorf("months %v, want %s among them", e.Months, month)
	}
	for _, b := range e.Bodies {
		if b.State != "" || b.Bytes != 0 || b.Raw != "" || b.JSON != nil {
			t.Errorf("body %+v, want it named and not read", b)
		}
	}

	text := s.collector(t, "explain", "--customer", customer, "--period", month).want(t, 0)
	text.says(t, runs[0][0], runs[1][0], "v0.0.0-e2e", "Line items of the newest set")
	for _, b := range e.Bodies {
		text.says(t, b.SHA256)
	}
	for _, c := range e.Costs {
		for _, r := range c.Revisions {
			text.says(t, r.AfterTaxTotal.String())
		}
	}
	if strings.Contains(text.stdout, "-----") {
		t.Errorf("a body was printed without --raw:\n%s", text.stdout)
	}
}

func TestExplainPrintsTheBodiesWhenAsked(t *testing.T) {
	t.Parallel()
	s, customer, month := restatedSite(t, 32)
	e := s.explain(t, "--customer", customer, "--period", month, "--partner", "sim", "--raw")
	kinds := map[string]int{}
	text := s.collector(t, "explain", "--customer", customer, "--period", month, "--raw").want(t, 0)
	for _, b := range e.Bodies {
		kinds[b.Kind]++
		if b.State != "verified" {
			t.Errorf("%s is %s, want it verified", b.Kind, b.State)
		}
		sum := sha256.Sum256([]byte(b.Raw))
		if hex.EncodeToString(sum[:]) != b.SHA256 || len(b.Raw) != b.Bytes {
			t.Errorf("the body is not the one of the hash %s:\n%s", b.SHA256, b.Raw)
		}
		if _, isObject := b.JSON.(map[string]any); !isObject {
			t.Errorf("%s: json is %T, want what the body says", b.Kind, b.JSON)
		}
		text.says(t, "----- begin "+b.Kind+" "+b.SHA256, b.Raw+"\n----- end "+b.Kind+" "+b.SHA256)
	}
	if kinds["summary"] != 2 || kinds["line_items"] == 0 || len(kinds) != 2 {
		t.Errorf("bodies of %v, want two summaries, line items and no profile", kinds)
	}
}

func TestExplainTellsWhatTheArchiveLacks(t *testing.T) {
	t.Parallel()
	s, customer, month := restatedSite(t, 33)
	e := s.explain(t, "--customer", customer, "--period", month)
	s.exec(t, `DELETE FROM collector.payloads WHERE payload_hash = '\x`+e.Bodies[0].SHA256+`'`)
	pruned := s.explain(t, "--customer", customer, "--period", month, "--raw")
	if b := pruned.Bodies[0]; b.State != "pruned" || b.Raw != "" || len(pruned.Bodies) != len(e.Bodies) {
		t.Errorf("%+v, want it pruned", b)
	}
	s.exec(t, `UPDATE collector.payloads SET body = '\xff7b7d' WHERE payload_hash = '\x`+e.Bodies[1].SHA256+`'`)
	damaged := s.collector(t, "explain", "--customer", customer, "--period", month, "--raw", "--format", "json").want(t, 1)
	damaged.says(t, "1 archived answers do not match their SHA-256", `"state": "damaged"`, `"raw_base64"`)
	s.collector(t, "explain", "--customer", customer, "--period", month, "--raw").want(t, 1).says(t, "damaged", "pruned")
	s.collector(t, "explain", "--customer", customer, "--period", month).want(t, 0)

	s.exec(t, `DELETE FROM collector.runs`)
	var forgotten explained
	decode(t, s.collector(t, "explain", "--customer", customer, "--period", month, "--format", "json").stdout, &forgotten)
	if run := forgotten.Costs[0].Revisions[0].Run; run.ID == "" || run.Kind != "" {
		t.Errorf("run %+v, want its id only", run)
	}
}

func TestExplainListsFindings(t *testing.T) {
	t.Parallel()
	s, customer, month := restatedSite(t, 34)
	kind := func(findings []map[string]any) (kinds []string) {
		for _, f := range findings {
			kinds = append(kinds, f["kind"].(string))
		}
		return kinds
	}
	add := func(kind, subject string) {
		s.exec(t, `INSERT INTO collector.findings (partner, customer_key, kind, severity, subject, detail, first_seen_at, last_seen_at)
			SELECT partner, customer_key, '`+kind+`', 'warning', '`+subject+`', 'A sentence.', now(), now() FROM collector.customers WHERE customer_id = '`+customer+`'`)
	}
	cost := s.query(t, `SELECT invoice_type, period_start::text, currency_code FROM finance.costs WHERE customer_id = $1 AND to_char(period_end, 'YYYY-MM') = $2 ORDER BY 1, 2, 3`, customer, month)[0]
	add("of_the_cost", strings.Join(cost, " "))
	add("of_its_period", cost[0]+" "+cost[1])
	add("of_another_cost", cost[0]+" 1999-01-01 "+cost[2])
	add("of_the_customer", "")
	add("of_a_type", "line items "+cost[0])
	add("of_the_months", cost[0]+" 2020-01 to 2030-01")
	add("of_other_months", cost[0]+" 2020-01")
	e := s.explain(t, "--customer", customer, "--period", month)
	if diff := cmp.Diff([]string{"of_the_cost", "of_its_period"}, kind(e.Costs[0].Findings)); diff != "" {
		t.Errorf("findings about the cost (-want +got):\n%s", diff)
	}
	general := slices.DeleteFunc(kind(e.Findings), func(k string) bool { return !strings.HasPrefix(k, "of_") })
	if diff := cmp.Diff([]string{"of_the_customer", "of_a_type", "of_the_months"}, general); diff != "" {
		t.Errorf("findings about the customer (-want +got):\n%s", diff)
	}
	s.collector(t, "explain", "--customer", customer, "--period", month).want(t, 0).says(t, "Of the cost", "Of the customer", "A sentence.")
}

func TestExplainWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s, customer, month := restatedSite(t, 35)
	const stranger = "00000000-0000-4000-8000-000000000000"
	empty := s.explain(t, "--customer", customer, "--period", "1999-01", "--raw")
	if len(empty.Costs) != 0 || len(empty.Bodies) != 0 || len(empty.Months) == 0 {
		t.Errorf("%+v, want no costs but the months that have some", empty)
	}
	s.collector(t, "explain", "--customer", customer, "--period", "1999-01").want(t, 0).says(t, "has no cost whose period ends in 1999-01", month)
	s.collector(t, "explain", "--customer", stranger, "--period", month).want(t, 1).says(t, stranger, "nothing is stored for this customer")
	s.collector(t, "explain", "--customer", customer, "--period", month, "--partner", "another").want(t, 1).says(t, "nothing is stored for this customer")
	for _, wrong := range [][]string{
		{},
		{"--customer", customer},
		{"--period", month},
		{"--customer", "contoso", "--period", month},
		{"--customer", customer, "--period", "2026-13"},
		{"--customer", customer, "--period", "2026-1"},
		{"--customer", customer, "--period", month, "--format", "csv"},
		{"--customer", customer, "--period", month, "more"},
	} {
		if r := s.collector(t, append([]string{"explain"}, wrong...)...).want(t, 2); r.stdout != "" {
			t.Errorf("%v: there is something on stdout:\n%s", wrong, r.stdout)
		}
	}
}
