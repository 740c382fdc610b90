package finance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/finance"
	"partnercost/internal/persist/nights"
	"partnercost/internal/sheet"
)

// rowsOf holds the rows of a sheet. NULL is the text "null".
type rowsOf struct {
	columns []sheet.Column
	rows    [][]string
}

func (r *rowsOf) Begin(columns []sheet.Column) error {
	r.columns = columns
	return nil
}

func (r *rowsOf) Row(cells [][]byte) error {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = "null"
		if cell != nil {
			row[i] = string(cell)
		}
	}
	r.rows = append(r.rows, row)
	return nil
}

func (r *rowsOf) Finish() error { return nil }

// longAfter is a time at which all months of the tests are closed.
var longAfter = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

// reported runs a report and returns its rows without the named columns.
func (b *books) reported(name, period string, customer billing.CustomerID) []string {
	b.t.Helper()
	reports, err := finance.Reports()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range reports {
		if r.Name != name {
			continue
		}
		rows := rowsOf{}
		if _, err := b.reader(b.url).Report(b.t.Context(), r, finance.Parameters{Period: period, Customer: customer, AsOf: longAfter}, &rows); err != nil {
			b.t.Fatal(err)
		}
		var lines []string
		for _, row := range rows.rows {
			var cells []string
			for i, cell := range row {
				if name := rows.columns[i].Name; !strings.HasSuffix(name, "_at") && name != "partner" && name != "run_id" {
					cells = append(cells, strings.TrimPrefix(cell, "00000000-0000-4000-8000-00000000000"))
				}
			}
			lines = append(lines, strings.Join(cells, "|"))
		}
		return lines
	}
	b.t.Fatalf("no report %q", name)
	return nil
}

func TestReports(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	r9, o9, o10 := nights.Recurring(9, "10"), nights.OneTime(9, "2"), nights.OneTime(10, "5")
	euro := nights.Detail(billing.OneTime, "2026-10-01", "2026-10-31", "EUR", "100")
	b.collect(nights.Statement(customerA, both(r9, o9), nights.Item(r9, "CYCLE FEE", "10")), nights.Statement(customerB, both(euro)))
	r9b := nights.Recurring(9, "10.5")
	b.collect(nights.Statement(customerA, both(r9b, o10), nights.Item(r9b, "CYCLE FEE", "10.5"), nights.Item(o10, "PURCHASE FEE", "5")))

	tests := []struct {
		report, period string
		customer       billing.CustomerID
		want           []string
	}{
		{"monthly-totals", "", "", []string{
			"2026-10-01|EUR|OneTime|1|100|0|100|closed|0|null|null|null", "2026-10-01|USD|OneTime|1|5|0|5|closed|0|2|3|150.0",
			"2026-10-01|USD|Recurring|1|10.5|0|10.5|closed|0|null|null|null", "2026-09-01|USD|OneTime|1|2|0|2|closed|0|null|null|null",
		}},
		{"monthly-totals", "2026-09", "", []string{"2026-09-01|USD|OneTime|1|2|0|2|closed|0|null|null|null"}},
		{"costs-by-customer", "", customerA, []string{
			"a|Company a|OneTime|2026-10-01|2026-10-31|USD|5|0|5|0", "a|Company a|Recurring|2026-09-12|2026-10-11|USD|10.5|0|10.5|1",
		}},
		{"costs-by-customer", "2026-09", "", []string{"a|Company a|OneTime|2026-09-01|2026-09-30|USD|2|0|2|0"}},
		{"top-movers", "", "", []string{
			"b|Company b|OneTime|2026-10-01|EUR|0|100|100|null",
			"a|Company a|Recurring|2026-10-01|USD|0|10.5|10.5|null", "a|Company a|OneTime|2026-10-01|USD|2|5|3|150.0",
		}},
		{"restatements", "", "", []string{"a|Company a|Recurring|2026-09-12|2026-10-11|USD|10|10.5|0.5"}},
		{"restatements", "2026-09", "", nil},
		{"line-items", "", customerA, []string{
			"a|Company a|OneTime|2026-10-01|null|PURCHASE FEE|null|null|null|null|null|null|5|null|null|USD",
			"a|Company a|Recurring|2026-09-12|null|CYCLE FEE|null|null|null|null|null|null|10.5|null|null|USD",
		}},
		{"line-items", "2026-09", customerA, nil},
		{"findings", "", "", nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, b.reported(test.report, test.period, test.customer)); diff != "" {
			t.Errorf("report %s %s %s (-want +got):\n%s", test.report, test.period, test.customer, diff)
		}
	}
	if got := len(b.reported("coverage", "", "")); got != 2 {
		t.Errorf("coverage has %d rows, want 2", got)
	}
	if got := len(b.reported("runs", "", "")); got != 2 {
		t.Errorf("runs has %d rows, want 2", got)
	}
}

func TestEveryReportHasASummaryAndRuns(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	reader := b.reader(b.url)
	reports, err := finance.Reports()
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) < 8 {
		t.Errorf("only %d reports", len(reports))
	}
	for _, r := range reports {
		if shows := r.Shows(); !strings.HasSuffix(shows, ".") || strings.Contains(shows, "finance.") {
			t.Errorf("report %s: people read %q", r.Name, shows)
		}
		for _, flag := range r.Flags() {
			if setting := "finance." + strings.ReplaceAll(strings.TrimPrefix(flag, "--"), "-", "_"); !strings.Contains(r.Summary, setting) {
				t.Errorf("report %s: the summary does not explain %s", r.Name, setting)
			}
		}
		if !strings.HasSuffix(r.Summary, ".") {
			t.Errorf("report %s: the first line is not a sentence: %q", r.Name, r.Summary)
		}
		rows := rowsOf{}
		if _, err := reader.Report(t.Context(), r, finance.Parameters{Period: "2026-10", Customer: customerA}, &rows); err != nil {
			t.Error(err)
		}
		if len(rows.rows) != 0 || len(rows.columns) == 0 {
			t.Errorf("report %s on an empty database: %d rows, %d columns", r.Name, len(rows.rows), len(rows.columns))
		}
	}
}
