package finance

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// NewestValue is the value of a cost that counts. Texts are empty where the service
// states none.
type NewestValue struct {
	PeriodEnd, Origin          string
	PretaxTotal, Tax, AfterTax decimal.NullDecimal
	Revision, Ordinal          int
	StoredAt                   time.Time
	RunID                      string
	// The SHA-256 of the answers, in hexadecimal.
	SummaryHash, LineItemsHash string
}

// ErrUnknownCost says that no such cost is stored.
var ErrUnknownCost = errors.New("no such cost is stored")

// FindNewestValue reads that of the first cost of a selection. An error is ErrUnknownCost
// if there is none.
func FindNewestValue(ctx context.Context, tx *stdsql.Tx, s Selection) (v NewestValue, err error) {
	c := costConditions(s)
	c.terms = append(c.terms, "v.superseded_at IS NULL")
	err = tx.QueryRowContext(ctx, `SELECT coalesce(v.period_end::text, ''), coalesce(v.origin, ''), v.pretax_total, v.tax, v.after_tax_total, v.revision, v.ordinal, v.valid_from,
			v.run_id::text, coalesce(v.summary_hash, ''), coalesce(v.line_items_hash, '')
		FROM finance.cost_revisions v`+c.where()+` ORDER BY v.ordinal LIMIT 1`, c.args...).
		Scan(&v.PeriodEnd, &v.Origin, &v.PretaxTotal, &v.Tax, &v.AfterTax, &v.Revision, &v.Ordinal, &v.StoredAt, &v.RunID, &v.SummaryHash, &v.LineItemsHash)
	switch {
	case errors.Is(err, stdsql.ErrNoRows):
		return v, ErrUnknownCost
	case err != nil:
		return v, fmt.Errorf("read the origin: %w", advised(err))
	}
	return v, nil
}

// FindRun reads a run; nil when the ledger does not go back so far.
func FindRun(ctx context.Context, tx *stdsql.Tx, id string) (*RunReference, error) {
	run := RunReference{ID: id}
	err := tx.QueryRowContext(ctx, "SELECT kind, started_at, status, version FROM finance.runs WHERE run_id = $1::uuid", id).
		Scan(&run.Kind, &run.StartedAt, &run.Status, &run.Version)
	switch {
	case errors.Is(err, stdsql.ErrNoRows):
		return nil, nil //nolint:nilnil // nil is a run that is no longer kept
	case err != nil:
		return nil, fmt.Errorf("read the run: %w", advised(err))
	}
	return &run, nil
}

// ChangeLine is a line item that went, came or changed with a restatement of a cost, or
// the part of it that no line explains.
type ChangeLine struct {
	Revision  int
	ChangedAt time.Time
	// CostDifference is that of the restatement.
	CostDifference           decimal.NullDecimal
	Change, Name             string
	Difference, SharePercent decimal.NullDecimal
}

// FindChangeLines reads those of the restatements of a cost, the newest first and of each
// the largest.
func FindChangeLines(ctx context.Context, tx *stdsql.Tx, s Selection) ([]ChangeLine, error) {
	q := ChangeLines(s)
	q.SQL = `SELECT revision, changed_at, cost_difference, change, coalesce(name, charge_type, 'a line without a name'), after_tax_difference, share_percent FROM (` + q.SQL + `) l
		ORDER BY revision DESC, change = 'unexplained', moved DESC, name`
	return collected(ctx, tx, q, func(scan func(...any) error) (l ChangeLine, err error) {
		err = scan(&l.Revision, &l.ChangedAt, &l.CostDifference, &l.Change, &l.Name, &l.Difference, &l.SharePercent)
		return l, err
	})
}

// LineItemSum is what line items of one currency, nil where none is stated, add up to.
type LineItemSum struct {
	Currency *string
	Count    int
	AfterTax decimal.NullDecimal
}

// LineItemSums adds up the line items of a selection, by currency.
func LineItemSums(ctx context.Context, tx *stdsql.Tx, s Selection) ([]LineItemSum, error) {
	q := LineItems(s)
	q.SQL = "SELECT currency_code, count(*), sum(after_tax_total) FROM (" + q.SQL + ") l GROUP BY currency_code ORDER BY currency_code NULLS LAST"
	return collected(ctx, tx, q, func(scan func(...any) error) (sum LineItemSum, err error) {
		err = scan(&sum.Currency, &sum.Count, &sum.AfterTax)
		return sum, err
	})
}
