package persist

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Dataset is what Export reads: a view of finance, of which it takes the billing
// periods that end in one month.
type Dataset int

// The datasets there are.
const (
	// CostsDataset is finance.costs.
	CostsDataset Dataset = iota
	// FOCUS12Dataset is finance.focus_1_2.
	FOCUS12Dataset
	// FOCUS14Dataset is finance.focus_1_4.
	FOCUS14Dataset
)

// exports are the queries of the datasets; each takes the first day of the month,
// that of the next one, and the partner or nothing. They are no queries of sqlc,
// which would collect the rows in memory. The order is the same on every server,
// whatever its collation.
var exports = map[Dataset]string{
	CostsDataset: `SELECT * FROM finance.costs
		WHERE period_end >= $1::date AND period_end < $2::date AND ($3::text = '' OR partner = $3)
		ORDER BY partner COLLATE "C", customer_id, invoice_type COLLATE "C", period_start, currency_code COLLATE "C", ordinal`,
	FOCUS12Dataset: focusExport("finance.focus_1_2"),
	FOCUS14Dataset: focusExport("finance.focus_1_4"),
}

func focusExport(view string) string {
	return `SELECT * FROM ` + view + `
		WHERE "BillingPeriodEnd" > $1::date AND "BillingPeriodEnd" <= $2::date AND ($3::text = '' OR "x_Partner" = $3)
		ORDER BY "x_ChargeId" COLLATE "C", "x_CostPart" COLLATE "C"`
}

// leftOut counts what the FOCUS views do not hold. A cost without an end belongs to
// no month, so it counts in every one.
const leftOut = `SELECT count(*) FROM finance.focus_left_out
	WHERE (period_end IS NULL OR period_end >= $1::date AND period_end < $2::date) AND ($3::text = '' OR partner = $3)`

// ColumnKind says how the text of a column is to be read.
type ColumnKind int

// The kinds of columns.
const (
	TextColumn ColumnKind = iota
	// NumberColumn holds decimal numbers, exactly as stored.
	NumberColumn
	// DateColumn holds days such as 2026-10-31.
	DateColumn
	// InstantColumn holds instants in UTC such as 2026-10-31T00:00:00Z.
	InstantColumn
	// BoolColumn holds true and false.
	BoolColumn
)

// Column is a column of an export.
type Column struct {
	Name string
	Kind ColumnKind
}

// Sheet takes the rows of an export, one at a time.
type Sheet interface {
	// Begin is called once, before the rows.
	Begin(columns []Column) error
	// Row takes a row; nil is NULL. The cells are valid only until it returns.
	Row(cells [][]byte) error
}

// Export is which rows of a dataset are wanted.
type Export struct {
	Dataset Dataset
	// Month is any instant of the month, in UTC.
	Month time.Time
	// Partner is a partner's name, or empty for all.
	Partner string
}

// Exported says how many rows there were, and how many costs the dataset does not
// hold because FOCUS demands what they do not state.
type Exported struct {
	Rows, LeftOut int64
}

// Export writes the rows to the sheet as they arrive, in an order that depends on
// the rows only. Its memory does not grow with their number.
func (s *Store) Export(ctx context.Context, e Export, to Sheet) (Exported, error) {
	month := time.Date(e.Month.Year(), e.Month.Month(), 1, 0, 0, 0, 0, time.UTC)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var done Exported
	var sheetErr error
	options := pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead}
	err := pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT set_config('datestyle', 'ISO, YMD', true), set_config('timezone', 'UTC', true)"); err != nil {
			return err
		}
		if e.Dataset != CostsDataset {
			if err := tx.QueryRow(ctx, leftOut, month, month.AddDate(0, 1, 0), e.Partner).Scan(&done.LeftOut); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, exports[e.Dataset], pgx.QueryResultFormats{pgx.TextFormatCode}, month, month.AddDate(0, 1, 0), e.Partner)
		if err != nil {
			return err
		}
		defer rows.Close()
		done.Rows, sheetErr = copyRows(rows, to)
		if sheetErr != nil {
			stop() // else the rest of the rows would be read before the end
			return sheetErr
		}
		return rows.Err()
	})
	if sheetErr != nil {
		return done, fmt.Errorf("write the export: %w", sheetErr)
	}
	if err != nil {
		return done, fmt.Errorf("export: %w", classify(err))
	}
	return done, nil
}

// copyRows returns the errors of the sheet only; those of the rows stay with them.
func copyRows(rows pgx.Rows, to Sheet) (int64, error) {
	var columns []Column
	for _, field := range rows.FieldDescriptions() {
		columns = append(columns, Column{Name: field.Name, Kind: kindOf(field.DataTypeOID)})
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

func kindOf(oid uint32) ColumnKind {
	switch {
	case isNumber(oid):
		return NumberColumn
	case oid == pgtype.DateOID:
		return DateColumn
	case oid == pgtype.TimestamptzOID:
		return InstantColumn
	case oid == pgtype.BoolOID:
		return BoolColumn
	}
	return TextColumn
}

// canonical turns PostgreSQL's text of instants and booleans into what every other
// program reads. The instants are written as 2026-10-31 00:00:00.5+00.
func canonical(raw []byte, kind ColumnKind) []byte {
	switch {
	case raw == nil:
		return nil
	case kind == BoolColumn && string(raw) == "t":
		return []byte("true")
	case kind == BoolColumn:
		return []byte("false")
	case kind == InstantColumn && len(raw) > len("+00"):
		instant := append(raw[:len(raw)-len("+00"):len(raw)-len("+00")], 'Z')
		instant[len(time.DateOnly)] = 'T'
		return instant
	}
	return raw
}
