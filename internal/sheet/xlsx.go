package sheet

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// Note is a line of the sheet of notes in a workbook.
type Note struct{ About, Says string }

// xlsxWriter writes an Excel workbook. The library keeps many rows in a temporary file,
// and the workbook is streamed to w.
type xlsxWriter struct {
	w       io.Writer
	name    string
	notes   []Note
	file    *excelize.File
	stream  *excelize.StreamWriter
	columns []Column
	amounts amounts
	rows    int
	inText  int // numbers that became text
	styles  map[string]int
}

// NewXLSX writes an Excel workbook to w: a sheet of the given name with a frozen header
// and filters, and a sheet of notes. Dates are written as dates and numbers as numbers;
// amounts have the decimals and the code of the currency of their row. A number of more
// than fifteen digits, which Excel cannot hold, is written as text.
func NewXLSX(w io.Writer, name string, notes []Note) Writer {
	return &xlsxWriter{w: w, name: sheetName(name), notes: notes, styles: map[string]int{}}
}

const (
	notesSheet = "Notes"
	// maxRows is the largest number of rows of an Excel sheet, the header included.
	maxRows = 1 << 20
	// exactDigits is how many digits of any number survive in a double, and how many Excel
	// shows.
	exactDigits = 15
	// longest is the largest number of characters in a cell of Excel.
	longest = 32767
)

// ErrTooManyRows says that a sheet of Excel does not hold all rows.
var ErrTooManyRows = errors.New("a sheet of Excel holds no more than 1,048,576 rows: select fewer, or write csv")

func (s *xlsxWriter) Begin(columns []Column) (err error) {
	s.columns, s.amounts = columns, amountsOf(columns)
	s.file = excelize.NewFile()
	defer func() {
		if err != nil {
			err = errors.Join(err, s.file.Close())
		}
	}()
	if err := s.file.SetSheetName("Sheet1", s.name); err != nil {
		return err
	}
	if s.stream, err = s.file.NewStreamWriter(s.name); err != nil {
		return err
	}
	header, err := s.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	names := make([]any, len(columns))
	for i, c := range columns {
		names[i] = excelize.Cell{StyleID: header, Value: c.Name}
		if err := s.stream.SetColWidth(i+1, i+1, columnWidth(c)); err != nil {
			return err
		}
	}
	if err := s.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	s.rows = 1
	return s.stream.SetRow("A1", names)
}

// columnWidth returns the width at which a column is shown, from its name or its usual
// content.
func columnWidth(c Column) float64 {
	least := map[Kind]int{Date: 12, Instant: 20, Number: 12, Text: 14, Bool: 8}[c.Kind]
	switch {
	case strings.HasSuffix(c.Name, "_id"):
		least = 38
	case strings.HasSuffix(c.Name, "name"), c.Name == "detail", strings.HasSuffix(c.Name, "Description"):
		least = 30
	}
	return float64(max(least, len(c.Name)+4))
}

func (s *xlsxWriter) Row(cells [][]byte) error {
	if s.rows++; s.rows > maxRows {
		return ErrTooManyRows
	}
	currency := s.amounts.code(cells)
	values := make([]any, len(cells))
	for i, cell := range cells {
		if cell == nil {
			continue
		}
		value, err := s.value(i, string(cell), currency)
		if err != nil {
			return err
		}
		values[i] = value
	}
	at, err := excelize.CoordinatesToCellName(1, s.rows)
	if err != nil {
		return err
	}
	return s.stream.SetRow(at, values)
}

// value returns a cell in its own type, or as text if Excel cannot hold it in that
// type.
func (s *xlsxWriter) value(i int, text, currency string) (any, error) {
	switch s.columns[i].Kind {
	case Number:
		number, exact := double(text)
		if !exact {
			s.inText++
			return s.styled("@", text)
		}
		if !s.amounts.is[i] {
			return number, nil
		}
		return s.styled(amountFormat(text, currency), number)
	case Date:
		if day, err := time.Parse(time.DateOnly, text); err == nil && day.Year() >= 1900 {
			return s.styled("yyyy-mm-dd", day)
		}
	case Instant:
		if at, err := time.Parse(time.RFC3339, text); err == nil && at.Year() >= 1900 {
			return s.styled("yyyy-mm-dd hh:mm:ss", at.Truncate(time.Second))
		}
	case Bool:
		return text == "true", nil
	case Text:
	}
	return inCell(text), nil
}

// inCell returns as much of a text as a cell holds.
func inCell(text string) string {
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	return string([]rune(text)[:longest])
}

// double returns a number as Excel stores it, and whether that has all its digits.
func double(text string) (float64, bool) {
	digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0")
	if whole, fraction, is := strings.Cut(text, "."); is && strings.Trim(fraction, "0") == "" {
		digits = strings.TrimLeft(strings.TrimPrefix(whole, "-"), "0")
	}
	if len(digits) > exactDigits {
		return 0, false
	}
	number, err := strconv.ParseFloat(text, 64)
	return number, err == nil && isJSONNumber([]byte(text))
}

// amountFormat returns a format with the code of the currency and its decimals, or the
// decimals of the amount if it has more.
func amountFormat(text, currency string) string {
	_, fraction, _ := strings.Cut(text, ".")
	places := max(len(strings.TrimRight(fraction, "0")), int(Decimals(currency)))
	format := "#,##0"
	if places > 0 {
		format += "." + strings.Repeat("0", places)
	}
	if isCode(currency) {
		format += ` "` + currency + `"`
	}
	return format
}

func isCode(currency string) bool {
	return len(currency) == 3 && strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func (s *xlsxWriter) styled(format string, value any) (any, error) {
	id, known := s.styles[format]
	if !known {
		var err error
		if id, err = s.file.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
			return nil, err
		}
		s.styles[format] = id
	}
	return excelize.Cell{StyleID: id, Value: value}, nil
}

func (s *xlsxWriter) Finish() (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	last, err := excelize.CoordinatesToCellName(max(1, len(s.columns)), s.rows)
	if err != nil {
		return err
	}
	if err := s.file.AutoFilter(s.name, "A1:"+last, nil); err != nil {
		return err
	}
	if err := s.stream.Flush(); err != nil {
		return err
	}
	if err := s.writeNotes(); err != nil {
		return err
	}
	// The library would gather the whole file in memory before it writes.
	s.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(s.w) })
	_, err = s.file.WriteTo(io.Discard)
	return err
}

// Close removes the temporary files, which Finish does too.
func (s *xlsxWriter) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

func (s *xlsxWriter) writeNotes() error {
	notes := append([]Note{}, s.notes...)
	notes = append(notes, Note{"rows", strconv.Itoa(s.rows - 1)},
		Note{"numbers", fmt.Sprintf("as numbers; those of more than %d digits, which Excel cannot hold exactly, as text: %d here", exactDigits, s.inText)})
	if _, err := s.file.NewSheet(notesSheet); err != nil {
		return err
	}
	for i, note := range notes {
		if err := s.file.SetSheetRow(notesSheet, "A"+strconv.Itoa(i+1), &[]any{note.About, inCell(note.Says)}); err != nil {
			return err
		}
	}
	return errors.Join(s.file.SetColWidth(notesSheet, "A", "A", 22), s.file.SetColWidth(notesSheet, "B", "B", 100))
}

// sheetName returns a valid name of a sheet.
func sheetName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) {
			return '-'
		}
		return r
	}, name)
	if utf8.RuneCountInString(name) > excelize.MaxSheetNameLength {
		name = string([]rune(name)[:excelize.MaxSheetNameLength])
	}
	if name == "" || strings.EqualFold(name, notesSheet) {
		return "Data"
	}
	return name
}
