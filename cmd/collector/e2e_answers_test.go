package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"partnercost/internal/finance"
	"partnercost/internal/partnersim"
)

func TestReportsOfThePast(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 8, Seed: 21, NoCosts: -1})
	s.collector(t, "run").want(t, 0)
	then := s.one(t, `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`)
	before := s.collector(t, "report", "monthly-totals", "--format", "csv").want(t, 0).stdout
	s.sim.Advance(partnersim.Step{Restate: 1})
	s.collector(t, "run").want(t, 0)
	if s.collector(t, "report", "monthly-totals", "--format", "csv").want(t, 0).stdout == before {
		t.Fatal("nothing was restated")
	}
	amounts := func(text string) (lines []string) { // leaves out the states, which depend on today
		for line := range strings.Lines(text) {
			lines = append(lines, strings.Join(strings.Split(line, ",")[:8], ","))
		}
		return lines
	}
	again := s.collector(t, "report", "monthly-totals", "--format", "csv", "--as-of", then).want(t, 0).stdout
	if got, want := strings.Join(amounts(again), "\n"), strings.Join(amounts(before), "\n"); got != want {
		t.Errorf("as of %s:\n%s\nwant\n%s", then, got, want)
	}

	var changes, lines []map[string]any
	decode(t, s.collector(t, "report", "--since", then, "--format", "json").want(t, 0).stdout, &changes)
	restated := s.query(t, `SELECT sum(difference)::text FROM finance.cost_changes`)
	if len(changes) == 0 || changes[0]["change"] != "restated" {
		t.Errorf("since then: %v; restated by %v", changes, restated)
	}
	decode(t, s.collector(t, "report", "restatements", "--lines", "--since", then, "--format", "json").want(t, 0).stdout, &lines)
	if len(lines) == 0 {
		t.Error("no line explains a restatement")
	}
	if odd := s.query(t, `SELECT customer_id::text FROM finance.cost_change_lines GROUP BY partner, customer_id, invoice_type, period_start, currency_code, ordinal, revision
		HAVING sum(after_tax_difference) <> min(cost_difference)`); len(odd) > 0 {
		t.Errorf("lines that do not add up: %v", odd)
	}
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	decode(t, s.collector(t, "report", "restatements", "--since", tomorrow, "--format", "json").want(t, 0).stdout, &changes)
	if len(changes) != 0 {
		t.Errorf("restated since tomorrow: %v", changes)
	}
	for _, test := range []struct {
		says string
		args []string
	}{
		{"--as-of is not for the report coverage", []string{"coverage", "--as-of", then}},
		{"--since is not for", []string{"monthly-totals", "--since", then}},
		{"neither a day", []string{"monthly-totals", "--as-of", "yesterday"}},
		{"--lines is for the report restatements", []string{"coverage", "--lines"}},
		{"did you mean restatements?", []string{"restatments"}},
	} {
		s.collector(t, append([]string{"report"}, test.args...)...).want(t, 2).says(t, test.says)
	}
}

func TestCustomersByName(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 40, Seed: 22, NoCosts: -1})
	s.collector(t, "run").want(t, 0)
	name := s.one(t, `SELECT company_name FROM finance.customers GROUP BY company_name HAVING count(*) = 1 ORDER BY company_name ~ '[^ -~]' DESC, company_name LIMIT 1`)
	folded := strings.ToUpper(s.one(t, `SELECT finance.fold(company_name) FROM finance.customers WHERE company_name = '`+name+`'`))
	var costs []map[string]any
	decode(t, s.collector(t, "report", "costs-by-customer", "--customer", folded, "--format", "json").want(t, 0).stdout, &costs)
	for _, cost := range costs {
		if cost["company_name"] != name {
			t.Errorf("%s found %s", folded, cost["company_name"])
		}
	}
	month := s.one(t, `SELECT to_char(max(period_end), 'YYYY-MM') FROM finance.costs WHERE company_name = '`+name+`'`)
	s.collector(t, "explain", "--customer", name, "--period", month).want(t, 0).says(t, "Values, the newest last", name)
	// Every name contains an e. The list of candidates is cut off.
	s.collector(t, "explain", "--customer", "e", "--period", month).want(t, 2).says(t, "may mean several customers", "...")
	s.collector(t, "report", "line-items", "--customer", "nobody at all").want(t, 2).says(t, "no customer has")
}

func TestWorkbooks(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 10, Seed: 23, NoCosts: -1})
	s.collector(t, "run").want(t, 0)
	month := s.one(t, `SELECT to_char(max(month), 'YYYY-MM') FROM finance.monthly_costs`)
	path := filepath.Join(t.TempDir(), "costs.xlsx")
	s.collector(t, "export", "--format", "xlsx", "--period", month, "--out", path).want(t, 0)
	exported, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func(content []byte, name string) (rows, notes [][]string) {
		file, err := excelize.OpenReader(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		if rows, err = file.GetRows(name); err != nil {
			t.Fatal(err)
		}
		if notes, err = file.GetRows("Notes"); err != nil {
			t.Fatal(err)
		}
		return rows, notes
	}
	rows, notes := read(exported, "costs "+month)
	if got := s.query(t, `SELECT customer_id::text FROM finance.costs WHERE to_char(period_end, 'YYYY-MM') = '`+month+`'`); len(rows)-1 != len(got) {
		t.Errorf("%d rows of %d costs", len(rows)-1, len(got))
	}
	if text := strings.Join(flatten(notes), "\n"); !strings.Contains(text, month) || !strings.Contains(text, "of 10 customers were collected") || !strings.Contains(text, "as of") {
		t.Errorf("notes:\n%s", text)
	}
	reports, err := finance.Reports()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		rows, notes := read([]byte(s.collector(t, "report", r.Name, "--format", "xlsx").want(t, 0).stdout), r.Name)
		if len(rows) == 0 || len(notes) < 5 {
			t.Errorf("%s: %d rows, notes %q", r.Name, len(rows), notes)
		}
	}
}

func flatten(rows [][]string) (cells []string) {
	for _, row := range rows {
		cells = append(cells, strings.Join(row, ": "))
	}
	return cells
}
