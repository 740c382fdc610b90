package finance_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"partnercost/internal/finance"
	"partnercost/internal/persist/nights"
	"partnercost/internal/sheet"
)

// exported returns an export as lines, one per row.
type exported struct {
	columns []sheet.Column
	lines   []string
	fail    error
}

func (s *exported) Begin(columns []sheet.Column) error {
	s.columns = columns
	return nil
}

func (s *exported) Row(cells [][]byte) error {
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

func (s *exported) Finish() error { return nil }

func TestExport(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	b.collect(
		nights.Statement(customerB, both(nights.OneTime(10, "0.1999968000511991808131"), nights.OneTime(9, "9"), nights.Detail("Marketplace", "2026-10-01", "2026-10-31", "", "5"))),
		nights.Statement(customerA, both(nights.Recurring(9, "10"), nights.Recurring(10, "11"))),
	)
	reader := b.reader(b.url)
	october, november := time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		export finance.Export
		want   []string
		done   finance.Exported
	}{
		{"costs", finance.Export{Dataset: finance.CostsDataset, Month: october}, []string{
			"2026-09-12 2026-10-11 10 2026-11-02T02:30:00Z", "2026-10-01 2026-10-31 5 2026-11-02T02:30:00Z", "2026-10-01 2026-10-31 0.1999968000511991808131 2026-11-02T02:30:00Z",
		}, finance.Exported{Rows: 3}},
		{"FOCUS 1.2", finance.Export{Dataset: finance.FOCUS12Dataset, Month: october}, []string{
			"10 2026-10-12T00:00:00Z null false", "0 2026-10-12T00:00:00Z null false",
			"0.1999968000511991808131 2026-11-01T00:00:00Z null false", "0 2026-11-01T00:00:00Z null false",
		}, finance.Exported{Rows: 4, LeftOut: 1}},
		{"FOCUS 1.4 of a partner", finance.Export{Dataset: finance.FOCUS14Dataset, Month: november, Partner: "contoso"}, []string{
			"11 2026-11-12T00:00:00Z null false", "0 2026-11-12T00:00:00Z null false",
		}, finance.Exported{Rows: 2}},
		{"another partner", finance.Export{Dataset: finance.FOCUS12Dataset, Month: october, Partner: "fabrikam"}, nil, finance.Exported{}},
		{"another month", finance.Export{Dataset: finance.CostsDataset, Month: november.AddDate(0, 1, 0)}, nil, finance.Exported{}},
	}
	for _, test := range tests {
		var got exported
		done, err := reader.Export(t.Context(), test.export, &got)
		if err != nil {
			t.Fatal(err)
		}
		wantLines(t, test.name, got.lines, test.want...)
		if done.Rows != test.done.Rows || done.LeftOut != test.done.LeftOut || len(got.columns) == 0 {
			t.Errorf("%s: %+v and %d columns, want %+v", test.name, done, len(got.columns), test.done)
		}
	}
	full := exported{fail: errors.New("no space left on device")}
	if _, err := reader.Export(t.Context(), finance.Export{Month: october}, &full); !errors.Is(err, full.fail) || len(full.lines) != 1 {
		t.Errorf("a sheet that fails: error %v after %d rows", err, len(full.lines))
	}
}

// The id depends on the columns. If the columns change, focusSchemaCreated must change
// too, because a changed schema is a new schema.
func TestFocusSchemasAreThoseOfTheirDate(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	b.collect(nights.Statement(customerA, both(nights.OneTime(10, "1"))))
	reader := b.reader(b.url)
	for dataset, want := range map[finance.Dataset]string{
		finance.FOCUS12Dataset:       "4ed0b716-d3d8-5a90-a15a-8038d6eb338f",
		finance.FOCUS14Dataset:       "2ce7f510-c528-5897-bf49-0378980d691f",
		finance.BillingPeriodDataset: "721acb10-54ae-5c57-8c0c-80d39776e75b",
	} {
		e := finance.Export{Dataset: dataset, Month: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}
		done, err := reader.Export(t.Context(), e, &exported{})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.FOCUSSchemaID(done.Columns, "1.0.0"); got != want {
			t.Errorf("schema of dataset %d: %s, want %s", dataset, got, want)
		}
	}
}

func TestExportOfColumns(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	b.collect(nights.Statement(customerA, both(nights.OneTime(10, "1"))))
	reader := b.reader(b.url)
	e := finance.Export{Dataset: finance.FOCUS12Dataset, Month: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), Columns: []string{"BillingPeriodEnd", "BilledCost"}}
	var got exported
	if _, err := reader.Export(t.Context(), e, &got); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "rows", got.lines, "2026-11-01T00:00:00Z 1", "2026-11-01T00:00:00Z 0")
	e.Columns = append(e.Columns, "Billed\"Cost")
	_, err := reader.Export(t.Context(), e, &got)
	if unknown, is := errors.AsType[*finance.UnknownColumnError](err); !is || unknown.Name != "Billed\"Cost" || len(unknown.Known) < 50 {
		t.Errorf("error %v, want an unknown column", err)
	}
}
