// Package sheet writes rows as they arrive, in one of several formats. The cells are
// text in PostgreSQL's form, so no amount passes through a float.
package sheet

// Kind is the type of the values in a column of text cells.
type Kind int

// The kinds of columns.
const (
	// Text is text, and everything that no other kind describes.
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

// Writer writes a sheet in one format. One that is an io.Closer has temporary files, and
// is closed where it is not finished.
type Writer interface {
	// Begin is called once, before the rows.
	Begin(columns []Column) error
	// Row writes a row; nil is NULL. The cells are valid only until it returns.
	Row(cells [][]byte) error
	// Finish is called once, after the rows. It writes what is still buffered.
	Finish() error
}

// bufferSize is how much is buffered before a write.
const bufferSize = 1 << 16
