package sheet

import (
	"bufio"
	"encoding/csv"
	"io"
	"strings"
)

// csvWriter writes RFC 4180: a header, and lines that end with CR LF. NULL is empty.
type csvWriter struct {
	w       *bufio.Writer
	out     *csv.Writer
	columns []Column
	record  []string
	excel   bool
}

// NewCSV writes CSV (RFC 4180) with text exactly as stored, for programs. If excel is set,
// it writes for people who open the file in a spreadsheet: text is made inert, and the
// file begins with a byte order mark.
func NewCSV(w io.Writer, excel bool) Writer {
	buffered := bufio.NewWriterSize(w, bufferSize)
	s := &csvWriter{w: buffered, out: csv.NewWriter(buffered), excel: excel}
	s.out.UseCRLF = true
	return s
}

func (s *csvWriter) Begin(columns []Column) error {
	if s.excel {
		if _, err := s.w.WriteString("\ufeff"); err != nil { // without it Excel reads UTF-8 in the code page of the machine
			return err
		}
	}
	s.columns, s.record = columns, make([]string, len(columns))
	for i, column := range columns {
		s.record[i] = column.Name
	}
	return s.out.Write(s.record)
}

func (s *csvWriter) Row(cells [][]byte) error {
	for i, cell := range cells {
		s.record[i] = string(cell)
		if s.excel && s.columns[i].Kind == Text {
			s.record[i] = Inert(s.record[i])
		}
	}
	return s.out.Write(s.record)
}

func (s *csvWriter) Finish() error {
	s.out.Flush()
	return s.out.Error()
}

// Inert prevents a spreadsheet from evaluating a text as a formula: it puts an
// apostrophe before a text that begins like one.
func Inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
