package finance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/sheet"
)

// Dataset is a view of finance that Export reads. Export selects the billing periods that
// end in one month.
type Dataset int

// The datasets.
const (
	// CostsDataset is finance.costs.
	CostsDataset Dataset = iota
	// FOCUS12Dataset is finance.focus_1_2.
	FOCUS12Dataset
	// FOCUS14Dataset is finance.focus_1_4.
	FOCUS14Dataset
	// BillingPeriodDataset is finance.focus_billing_period, a dataset of FOCUS 1.4.
	BillingPeriodDataset
	// InvoiceDetailDataset is finance.focus_invoice_detail, a dataset of FOCUS 1.4.
	InvoiceDetailDataset
)

// extract is the query of a dataset. Its parameters are the first day of the month, the
// first day of the next month, and the partner or an empty text.
type extract struct{ view, where, order string }

// The extracts are not in sqlc, whose code would collect the rows in memory. Their order
// does not depend on the collation of the server.
var extracts = map[Dataset]extract{
	CostsDataset: {
		"finance.costs", `period_end >= $1::date AND period_end < $2::date AND ($3::text = '' OR partner = $3)`,
		`partner COLLATE "C", customer_id, invoice_type COLLATE "C", period_start, currency_code COLLATE "C", ordinal`,
	},
	FOCUS12Dataset: focusExtract("finance.focus_1_2"),
	FOCUS14Dataset: focusExtract("finance.focus_1_4"),
	BillingPeriodDataset: { // billing periods have no partner
		"finance.focus_billing_period", `"BillingPeriodEnd" > $1::date AND "BillingPeriodEnd" <= $2::date AND $3::text = ''`,
		`"BillingPeriodStart", "BillingPeriodEnd"`,
	},
	InvoiceDetailDataset: {
		"finance.focus_invoice_detail", `"x_Month" >= $1::date AND "x_Month" < $2::date AND ($3::text = '' OR "x_Partner" = $3)`,
		`"x_Partner" COLLATE "C", "InvoiceId" COLLATE "C", "InvoiceDetailId" COLLATE "C"`,
	},
}

func focusExtract(view string) extract {
	return extract{
		view, `"BillingPeriodEnd" > $1::date AND "BillingPeriodEnd" <= $2::date AND ($3::text = '' OR "x_Partner" = $3)`,
		`"x_ChargeId" COLLATE "C", "x_CostPart" COLLATE "C"`,
	}
}

func (x extract) sql(columns []string) string {
	selected := "*"
	if len(columns) > 0 {
		quoted := make([]string, len(columns))
		for i, column := range columns {
			quoted[i] = pgx.Identifier{column}.Sanitize()
		}
		selected = strings.Join(quoted, ", ")
	}
	return "SELECT " + selected + " FROM " + x.view + " WHERE " + x.where + " ORDER BY " + x.order
}

// leftOut counts the costs that the FOCUS views leave out. A cost without a period end
// belongs to no month, so it is counted in every month.
const leftOut = `SELECT count(*) FROM finance.focus_left_out
	WHERE (period_end IS NULL OR period_end >= $1::date AND period_end < $2::date) AND ($3::text = '' OR partner = $3)`

// incomplete counts the invoices that the dataset Invoice Detail leaves out.
const incomplete = `SELECT count(*) FROM finance.invoices
	WHERE month >= $1::date AND month < $2::date AND state <> 'complete' AND ($3::text = '' OR partner = $3)`

// Export selects rows and columns of a dataset.
type Export struct {
	Dataset Dataset
	// Month is any instant of the month, in UTC.
	Month time.Time
	// Partner is a partner's name, or empty for all. Billing periods have no partner.
	Partner string
	// Columns are the columns in their order; empty for all.
	Columns []string
}

func (e Export) month() time.Time {
	return time.Date(e.Month.Year(), e.Month.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// Exported describes what was written.
type Exported struct {
	// Rows counts the rows. LeftOut counts the costs that lack what FOCUS requires or, for
	// Invoice Detail, the invoices whose lines are not complete.
	Rows, LeftOut int64
	// Columns are the columns that were written.
	Columns []sheet.Column
	// Periods are the billing periods that end in the month, for datasets of FOCUS.
	Periods []BillingPeriod
}

// BillingPeriod is a row of finance.focus_billing_period.
type BillingPeriod struct {
	Start, End, LastUpdated time.Time
	Closed                  bool
}

// UnknownColumnError is the error of a column that the dataset does not have.
type UnknownColumnError struct {
	Name string
	// Known are the columns of the dataset.
	Known []string
}

func (e *UnknownColumnError) Error() string {
	return fmt.Sprintf("there is no column %q; the columns are %s", e.Name, strings.Join(e.Known, ", "))
}

// Export writes the rows as they arrive. Their order depends on the rows only. If the
// dataset lacks a column of e.Columns, the error is an UnknownColumnError.
func (r *Reader) Export(ctx context.Context, e Export, to sheet.Writer) (Exported, error) {
	month, x := e.month(), extracts[e.Dataset]
	var done Exported
	var err error
	arguments := []any{month, month.AddDate(0, 1, 0), e.Partner}
	done.Rows, err = r.write(ctx, &noted{to, &done.Columns}, kindOf, func(tx pgx.Tx) (pgx.Rows, error) {
		if err := x.knows(ctx, tx, e.Columns); err != nil {
			return nil, err
		}
		if e.Dataset != CostsDataset {
			count := leftOut
			if e.Dataset == InvoiceDetailDataset {
				count = incomplete
			}
			if err := tx.QueryRow(ctx, count, arguments...).Scan(&done.LeftOut); err != nil {
				return nil, err
			}
			if done.Periods, err = billingPeriods(ctx, tx, month); err != nil {
				return nil, err
			}
		}
		return tx.Query(ctx, x.sql(e.Columns), append([]any{pgx.QueryResultFormats{pgx.TextFormatCode}}, arguments...)...)
	})
	if err != nil {
		return done, fmt.Errorf("export: %w", err)
	}
	return done, nil
}

// knows returns an UnknownColumnError if the view lacks one of the columns.
func (x extract) knows(ctx context.Context, tx pgx.Tx, columns []string) error {
	if len(columns) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, "SELECT * FROM "+x.view+" WHERE false")
	if err != nil {
		return err
	}
	var known []string
	for _, field := range rows.FieldDescriptions() {
		known = append(known, field.Name)
	}
	rows.Close()
	for _, column := range columns {
		if !slices.Contains(known, column) {
			return &UnknownColumnError{column, known}
		}
	}
	return rows.Err()
}

func billingPeriods(ctx context.Context, tx pgx.Tx, month time.Time) ([]BillingPeriod, error) {
	rows, err := tx.Query(ctx, `SELECT "BillingPeriodStart", "BillingPeriodEnd", "BillingPeriodLastUpdated", "BillingPeriodStatus" = 'Closed'
		FROM finance.focus_billing_period WHERE "BillingPeriodEnd" > $1::date AND "BillingPeriodEnd" <= $2::date ORDER BY 1, 2`, month, month.AddDate(0, 1, 0))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[BillingPeriod])
}

// noted is a writer that records its columns.
type noted struct {
	sheet.Writer

	columns *[]sheet.Column
}

// Begin implements sheet.Writer.
func (n *noted) Begin(columns []sheet.Column) error {
	*n.columns = columns
	return n.Writer.Begin(columns)
}
