package console

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"partnercost/internal/finance"
	"partnercost/internal/sheet"
)

// format is a kind of file in which a table is downloaded. Its name is its address, and
// the ending of its files.
type format struct{ name, mediaType string }

var (
	csvFile  = format{"csv", "text/csv; charset=utf-8; header=present"}
	xlsxFile = format{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
)

// file answers with all rows of a table, in the order of the page it was asked for on:
// amounts exactly as they are stored, times in UTC.
func (c *console) file(w http.ResponseWriter, r *http.Request, t table, as format) {
	done, err := c.turn(r.Context())
	if err != nil {
		c.failed(w, r, err)
		return
	}
	defer done()
	to := &startingFile{}
	err = c.read(r.Context(), fileWithin, func(ctx context.Context, tx *sql.Tx) error {
		q := r.URL.Query()
		f, err := c.filter(q)
		if err != nil {
			return err
		}
		o, err := t.sorted(q)
		if err != nil {
			return err
		}
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		to.to, to.header, to.is, to.name = newDownload(ctx, w, stop), w.Header(), as, fileName(t, f)+"."+as.name
		out, err := c.sheet(ctx, tx, t, f, as, to)
		if err != nil {
			return err
		}
		if held, ok := out.(io.Closer); ok {
			defer func() { _ = held.Close() }() // temporary files, which are empty by now
		}
		return t.write(ctx, tx, f, o, out)
	})
	switch {
	case err == nil:
	case errors.Is(err, sheet.ErrTooManyRows):
		c.failed(w, r, badRequest("%v", err))
	case !to.begun:
		c.failed(w, r, err)
	default:
		switch {
		case r.Context().Err() != nil:
		case errors.Is(err, errUnread):
			c.Log.Info("a file was not read to its end", slog.String("path", r.URL.Path))
		default:
			c.Log.Error("the console could not finish a file", slog.String("path", r.URL.Path), slog.String("error", err.Error()))
		}
		panic(http.ErrAbortHandler) // half a file must not look like a whole one
	}
}

// sheet opens a file. People open a CSV in Excel, too: text is inert there, and a byte
// order mark keeps umlauts.
func (c *console) sheet(ctx context.Context, tx *sql.Tx, t table, f filter, as format, to io.Writer) (sheet.Writer, error) {
	if as == csvFile {
		return sheet.NewCSV(to, true), nil
	}
	period := ""
	notes := []sheet.Note{{About: "table", Says: t.title}}
	if t.note != "" {
		notes = append(notes, sheet.Note{About: "shows", Says: t.note})
	}
	if slices.Contains(t.filters, "month") {
		says := "all"
		if f.month != nil {
			period, says = f.month.String(), f.month.label()
		}
		notes = append(notes, sheet.Note{About: "month", Says: says})
	}
	chosen := without(f.values(), "month")
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		if text := chosen.Get(name); text != all {
			notes = append(notes, sheet.Note{About: strings.ToLower(title(name)), Says: text})
		}
	}
	now := f.now.UTC().Format(time.RFC3339)
	notes = append(notes, sheet.Note{About: "as of", Says: now}, sheet.Note{About: "written", Says: now + " by collector " + c.Version})
	if period == none {
		return sheet.NewXLSX(to, t.title, notes), nil
	}
	complete, err := finance.Completeness(ctx, tx, f.partner, period, f.now)
	return sheet.NewXLSX(to, t.title, append(notes, complete...)), err
}

// write writes all rows of the table.
func (t table) write(ctx context.Context, tx *sql.Tx, f filter, o order, to sheet.Writer) error {
	rows, err := t.open(ctx, tx, f, o, 0, 0)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // what was wrong is in Err
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	var columns []sheet.Column
	var places []int
	for i, column := range t.columns {
		if column.kind != rank && column.kind != bars {
			columns, places = append(columns, sheet.Column{Name: column.name, Kind: t.sheetKind(column, types[i].DatabaseTypeName())}), append(places, i)
		}
	}
	if err := to.Begin(columns); err != nil {
		return err
	}
	cells := make([][]byte, len(columns))
	err = t.each(rows, func(values []any) error {
		for i, place := range places {
			cells[i] = nil
			if values[place] != nil {
				cells[i] = []byte(plainText(values[place]))
			}
		}
		return to.Row(cells)
	})
	if err != nil {
		return err
	}
	return to.Finish()
}

// sheetKind is the type of a column in a file. Days are selected as text.
func (t table) sheetKind(c column, databaseType string) sheet.Kind {
	ends := slices.ContainsFunc(t.columns, func(other column) bool { return other.kind == period && other.until == c.name })
	switch {
	case ends, c.kind == day, c.kind == period:
		return sheet.Date
	case databaseType == "TIMESTAMPTZ":
		return sheet.Instant
	case databaseType == "BOOL":
		return sheet.Bool
	case databaseType == "NUMERIC", databaseType == "INT4", databaseType == "INT8":
		return sheet.Number
	}
	return sheet.Text
}

// startingFile is a download whose header is sent with its first bytes: until then an
// error can still be told.
type startingFile struct {
	to     io.Writer
	header http.Header
	is     format
	name   string
	begun  bool
}

// Write implements io.Writer.
func (s *startingFile) Write(b []byte) (int, error) {
	if !s.begun {
		s.begun = true
		s.header.Set("Content-Type", s.is.mediaType)
		s.header.Set("Content-Disposition", `attachment; filename="`+s.name+`"`)
	}
	return s.to.Write(b)
}

// fileName says what the file is narrowed down to, as far as that makes a name.
func fileName(t table, f filter) string {
	parts := []string{t.name}
	add := func(text *string) {
		if text != nil && plainName.MatchString(*text) {
			parts = append(parts, *text)
		}
	}
	if f.month != nil {
		parts = append(parts, f.month.String())
	}
	add(f.currency)
	add(f.kind)
	add(&f.invoice)
	if f.customer != "" {
		parts = append(parts, string(f.customer))
	}
	return strings.Join(parts, "-")
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9]{1,40}$`)
