// Package sheet writes rows as they arrive: as CSV, JSON, Parquet or a table of text.
// The cells are text in PostgreSQL's words, so that no amount passes through a float.
package sheet

// Kind says how the text of a column is to be read.
type Kind int

// The kinds of columns.
const (
	// Text is text. So is everything that no other kind describes.
	Text Kind = iota
	// Number holds decimal numbers, exactly as stored.
	Number
	// Date holds days such as 2026-10-31.
	Date
	// Instant holds instants in UTC such as 2026-10-31T00:00:00Z.
	Instant
	// Bool holds true and false.
	Bool
)

// Column is a column of a sheet.
type Column struct {
	Name string
	Kind Kind
}

// Writer writes a sheet in one format.
type Writer interface {
	// Begin is called once, before the rows.
	Begin(columns []Column) error
	// Row takes a row; nil is NULL. The cells are valid only until it returns.
	Row(cells [][]byte) error
	// Finish is called once, after the rows. It writes what is still held back.
	Finish() error
}

// bufferSize is how much is collected before something is written.
const bufferSize = 1 << 16
