package finance

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"partnercost/internal/sheet"
)

// write writes the rows of a query as they arrive, and counts them. kind returns the kind
// of a column from its type. Memory does not grow with the rows, unless the writer's
// does.
func (r *Reader) write(ctx context.Context, to sheet.Writer, kind func(oid uint32) sheet.Kind, query func(pgx.Tx) (pgx.Rows, error)) (int64, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if held, ok := to.(io.Closer); ok {
		defer func() { _ = held.Close() }() // its temporary files, if it was not finished
	}
	var count int64
	var writeErr error
	err := r.read(ctx, func(tx pgx.Tx) error {
		rows, err := query(tx)
		if err != nil {
			return err
		}
		defer rows.Close()
		count, writeErr = copyRows(rows, kind, to)
		if writeErr != nil {
			stop() // otherwise the remaining rows would be read first
			return writeErr
		}
		return rows.Err()
	})
	if writeErr == nil && err == nil {
		writeErr = to.Finish()
	}
	if writeErr != nil {
		return count, fmt.Errorf("write: %w", writeErr)
	}
	return count, err
}

// copyRows returns the errors of the writer only. Those of the query are in rows.Err.
func copyRows(rows pgx.Rows, kind func(oid uint32) sheet.Kind, to sheet.Writer) (int64, error) {
	var columns []sheet.Column
	for _, field := range rows.FieldDescriptions() {
		columns = append(columns, sheet.Column{Name: field.Name, Kind: kind(field.DataTypeOID)})
	}
	if err := to.Begin(columns); err != nil {
		return 0, err
	}
	var count int64
	cells := make([][]byte, len(columns))
	for rows.Next() {
		for i, raw := range rows.RawValues() {
			cells[i] = canonical(raw, columns[i].Kind)
		}
		if err := to.Row(cells); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

func kindOf(oid uint32) sheet.Kind {
	switch oid {
	case pgtype.NumericOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID:
		return sheet.Number
	case pgtype.DateOID:
		return sheet.Date
	case pgtype.TimestamptzOID:
		return sheet.Instant
	case pgtype.BoolOID:
		return sheet.Bool
	}
	return sheet.Text
}

// canonical turns PostgreSQL's text of instants (2026-10-31 00:00:00.5+00) and booleans
// into the form that other programs read.
func canonical(raw []byte, kind sheet.Kind) []byte {
	switch {
	case raw == nil:
		return nil
	case kind == sheet.Bool && string(raw) == "t":
		return []byte("true")
	case kind == sheet.Bool:
		return []byte("false")
	case kind == sheet.Instant && len(raw) > len("+00"):
		instant := append(raw[:len(raw)-len("+00"):len(raw)-len("+00")], 'Z')
		instant[len(time.DateOnly)] = 'T'
		return instant
	}
	return raw
}
