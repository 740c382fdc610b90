package persist_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"partnercost/internal/persist"
)

// sheet collects an export, a line per row.
type sheet struct {
	columns []persist.Column
	lines   []string
	fail    error
}

func (s *sheet) Begin(columns []persist.Column) error {
	s.columns = columns
	return nil
}

func (s *sheet) Row(cells [][]byte) error {
	var line []string
	for i, cell := range cells {
		switch s.columns[i].Name {
		case "period_start", "period_end", "after_tax_total", "last_changed_at", "BillingPeriodEnd", "BilledCost", "x_Reconciliation", "ChargeClass":
			if cell == nil {
				cell = []byte("null")
			}
			line = append(line, string(cell))
		}
	}
	s.lines = append(s.lines, strings.Join(line, " "))
	return s.fail
}

func TestExport(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.collect(
		statement(customerB, both(oneTime(10, "0.1999968000511991808131"), oneTime(9, "9"), detail("Marketplace", "2026-10-01", "2026-10-31", "", "5"))),
		statement(customerA, both(recurring(9, "10"), recurring(10, "11"))),
	)
	october, november := time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		export persist.Export
		want   []string
		done   persist.Exported
	}{
		{"costs", persist.Export{Dataset: persist.CostsDataset, Month: october}, []string{
			"2026-09-12 2026-10-11 10 2026-11-02T02:30:00Z", "2026-10-01 2026-10-31 5 2026-11-02T02:30:00Z", "2026-10-01 2026-10-31 0.1999968000511991808131 2026-11-02T02:30:00Z",
		}, persist.Exported{Rows: 3}},
		{"FOCUS 1.2", persist.Export{Dataset: persist.FOCUS12Dataset, Month: october}, []string{
			"10 2026-10-12T00:00:00Z null false", "0 2026-10-12T00:00:00Z null false",
			"0.1999968000511991808131 2026-11-01T00:00:00Z null false", "0 2026-11-01T00:00:00Z null false",
		}, persist.Exported{Rows: 4, LeftOut: 1}},
		{"FOCUS 1.4 of a partner", persist.Export{Dataset: persist.FOCUS14Dataset, Month: november, Partner: "contoso"}, []string{
			"11 2026-11-12T00:00:00Z null false", "0 2026-11-12T00:00:00Z null false",
		}, persist.Exported{Rows: 2}},
		{"another partner", persist.Export{Dataset: persist.FOCUS12Dataset, Month: october, Partner: "fabrikam"}, nil, persist.Exported{}},
		{"another month", persist.Export{Dataset: persist.CostsDataset, Month: november.AddDate(0, 1, 0)}, nil, persist.Exported{}},
	}
	for _, test := range tests {
		var got sheet
		done, err := b.store.Export(t.Context(), test.export, &got)
		if err != nil {
			t.Fatal(err)
		}
		wantLines(t, test.name, got.lines, test.want...)
		if done != test.done || len(got.columns) == 0 {
			t.Errorf("%s: %+v and %d columns, want %+v", test.name, done, len(got.columns), test.done)
		}
	}
	full := sheet{fail: errors.New("no space left on device")}
	if _, err := b.store.Export(t.Context(), persist.Export{Month: october}, &full); !errors.Is(err, full.fail) || len(full.lines) != 1 {
		t.Errorf("a sheet that fails: error %v after %d rows", err, len(full.lines))
	}
}
