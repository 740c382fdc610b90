package sheet_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"partnercost/internal/sheet"
)

func workbook(t *testing.T, columns []sheet.Column, notes []sheet.Note, rows ...[]string) *excelize.File {
	t.Helper()
	var out bytes.Buffer
	w := sheet.NewXLSX(&out, "costs", notes)
	if err := w.Begin(columns); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		cells := make([][]byte, len(row))
		for i, cell := range row {
			if cell != "NULL" {
				cells[i] = []byte(cell)
			}
		}
		if err := w.Row(cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	file, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func TestWorkbookHasTypedCells(t *testing.T) {
	t.Parallel()
	columns := []sheet.Column{
		{Name: "company_name"},
		{Name: "period_end", Kind: sheet.Date},
		{Name: "changed_at", Kind: sheet.Instant},
		{Name: "active", Kind: sheet.Bool},
		{Name: "customers", Kind: sheet.Number},
		{Name: "after_tax_total", Kind: sheet.Number},
		{Name: "currency_code"},
	}
	file := workbook(t, columns, []sheet.Note{{About: "period", Says: "2026-10"}},
		[]string{"=1+1", "2026-10-31", "2026-11-02T02:30:00Z", "true", "7", "1234.5", "EUR"},
		[]string{"Süd <&> \x01 株式会社", "NULL", "NULL", "false", "0", "1000", "JPY"},
		[]string{"NULL", "2026-10-31", "2026-11-02T02:30:00.5Z", "false", "0", "17.219999999999999", "USD"},
		[]string{"a", "2026-10-31", "2026-11-02T02:30:00Z", "true", "0", "-0.123", "NULL"},
		[]string{"b", "2026-10-31", "2026-11-02T02:30:00Z", "true", "0", "NaN", "EUR"},
		[]string{"c", "2026-10-31", "2026-11-02T02:30:00Z", "true", "0", "123456789012345.0", "USD"})
	shown, err := file.GetRows("costs")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"company_name", "period_end", "changed_at", "active", "customers", "after_tax_total", "currency_code"},
		{"=1+1", "2026-10-31", "2026-11-02 02:30:00", "TRUE", "7", `1,234.50 EUR`, "EUR"},
		{"Süd <&> \ufffd 株式会社", "", "", "FALSE", "0", `1,000 JPY`, "JPY"},
		{"", "2026-10-31", "2026-11-02 02:30:00", "FALSE", "0", "17.219999999999999", "USD"},
		{"a", "2026-10-31", "2026-11-02 02:30:00", "TRUE", "0", "-0.123"},
		{"b", "2026-10-31", "2026-11-02 02:30:00", "TRUE", "0", "NaN", "EUR"},
		{"c", "2026-10-31", "2026-11-02 02:30:00", "TRUE", "0", "123,456,789,012,345.00 USD", "USD"},
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	for cell, want := range map[string]excelize.CellType{
		"A2": excelize.CellTypeInlineString, "E2": excelize.CellTypeUnset, "F2": excelize.CellTypeUnset, "D2": excelize.CellTypeBool, "F4": excelize.CellTypeInlineString, "F6": excelize.CellTypeInlineString,
	} {
		if got, err := file.GetCellType("costs", cell); err != nil || got != want {
			t.Errorf("%s has type %v, want %v (%v)", cell, got, want, err)
		}
	}
	if formula, err := file.GetCellFormula("costs", "A2"); err != nil || formula != "" {
		t.Errorf("a text became the formula %q (%v)", formula, err)
	}
	if panes, err := file.GetPanes("costs"); err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("panes %+v, %v", panes, err)
	}
	names := file.GetDefinedName()
	if len(names) != 1 || names[0].RefersTo != "'costs'!$A$1:$G$7" {
		t.Errorf("the filter is %+v", names)
	}
	notes, err := file.GetRows("Notes")
	if err != nil {
		t.Fatal(err)
	}
	if notes[0][1] != "2026-10" || notes[1][1] != "6" || !strings.HasSuffix(notes[2][1], "2 here") {
		t.Errorf("notes: %q", notes)
	}
}

func TestWorkbookWithoutRows(t *testing.T) {
	t.Parallel()
	file := workbook(t, []sheet.Column{{Name: "a"}}, nil)
	rows, err := file.GetRows("costs")
	if err != nil || len(rows) != 1 {
		t.Errorf("rows %v, %v", rows, err)
	}
}
