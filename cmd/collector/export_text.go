package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"strings"

	"partnercost/internal/persist"
)

// csvSheet writes RFC 4180: a header, and lines ended by CR LF. NULL is empty.
type csvSheet struct {
	w       *bufio.Writer
	out     *csv.Writer
	columns []persist.Column
	record  []string
	// excel is for people who open the file in a spreadsheet.
	excel bool
}

func newCSVSheet(w *bufio.Writer, excel bool) *csvSheet {
	s := &csvSheet{w: w, out: csv.NewWriter(w), excel: excel}
	s.out.UseCRLF = true
	return s
}

// Begin implements persist.Sheet.
func (s *csvSheet) Begin(columns []persist.Column) error {
	if s.excel {
		if _, err := s.w.WriteString("\ufeff"); err != nil { // else Excel takes UTF-8 for the code page of the machine
			return err
		}
	}
	s.columns, s.record = columns, make([]string, len(columns))
	for i, column := range columns {
		s.record[i] = column.Name
	}
	return s.out.Write(s.record)
}

// Row implements persist.Sheet.
func (s *csvSheet) Row(cells [][]byte) error {
	for i, cell := range cells {
		s.record[i] = string(cell)
		if s.excel && s.columns[i].Kind == persist.TextColumn {
			s.record[i] = inert(s.record[i])
		}
	}
	return s.out.Write(s.record)
}

func (s *csvSheet) finish() error {
	s.out.Flush()
	return s.out.Error()
}

// inert keeps a spreadsheet from running text as a formula.
func inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// jsonSheet writes an object a line, its members in the order of the columns.
type jsonSheet struct {
	w       *bufio.Writer
	names   [][]byte
	columns []persist.Column
}

// Begin implements persist.Sheet.
func (s *jsonSheet) Begin(columns []persist.Column) error {
	s.columns = columns
	for _, column := range columns {
		name, err := json.Marshal(column.Name)
		if err != nil {
			return err
		}
		s.names = append(s.names, name)
	}
	return nil
}

// Row implements persist.Sheet. A number is copied as PostgreSQL wrote it, so it stays
// exact.
func (s *jsonSheet) Row(cells [][]byte) error {
	separator := byte('{')
	for i, cell := range cells {
		_ = s.w.WriteByte(separator) // the last write returns the error of all
		separator = ','
		_, _ = s.w.Write(s.names[i])
		_ = s.w.WriteByte(':')
		value := cell
		switch kind := s.columns[i].Kind; {
		case cell == nil:
			value = []byte("null")
		case kind != persist.NumberColumn && kind != persist.BoolColumn:
			var err error
			if value, err = json.Marshal(string(cell)); err != nil {
				return err
			}
		}
		_, _ = s.w.Write(value)
	}
	_, err := s.w.WriteString("}\n")
	return err
}

func (s *jsonSheet) finish() error { return nil }
