package persist

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
)

// ImportResult is what importing one statement did.
type ImportResult struct {
	billing.CustomerResult

	// The parts that were not imported, because the service itself has returned the same
	// profile, detail or set of line items.
	ProfileKept           bool
	DetailsKept, SetsKept int
}

// Import stores statements that were made from saved answers, each customer at most
// once, in one transaction. The date of a saved answer is unknown. Imports therefore
// fill gaps and replace earlier imports, but never collected values, and they do not
// change the customer's current state. Findings are left to the caller.
func (s *Store) Import(ctx context.Context, run billing.Run, batch []billing.Statement) ([]ImportResult, error) {
	var results []ImportResult
	scopes, err := s.scopes(ctx, s.pool, run.Partner, idsOf(batch))
	if err != nil {
		return nil, err
	}
	st := newStage(batch, scopes)
	err = s.staged(ctx, st, func(tx pgx.Tx) error {
		w := writer{store: s, tx: tx, run: run}
		q := s.q
		return inOrder(
			func() error { return q.InsertImportedCustomers(ctx, tx, run.Partner) },
			func() error { return w.planImport(ctx) },
			func() (err error) { results, err = w.importResults(ctx, st, batch); return err },
			func() error { return q.ApplyImports(ctx, tx, run.ID) },
			func() error { return w.archive(ctx, st) },
			func() error { return w.applyFacts(ctx, st) },
			func() error { return q.DeriveAnew(ctx, tx) },
		)
	})
	if err != nil {
		return nil, fmt.Errorf("import %d customers of %s: %w", len(batch), run.Partner, classify(err))
	}
	return results, nil
}

// importResults reads the results of the import from the plan.
func (w writer) importResults(ctx context.Context, st *stage, batch []billing.Statement) ([]ImportResult, error) {
	written, err := w.results(ctx, batch)
	if err != nil {
		return nil, err
	}
	err = w.detailChanges(ctx, st, written)
	if err != nil {
		return nil, err
	}
	kept, err := w.store.q.StageKept(ctx, w.tx)
	if err != nil {
		return nil, err
	}
	results := make([]ImportResult, len(written))
	for i, k := range kept {
		results[i] = ImportResult{CustomerResult: written[i], ProfileKept: k.Profiles > 0, DetailsKept: int(k.Details), SetsKept: int(k.Sets)}
	}
	return results, nil
}
