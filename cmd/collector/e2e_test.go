package main_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func TestARunStoresEverythingAndASecondOneNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 40, Seed: 1})
	s.collector(t, "run").want(t, 0).says(t, "sim", "succeeded", "ROWS WRITTEN")
	if diff := cmp.Diff(s.expectedCosts(t), s.costs(t)); diff != "" {
		t.Errorf("finance.costs (-want +got):\n%s", diff)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.customers WHERE active AND company_name IS NOT NULL`); got != "40" {
		t.Errorf("finance.customers has %s active customers, want 40", got)
	}
	var items int
	for id := range s.sim.CustomerIDs() {
		expected, _ := s.sim.Expected(id)
		items += len(expected.LineItems)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.line_items`); got != fmt.Sprint(items) {
		t.Errorf("finance.line_items has %s rows, want %d", got, items)
	}

	var again []struct {
		Status    string `json:"status"`
		OK        int    `json:"customers_ok"`
		Unchanged int    `json:"customers_unchanged"`
		NoCosts   int    `json:"customers_no_costs"`
		Rows      int    `json:"rows_changed"`
	}
	decode(t, s.collector(t, "run", "--format", "json").want(t, 0).stdout, &again)
	if len(again) != 1 || again[0].Status != "succeeded" || again[0].OK != 0 || again[0].Rows != 0 || again[0].Unchanged+again[0].NoCosts != 40 {
		t.Errorf("the second run: %+v, want nothing new", again)
	}
	if got := s.query(t, `SELECT kind, status, customers_total::text, version FROM finance.runs`); len(got) != 2 || !slices.Equal(got[0], []string{"once", "succeeded", "40", "v0.0.0-e2e"}) {
		t.Errorf("finance.runs: %v", got)
	}
}

func TestRestatementsAndNewPeriods(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 30, Seed: 2, NoCosts: -1})
	s.collector(t, "run").want(t, 0)
	first := s.costs(t)

	s.sim.Advance(partnersim.Step{Restate: 0.5})
	preview := s.collector(t, "run", "--dry-run").want(t, 0)
	if diff := cmp.Diff(first, s.costs(t)); diff != "" {
		t.Errorf("a dry run changed finance.costs (-before +after):\n%s", diff)
	}
	s.collector(t, "run").want(t, 0)
	if diff := cmp.Diff(s.expectedCosts(t), s.costs(t)); diff != "" {
		t.Errorf("finance.costs after a restatement (-want +got):\n%s", diff)
	}
	changes := s.one(t, `SELECT count(*) FROM finance.cost_changes WHERE difference = after_tax_after - after_tax_before`)
	if changes == "0" {
		t.Error("finance.cost_changes is empty after a restatement")
	}
	if previewed := strings.Count(preview.stdout, " -> "); fmt.Sprint(previewed) != changes {
		t.Errorf("the dry run announced %d restatements, then there were %s\n%s", previewed, changes, preview.stdout)
	}

	before := s.costs(t)
	s.sim.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
	s.collector(t, "run").want(t, 0)
	want := append(before, s.expectedCosts(t)...)
	slices.SortFunc(want, slices.Compare)
	if diff := cmp.Diff(want, s.costs(t)); diff != "" {
		t.Errorf("finance.costs after the periods moved on (-want +got):\n%s", diff)
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 20, Seed: 3})
	text := s.collector(t, "run", "--dry-run").want(t, 0)
	lines := strings.Split(strings.TrimSpace(text.stdout), "\n")
	if len(lines) != 21 || !strings.HasPrefix(lines[20], "20 customers: ") {
		t.Errorf("want a line for each of 20 customers and their total, got:\n%s", text.stdout)
	}
	text.says(t, "  new ", "nothing was written")

	for line := range strings.Lines(s.collector(t, "run", "--dry-run", "--format", "json").want(t, 0).stdout) {
		var v map[string]any
		decode(t, line, &v)
		if v["totals"] == nil && (v["customer_id"] == nil || v["outcome"] == nil) {
			t.Errorf("a line without customer or outcome: %s", line)
		}
	}
	got := s.query(t, `SELECT (SELECT count(*) FROM finance.runs), (SELECT count(*) FROM finance.costs), (SELECT count(*) FROM finance.customers), (SELECT count(*) FROM finance.line_items)`)
	if diff := cmp.Diff([][]string{{"0", "0", "0", "0"}}, got); diff != "" {
		t.Errorf("rows after a dry run (-want +got):\n%s", diff)
	}
}

func TestOneCustomersTroubleIsOneCustomers(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 40, Seed: 4, NoAccess: 0.2})
	s.collector(t, "run").want(t, 3).says(t, "partial", "customers failed")
	if diff := cmp.Diff(s.expectedCosts(t), s.costs(t)); diff != "" {
		t.Errorf("finance.costs (-want +got):\n%s", diff)
	}
	if got := s.query(t, `SELECT status, customers_failed > 0 FROM finance.runs`); !slices.Equal(got[0], []string{"partial", "true"}) {
		t.Errorf("finance.runs: %v", got)
	}
	s.collector(t, "run", "--dry-run").want(t, 3).says(t, "failed: ")
}

func TestADeadCredentialEndsTheRun(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	sim := partnersim.New(partnersim.Options{Customers: 500, Seed: 5})
	s := newSiteAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		sim.ServeHTTP(w, r)
	}))
	s.env = append(s.env, "COLLECTOR_SIM_TOKEN=expired")
	s.collector(t, "run").want(t, 1).says(t, "failed")
	if n := requests.Load(); n > 50 {
		t.Errorf("%d requests were made with a dead token, want a handful", n)
	}
	if got := s.query(t, `SELECT status FROM finance.runs`); !slices.Equal(got[0], []string{"failed"}) {
		t.Errorf("finance.runs: %v", got)
	}
}

func TestASecondCollectorFindsTheLockHeld(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	sim := partnersim.New(partnersim.Options{Customers: 5, Seed: 6})
	var first atomic.Bool
	s := newSiteAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if first.CompareAndSwap(false, true) {
			close(arrived)
			<-release
		}
		sim.ServeHTTP(w, r)
	}))
	cmd, finish := s.start(t, "run")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	s.collector(t, "run").want(t, 4).says(t, "another run of this partner is in progress", "not run")
	close(release)
	finish().want(t, 0)
	if got := s.one(t, `SELECT count(*) FROM finance.runs`); got != "1" {
		t.Errorf("%s runs in the ledger, want 1", got)
	}
}

func TestAnEmptyListRetiresNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 5, Seed: 15})
	s.collector(t, "run").want(t, 0)
	s.sim.Advance(partnersim.Step{Leave: 1})
	s.collector(t, "run").want(t, 1).says(t, "list of customers is empty")
	if got := s.one(t, `SELECT count(*) FROM finance.customers WHERE active`); got != "5" {
		t.Errorf("%s active customers, want the 5 of before", got)
	}
}

func TestSelectedCustomers(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 10, Seed: 8})
	ids := slices.Collect(s.sim.CustomerIDs())
	collected := func() string {
		return s.one(t, `SELECT count(*) FROM finance.coverage`)
	}
	s.collector(t, "run", "--customer", strings.ToUpper(ids[3]), "--customer", ids[4]).want(t, 0)
	if got := collected(); got != "2" {
		t.Errorf("%s customers collected, want the 2 named", got)
	}
	s.write(t, "again.txt", "# those of yesterday\n"+ids[5]+"\n\n"+ids[6]+" # and this one\n")
	s.collector(t, "run", "--customers-file", "again.txt", "--partner", "sim").want(t, 0)
	if got := collected(); got != "4" {
		t.Errorf("%s customers collected, want 4", got)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.customers WHERE active`); got != "4" {
		t.Errorf("%s active customers, want 4: a run of some customers retires nobody", got)
	}

	// The configuration lists the customers and excludes one.
	s.write(t, "customers.txt", strings.Join(ids, "\n"))
	s.configure(t, "    customers:\n      file: customers.txt\n      exclude: ["+ids[9]+"]\n", "")
	s.collector(t, "run").want(t, 0)
	if got := collected(); got != "9" {
		t.Errorf("%s customers collected, want 9", got)
	}
}

func TestBadUsageAndConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 3, Seed: 9})
	s.write(t, "bad.yaml", `partners:
  - name: one
    base_url: http://partner.example.com
    auth: {mode: token}
    customers:
      ids: [not-a-guid]
    retries: 7
`)
	s.write(t, "bad-list.txt", "ae1d5b32-f9ff-4252-b2bf-40e21937a51a\nnonsense\n")
	s.write(t, "two.yaml", strings.ReplaceAll(fmt.Sprintf(`partners:
  - name: sim
    base_url: %[1]s
    auth: {mode: token}
    customers: {discover: true}
  - name: other
    base_url: %[1]s
    auth: {mode: token}
    customers: {discover: true}
`, s.server.URL), "\t", ""))
	s.env = append(s.env, "COLLECTOR_OTHER_TOKEN=simulator")
	for _, test := range []struct{ args, says []string }{
		{[]string{"frobnicate"}, []string{"frobnicate", "--help"}},
		{[]string{}, []string{"needs a command"}},
		{[]string{"help", "nosuch"}, []string{`"nosuch"`}},
		{[]string{"help", "run", "nosuch"}, []string{`"run nosuch"`}},
		{[]string{"backfill", "--from", ""}, []string{"--from is given and empty"}},
		{[]string{"run", "--customers-file", ""}, []string{"--customers-file is given and empty"}},
		{[]string{"run", "--partner", "sim", "--partner="}, []string{"--partner is given and empty"}},
		{[]string{"migrate"}, []string{"needs a command", "up"}},
		{[]string{"migrate", "sideways"}, []string{"sideways"}},
		{[]string{"migrate", "down"}, []string{"needs N"}},
		{[]string{"migrate", "down", "0"}, []string{"at least 1"}},
		{[]string{"migrate", "force", "x"}, []string{"whole number"}},
		{[]string{"run", "extra"}, []string{"extra"}},
		{[]string{"run", "--speed", "9"}, []string{"--speed"}},
		{[]string{"run", "--format", "xml"}, []string{"table, json"}},
		{[]string{"run", "--log-level", "loud"}, []string{"debug"}},
		{[]string{"run", "--partner", "nobody"}, []string{`"nobody"`, "sim"}},
		{[]string{"run", "--customer", "42"}, []string{`"42"`, "GUID"}},
		{[]string{"run", "--customers-file", "bad-list.txt"}, []string{"bad-list.txt:2"}},
		{[]string{"run", "--customers-file", "missing.txt"}, []string{"missing.txt"}},
		{[]string{"run", "--config", "missing.yaml"}, []string{"missing.yaml"}},
		{[]string{"run", "--config", "bad.yaml"}, []string{"bad.yaml:3", "bad.yaml:6", "bad.yaml:7", "retries"}},
		{[]string{"check", "--config", "bad.yaml"}, []string{"FAIL  configuration", "bad.yaml:3"}},
		{[]string{"run", "--config", "two.yaml", "--customer", "ae1d5b32-f9ff-4252-b2bf-40e21937a51a"}, []string{"--partner"}},
		{[]string{"report", "no-such-report"}, []string{"no-such-report", "monthly-totals"}},
		{[]string{"report", "monthly-totals", "--period", "2026-13"}, []string{"YYYY-MM"}},
		{[]string{"report", "monthly-totals", "--customer", "x"}, []string{"GUID"}},
		{[]string{"report", "--period", "2026-10"}, []string{"name of a report"}},
		{[]string{"simulate", "--fault-rate", "2"}, []string{"between 0 and 1"}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			s.collector(t, test.args...).want(t, 2).says(t, test.says...)
			if got := s.query(t, `SELECT run_id::text FROM finance.runs`); len(got) != 0 {
				t.Errorf("a refused command left runs behind: %v", got)
			}
		})
	}
}

func TestDatabaseTrouble(t *testing.T) {
	t.Parallel()
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, partnersim.Options{Customers: 3})
		s.env = append(s.env, "COLLECTOR_DATABASE_URL=postgres://collector:hunter2@127.0.0.1:1/costs")
		for _, args := range [][]string{{"run"}, {"run", "--dry-run"}, {"status"}, {"report", "coverage"}, {"migrate", "up"}, {"check"}} {
			r := s.collector(t, args...).want(t, 1).says(t, "database")
			if strings.Contains(r.stdout+r.stderr, "hunter2") {
				t.Errorf("%v shows the password:\n%s%s", args, r.stdout, r.stderr)
			}
		}
	})
	t.Run("not migrated", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, partnersim.Options{Customers: 3})
		s.useDatabase(pgtest.NewEmpty(t))
		s.collector(t, "run").want(t, 1).says(t, "collector migrate up")
		s.collector(t, "check").want(t, 1).says(t, "FAIL", "collector migrate up")
	})
	t.Run("newer", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, partnersim.Options{Customers: 3})
		s.exec(t, `UPDATE collector_schema_migrations SET version = 999`)
		s.collector(t, "run").want(t, 1).says(t, "999", "newer")
		s.collector(t, "migrate", "up").want(t, 1).says(t, "newer")
	})
	t.Run("dirty", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, partnersim.Options{Customers: 3})
		s.exec(t, `UPDATE collector_schema_migrations SET dirty = true`)
		s.collector(t, "run").want(t, 1).says(t, "dirty", "migrate force")
		s.collector(t, "migrate", "status").want(t, 0).says(t, "dirty")
		version := s.one(t, `SELECT version FROM collector_schema_migrations`)
		s.collector(t, "migrate", "force", version).want(t, 0).says(t, "schema version "+version)
		s.collector(t, "run").want(t, 0)
	})
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 3, Seed: 10})
	s.useDatabase(pgtest.NewEmpty(t))
	s.collector(t, "migrate", "status").want(t, 0).says(t, "schema version 0", "pending: 000001_collector")
	s.collector(t, "migrate", "up").want(t, 0)
	s.collector(t, "migrate", "up").want(t, 0)
	up := s.collector(t, "migrate", "status").want(t, 0)
	if strings.Contains(up.stdout, "pending") {
		t.Errorf("pending after up:\n%s", up.stdout)
	}
	s.collector(t, "run").want(t, 0)
	version := s.one(t, `SELECT version FROM collector_schema_migrations`)
	// Without a terminal, or with too large a number, nothing is changed.
	s.collector(t, "migrate", "down", "1").want(t, 2).says(t, "--yes", "deletes")
	s.collector(t, "migrate", "down", "99", "--yes").want(t, 2).says(t, "99 migrations", version+" are applied")
	if got := s.one(t, `SELECT count(*) FROM finance.customers`); got != "3" {
		t.Errorf("%s customers after a refused down, want 3", got)
	}
	s.collector(t, "migrate", "down", "1", "--yes").want(t, 0).says(t, "pending")
	s.collector(t, "run").want(t, 1).says(t, "collector migrate up")
	version = s.one(t, `SELECT version FROM collector_schema_migrations`)
	s.collector(t, "migrate", "down", version, "--yes").want(t, 0).says(t, "schema version 0")
	if got := s.one(t, `SELECT count(*) FROM pg_namespace WHERE nspname IN ('collector', 'finance')`); got != "0" {
		t.Errorf("%s schemas are left after going all the way down", got)
	}
	s.collector(t, "migrate", "up").want(t, 0)
	s.collector(t, "run").want(t, 0)
}

func TestMigrateURLIsPreferred(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 3})
	empty := pgtest.NewEmpty(t)
	s.env = append(s.env, "COLLECTOR_DATABASE_URL=postgres://nobody@127.0.0.1:1/costs", "COLLECTOR_DATABASE_MIGRATE_URL="+empty)
	s.collector(t, "migrate", "up").want(t, 0)
	s.url = empty
	if got := s.one(t, `SELECT count(*) FROM pg_namespace WHERE nspname = 'finance'`); got != "1" {
		t.Error("the database of migrate_url was not migrated")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 3, Seed: 11, NoCosts: -1})
	r := s.collector(t, "check").want(t, 0).says(t, "ok    configuration", "ok    database", "billing profile", "cost summary", "line items")
	if strings.Contains(r.stdout, "FAIL") {
		t.Errorf("a check failed:\n%s", r.stdout)
	}
	if got := s.one(t, `SELECT count(*) FROM finance.customers`); got != "0" {
		t.Error("a check wrote customers")
	}
	s.env = append(s.env, "COLLECTOR_SIM_TOKEN=expired")
	s.collector(t, "check").want(t, 1).says(t, "ok    database", "FAIL  partner sim")
}

func TestVersionAndHelp(t *testing.T) {
	t.Parallel()
	s := &site{dir: t.TempDir()}
	s.collector(t, "version").want(t, 0).says(t, "v0.0.0-e2e", "c0ffee", "go1.")
	var v map[string]string
	decode(t, s.collector(t, "version", "--format", "json").want(t, 0).stdout, &v)
	if v["version"] != "v0.0.0-e2e" || v["commit"] != "c0ffee" || !strings.HasPrefix(v["go"], "go1.") {
		t.Errorf("version: %v", v)
	}
	for _, args := range [][]string{
		{"--help"},
		{"run", "--help"},
		{"migrate", "--help"},
		{"migrate", "up", "--help"},
		{"migrate", "down", "--help"},
		{"migrate", "status", "--help"},
		{"migrate", "force", "--help"},
		{"report", "--help"},
		{"status", "--help"},
		{"check", "--help"},
		{"simulate", "--help"},
		{"version", "--help"},
	} {
		if r := s.collector(t, args...).want(t, 0); !strings.Contains(r.stdout, "Examples:") {
			t.Errorf("%v has no examples:\n%s", args, r.stdout)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := s.collector(t, "completion", shell).want(t, 0); !strings.Contains(r.stdout, "collector") {
			t.Errorf("the completion for %s is empty", shell)
		}
	}
	run := s.collector(t, "run", "--help").stdout
	if got := s.collector(t, "help", "run").want(t, 0).stdout; got != run {
		t.Errorf("help run differs from run --help:\n%s", got)
	}
	s.collector(t, "__complete", "help", "mig").want(t, 0).says(t, "migrate")
	s.collector(t, "__complete", "report", "mon").want(t, 0).says(t, "monthly-totals")
}

func TestSimulateServesUntilInterrupted(t *testing.T) {
	t.Parallel()
	s := &site{dir: t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "simulate", "--listen", "127.0.0.1:0", "--customers", "7", "--customers-out", "ids.txt")
	cmd.Dir = s.dir
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	n, err := stderr.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	text := string(buffer[:n])
	_, rest, _ := strings.Cut(text, "http://")
	address, _, ok := strings.Cut(rest, " ")
	if !ok || !strings.Contains(text, "mode: token") {
		t.Fatalf("no address or configuration in:\n%s", text)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/v1/customers", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer simulator")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("GET customers: %s", response.Status)
	}
	ids, err := os.ReadFile(filepath.Join(s.dir, "ids.txt"))
	if err != nil || strings.Count(string(ids), "\n") != 7 {
		t.Errorf("the customers file holds %q (%v), want 7 lines", ids, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("simulate ended with %v after SIGTERM, want success", err)
	}
}
