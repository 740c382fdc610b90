package finance

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/sheet"
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

// Export writes the rows as they arrive, in an order that depends on the rows only.
func (r *Reader) Export(ctx context.Context, e Export, to sheet.Writer) (Exported, error) {
	month := time.Date(e.Month.Year(), e.Month.Month(), 1, 0, 0, 0, 0, time.UTC)
	var done Exported
	var err error
	done.Rows, err = r.write(ctx, to, kindOf, func(tx pgx.Tx) (pgx.Rows, error) {
		if e.Dataset != CostsDataset {
			if err := tx.QueryRow(ctx, leftOut, month, month.AddDate(0, 1, 0), e.Partner).Scan(&done.LeftOut); err != nil {
				return nil, err
			}
		}
		return tx.Query(ctx, exports[e.Dataset], pgx.QueryResultFormats{pgx.TextFormatCode}, month, month.AddDate(0, 1, 0), e.Partner)
	})
	if err != nil {
		return done, fmt.Errorf("export: %w", err)
	}
	return done, nil
}
