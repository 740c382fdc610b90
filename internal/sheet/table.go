package sheet

// Table is rows of text under a header, in memory, as commands print them.
type Table struct {
	Header []string
	// Right says which columns are aligned to the right; it may be shorter than a row.
	Right []bool
	Rows  [][]string
}

// Write writes the whole table to out.
func (t Table) Write(out Writer) error {
	columns := make([]Column, len(t.Header))
	for i, name := range t.Header {
		columns[i].Name = name
		if i < len(t.Right) && t.Right[i] {
			columns[i].Kind = Number
		}
	}
	if err := out.Begin(columns); err != nil {
		return err
	}
	cells := make([][]byte, len(columns))
	for _, row := range t.Rows {
		for i, cell := range row {
			cells[i] = []byte(cell)
		}
		if err := out.Row(cells); err != nil {
			return err
		}
	}
	return out.Finish()
}
