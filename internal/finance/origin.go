package finance

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// NewestValue is the newest value of a cost. Texts that the service does not state are
// empty.
type NewestValue struct {
	PeriodEnd, Origin          string
	PretaxTotal, Tax, AfterTax decimal.NullDecimal
	Revision, Ordinal          int
	StoredAt                   time.Time
	RunID                      string
	// The SHA-256 of the answers, in hexadecimal.
	SummaryHash, LineItemsHash string
}

// ErrUnknownCost means that no such cost is stored.
var ErrUnknownCost = errors.New("no such cost is stored")

// FindNewestValue reads the newest value of the first cost of a selection. If there is no
// such cost, the error is ErrUnknownCost.
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

// FindRun reads a run. It returns nil if the ledger no longer holds the run.
func FindRun(ctx context.Context, tx *stdsql.Tx, id string) (*RunReference, error) {
	run := RunReference{ID: id}
	err := tx.QueryRowContext(ctx, "SELECT kind, started_at, status, version FROM finance.runs WHERE run_id = $1::uuid", id).
		Scan(&run.Kind, &run.StartedAt, &run.Status, &run.Version)
	switch {
	case errors.Is(err, stdsql.ErrNoRows):
		return nil, nil //nolint:nilnil // nil stands for a run that the ledger no longer holds
	case err != nil:
		return nil, fmt.Errorf("read the run: %w", advised(err))
	}
	return &run, nil
}

// ChangeLine is a line item that was removed, added or changed by a restatement of a
// cost, or the part of the restatement that no line item explains.
type ChangeLine struct {
	Revision  int
	ChangedAt time.Time
	// CostDifference is the difference of the whole restatement.
	CostDifference           decimal.NullDecimal
	Change, Name             string
	Difference, SharePercent decimal.NullDecimal
}

// FindChangeLines reads the change lines of a cost: the newest restatement first, and
// within each the largest difference first.
func FindChangeLines(ctx context.Context, tx *stdsql.Tx, s Selection) ([]ChangeLine, error) {
	q := ChangeLines(s)
	q.SQL = `SELECT revision, changed_at, cost_difference, change, coalesce(name, charge_type, 'a line without a name'), after_tax_difference, share_percent FROM (` + q.SQL + `) l
		ORDER BY revision DESC, change = 'unexplained', moved DESC, name`
	return collected(ctx, tx, q, func(scan func(...any) error) (l ChangeLine, err error) {
		err = scan(&l.Revision, &l.ChangedAt, &l.CostDifference, &l.Change, &l.Name, &l.Difference, &l.SharePercent)
		return l, err
	})
}

// LineItemSum is the sum of the line items in one currency, which is nil if it is not
// stated.
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
