package main_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"partnercost/internal/finance"
	"partnercost/internal/partnersim"
)

func TestEveryReportInEveryFormat(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 12, Seed: 12, NoCosts: -1})
	s.collector(t, "run").want(t, 0)
	s.sim.Advance(partnersim.Step{Restate: 1})
	s.collector(t, "run").want(t, 0)
	s.sim.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
	s.collector(t, "run").want(t, 0)
	customer := s.one(t, `SELECT min(customer_id::text) FROM finance.costs`)
	month := s.one(t, `SELECT to_char(max(month), 'YYYY-MM') FROM finance.monthly_costs`)

	reports, err := finance.Reports()
	if err != nil {
		t.Fatal(err)
	}
	list := s.collector(t, "report").want(t, 0)
	for _, name := range []string{"monthly-totals", "costs-by-customer", "top-movers", "restatements", "line-items", "coverage", "findings"} {
		if !slices.ContainsFunc(reports, func(r finance.Report) bool { return r.Name == name }) {
			t.Errorf("there is no report %s", name)
		}
		list.says(t, name)
	}
	for _, r := range reports {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			for _, filter := range [][]string{nil, {"--period", month}, {"--customer", customer}, {"--period", month, "--customer", customer}, {"--period", "1999-01"}} {
				args := append([]string{"report", r.Name}, filter...)
				table := s.collector(t, args...).want(t, 0)
				lines := strings.Split(strings.TrimSuffix(table.stdout, "\n"), "\n")

				text := s.collector(t, append(args, "--format", "csv")...).want(t, 0).stdout
				inJSON := s.collector(t, append(args, "--format", "json")...).want(t, 0).stdout
				for passing := strings.Contains(text, "hours_since_success"); passing; { // the value grows between two readings
					text = s.collector(t, append(args, "--format", "csv")...).want(t, 0).stdout
					again := s.collector(t, append(args, "--format", "json")...).want(t, 0).stdout
					passing, inJSON = again != inJSON, again
				}
				if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
					t.Errorf("%v: csv lines do not all end with CR LF", filter)
				}
				records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
				if err != nil {
					t.Fatalf("%v: %v", filter, err)
				}
				var objects []map[string]any
				decode(t, inJSON, &objects)
				if len(records) != len(lines) || len(objects) != len(lines)-1 {
					t.Fatalf("%v: %d rows in table, %d in csv, %d in json", filter, len(lines)-1, len(records)-1, len(objects))
				}
				for i, object := range objects {
					for c, column := range records[0] {
						value, there := object[column]
						if !there {
							t.Fatalf("%v: row %d has no %s", filter, i, column)
						}
						if value == nil {
							value = ""
						}
						if fmt.Sprint(value) != records[i+1][c] {
							t.Errorf("%v: %s is %v in json and %q in csv", filter, column, value, records[i+1][c])
						}
					}
				}
			}
		})
	}
}

func TestReportsNumbersExactly(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 6, Seed: 13, NoCosts: -1})
	s.collector(t, "run").want(t, 0)
	var totals []map[string]any
	decode(t, s.collector(t, "report", "monthly-totals", "--format", "json").want(t, 0).stdout, &totals)
	if len(totals) == 0 {
		t.Fatal("no monthly totals")
	}
	for _, total := range totals {
		if _, ok := total["after_tax_total"].(json.Number); !ok {
			t.Errorf("after_tax_total is %T, want a number", total["after_tax_total"])
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 9, Seed: 14})
	var status finance.Status
	decode(t, s.collector(t, "status", "--format", "json").want(t, 0).stdout, &status)
	if len(status.Runs) != 0 || len(status.Partners) != 0 {
		t.Errorf("status before the first run: %+v", status)
	}
	s.collector(t, "run").want(t, 0)
	decode(t, s.collector(t, "status", "--format", "json").want(t, 0).stdout, &status)
	if len(status.Runs) != 1 || status.Runs[0].Status != "succeeded" || status.Runs[0].Total != 9 {
		t.Errorf("runs: %+v", status.Runs)
	}
	if len(status.Partners) != 1 || status.Partners[0].Customers != 9 || status.Partners[0].Covered != 9 {
		t.Errorf("partners: %+v", status.Partners)
	}
	s.collector(t, "status").want(t, 0).says(t, "PARTNER", "sim", "succeeded", status.Runs[0].ID)
}
