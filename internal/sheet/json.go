package sheet

import (
	"bufio"
	"encoding/json"
	"io"
)

// jsonWriter writes an object for each row, its members in the order of the columns.
type jsonWriter struct {
	w       *bufio.Writer
	layout  layout
	names   [][]byte
	columns []Column
	rows    int
}

// layout is the text around and between the objects and their members.
type layout struct{ begin, before, between, after, end, colon, comma string }

// NewJSON writes one array of objects, for people and programs alike.
func NewJSON(w io.Writer) Writer {
	return newJSON(w, layout{begin: "[", before: "\n  ", between: ",", end: "\n]\n", colon: ": ", comma: ", "})
}

// NewJSONLines writes one object per line, so that programs can read them as they
// arrive.
func NewJSONLines(w io.Writer) Writer {
	return newJSON(w, layout{after: "\n", colon: ":", comma: ","})
}

func newJSON(w io.Writer, l layout) Writer {
	return &jsonWriter{w: bufio.NewWriterSize(w, bufferSize), layout: l}
}

func (s *jsonWriter) Begin(columns []Column) error {
	s.columns = columns
	for _, column := range columns {
		name, err := json.Marshal(column.Name)
		if err != nil {
			return err
		}
		s.names = append(s.names, name)
	}
	_, err := s.w.WriteString(s.layout.begin)
	return err
}

// Row writes an object. A number is copied in PostgreSQL's form, so it stays exact.
func (s *jsonWriter) Row(cells [][]byte) error {
	if s.rows > 0 {
		_, _ = s.w.WriteString(s.layout.between) // Flush returns the error
	}
	s.rows++
	_, _ = s.w.WriteString(s.layout.before + "{")
	for i, cell := range cells {
		if i > 0 {
			_, _ = s.w.WriteString(s.layout.comma)
		}
		_, _ = s.w.Write(s.names[i])
		_, _ = s.w.WriteString(s.layout.colon)
		value, err := jsonValue(cell, s.columns[i].Kind)
		if err != nil {
			return err
		}
		_, _ = s.w.Write(value)
	}
	_, err := s.w.WriteString("}" + s.layout.after)
	return err
}

func jsonValue(cell []byte, kind Kind) ([]byte, error) {
	switch {
	case cell == nil:
		return []byte("null"), nil
	case kind == Bool, kind == Number && isJSONNumber(cell):
		return cell, nil
	}
	return json.Marshal(string(cell))
}

// isJSONNumber reports whether a number of PostgreSQL is a JSON number. NaN and
// Infinity are not; they stay text.
func isJSONNumber(cell []byte) bool {
	return len(cell) > 0 && '0' <= cell[len(cell)-1] && cell[len(cell)-1] <= '9'
}

func (s *jsonWriter) Finish() error {
	_, _ = s.w.WriteString(s.layout.end) // Flush returns the error
	return s.w.Flush()
}
