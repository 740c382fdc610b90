package console

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"partnercost/internal/sheet"
)

// file answers with all rows of a table as CSV, in the order of the page it was asked
// for on: amounts exactly as they are stored, times in UTC. People open it in Excel:
// text is inert there, and a byte order mark keeps umlauts.
func (c *console) file(w http.ResponseWriter, r *http.Request, t table) {
	done, err := c.turn(r.Context())
	if err != nil {
		c.failed(w, r, err)
		return
	}
	defer done()
	begun := false
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
		to := newDownload(ctx, w, stop)
		out := csv.NewWriter(to)
		var names []string
		for _, column := range t.columns {
			if column.kind != rank && column.kind != bars {
				names = append(names, column.name)
			}
		}
		// The header is sent with the first row: until then an error can still be told.
		begin := func() error {
			begun = true
			w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
			w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(t, f)+`"`)
			if _, err := to.Write([]byte("\ufeff")); err != nil {
				return err
			}
			return out.Write(names)
		}
		err = t.rows(ctx, tx, f, o, 0, 0, func(values []any) error {
			if !begun {
				if err := begin(); err != nil {
					return err
				}
			}
			record := make([]string, 0, len(names))
			for i, value := range values {
				switch {
				case t.columns[i].kind == rank, t.columns[i].kind == bars:
				case t.columns[i].right():
					record = append(record, plainText(value))
				default:
					record = append(record, sheet.Inert(plainText(value)))
				}
			}
			return out.Write(record)
		})
		if err == nil && !begun {
			err = begin()
		}
		out.Flush()
		if err == nil {
			err = out.Error()
		}
		return err
	})
	switch {
	case err == nil:
	case !begun:
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
	return strings.Join(parts, "-") + ".csv"
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9]{1,40}$`)
