package sheet

import (
	"bufio"
	"io"
	"strings"
)

// textWriter writes aligned columns. It holds all rows, because the widest cell of a
// column determines its width.
type textWriter struct {
	w       io.Writer
	columns []Column
	rows    [][]string
	widths  []int
}

// NewText writes a table for people: a header and aligned columns, numbers to the
// right. NULL is empty. Cells are made printable.
func NewText(w io.Writer) Writer { return &textWriter{w: w} }

func (s *textWriter) Begin(columns []Column) error {
	s.columns, s.widths = columns, make([]int, len(columns))
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
	}
	s.add(row)
	return nil
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
