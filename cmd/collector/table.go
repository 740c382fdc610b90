package main

import (
	"encoding/json"
	"io"

	"partnercost/internal/sheet"
)

// textTable is rows of text under a header.
type textTable struct {
	header []string
	// right tells which columns are aligned to the right; it may be shorter.
	right []bool
	rows  [][]string
}

// write prints the table for people.
func (t textTable) write(w io.Writer) error { return t.writeTo(sheet.NewText(w)) }

func (t textTable) writeTo(out sheet.Writer) error {
	columns := make([]sheet.Column, len(t.header))
	for i, name := range t.header {
		columns[i].Name = name
		if i < len(t.right) && t.right[i] {
			columns[i].Kind = sheet.Number
		}
	}
	if err := out.Begin(columns); err != nil {
		return err
	}
	cells := make([][]byte, len(columns))
	for _, row := range t.rows {
		for i, cell := range row {
			cells[i] = []byte(cell)
		}
		if err := out.Row(cells); err != nil {
			return err
		}
	}
	return out.Finish()
}

// writeJSON prints v for people and programs alike.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
