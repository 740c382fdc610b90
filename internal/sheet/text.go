package sheet

import (
	"bufio"
	"io"
	"strings"
	"time"
)

// textWriter writes aligned columns. It holds all rows, because the widest cell of a
// column determines its width.
type textWriter struct {
	w       io.Writer
	columns []Column
	rows    [][]string
	widths  []int
	// forReading says that cells are written as people read them; amounts are those that
	// have a currency.
	forReading bool
	amounts    amounts
}

// NewText writes a table for people: a header and aligned columns, numbers to the
// right. NULL is empty. Cells are made printable.
func NewText(w io.Writer) Writer { return &textWriter{w: w} }

// NewReport writes a table as NewText does, with amounts in the decimals of the currency of
// their row, or as many more as they have, and instants to the second.
func NewReport(w io.Writer) Writer { return &textWriter{w: w, forReading: true} }

func (s *textWriter) Begin(columns []Column) error {
	s.columns, s.widths, s.amounts = columns, make([]int, len(columns)), amountsOf(columns)
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name
	}
	s.add(names)
	return nil
}

func (s *textWriter) Row(cells [][]byte) error {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = string(cell)
		if s.forReading {
			row[i] = s.read(i, row[i], s.amounts.code(cells))
		}
	}
	s.add(row)
	return nil
}

// read is a cell as people read it.
func (s *textWriter) read(i int, text, currency string) string {
	switch {
	case s.amounts.is[i]:
		return padded(text, currency)
	case s.columns[i].Kind == Instant:
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at.UTC().Format(time.DateTime)
		}
	case s.columns[i].Kind == Bool && text == "true":
		return "yes"
	case s.columns[i].Kind == Bool && text == "false":
		return "no"
	}
	return text
}

func (s *textWriter) add(row []string) {
	for i := range row {
		row[i] = Printable(row[i])
		s.widths[i] = max(s.widths[i], cellWidth(row[i]))
	}
	s.rows = append(s.rows, row)
}

func (s *textWriter) Finish() error {
	out := bufio.NewWriterSize(s.w, bufferSize)
	for _, row := range s.rows {
		var line strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", s.widths[i]-cellWidth(cell))
			if s.columns[i].Kind == Number {
				line.WriteString(gap + cell)
			} else {
				line.WriteString(cell + gap)
			}
			line.WriteString("  ")
		}
		_, _ = out.WriteString(strings.TrimRight(line.String(), " ") + "\n") // Flush returns the error
	}
	return out.Flush()
}
