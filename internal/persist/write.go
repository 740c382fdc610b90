package persist

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// answerFindings are the kinds of findings that every complete answer decides: an
// answer without such a finding resolves it.
var answerFindings = []string{
	string(billing.CurrencyMissing), string(billing.AmountMissing), string(billing.PeriodMissing), string(billing.PeriodReversed), string(billing.InvoiceTypeMissing),
	string(billing.InvoiceTypeUnknown), string(billing.DuplicateDetail), string(billing.CustomerIDMismatch), string(billing.RootTotalsOnly),
	string(billing.LineItemsWithoutDetail), string(billing.LineItemsPeriodMismatch), string(billing.LineItemsCountMismatch),
	string(billing.LineItemsSumMismatch), string(billing.DetailArithmetic), string(billing.RootMismatch), string(billing.DetailVanished),
}

// Write stores a batch of statements of one partner, each customer at most once, in one
// transaction. It returns a result per statement, in order. Writing the same batch again
// changes no fact. billing.ErrRejected means that the data was refused,
// billing.ErrUnavailable that the same batch may be written later, and
// billing.ErrTooMuch that a part of it may be.
func (s *Store) Write(ctx context.Context, run billing.Run, batch []billing.Statement) ([]billing.CustomerResult, error) {
	var results []billing.CustomerResult
	err := s.inStage(ctx, func(tx pgx.Tx) (err error) {
		w := writer{store: s, tx: tx, run: run}
		err = s.q.SerializeWrites(ctx, tx, run.Partner)
		if err != nil {
			return err
		}
		results, err = w.note(ctx, batch)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("store %d customers of %s: %w", len(batch), run.Partner, classify(err))
	}
	return results, nil
}

// note stores a batch. What is known already, down to the digest, needs no more than a
// note that it was read.
func (w writer) note(ctx context.Context, batch []billing.Statement) ([]billing.CustomerResult, error) {
	results := make([]billing.CustomerResult, len(batch))
	read, err := w.noteSame(ctx, batch, results)
	if err != nil || len(read.statements) == 0 {
		return results, err
	}
	scopes, err := w.store.scopes(ctx, w.tx, w.run.Partner, idsOf(read.statements))
	if err != nil {
		return nil, err
	}
	stored := make([]billing.CustomerResult, len(read.statements))
	left, err := w.noteKnown(ctx, read.statements, scopes, stored)
	if err == nil && len(left.statements) > 0 {
		err = w.write(ctx, read.statements, left, scopes, stored)
	}
	if err != nil {
		return nil, err
	}
	for i, place := range read.places {
		results[place] = stored[i]
	}
	err = w.forgetOutcomes(ctx, read.statements)
	if err != nil {
		return nil, err
	}
	return results, w.saveReads(ctx, read.statements)
}

// forgetOutcomes makes the next collection derive the costs of customers of whom only
// the profile was read. Their last outcome no longer shows whether they have costs.
func (w writer) forgetOutcomes(ctx context.Context, batch []billing.Statement) error {
	var ids []string
	for i := range batch {
		if s := &batch[i]; s.Costs == nil && s.Failure == nil {
			ids = append(ids, string(s.CustomerID))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return w.store.q.DeriveCostsAnew(ctx, w.tx, dbsqlc.DeriveCostsAnewParams{Partner: w.run.Partner, CustomerIds: ids})
}

// Plan returns what Write would do with the batch. It writes only temporary tables of
// the session.
func (s *Store) Plan(ctx context.Context, partner string, batch []billing.Statement) ([]billing.CustomerResult, error) {
	var results []billing.CustomerResult
	scopes, err := s.scopes(ctx, s.pool, partner, idsOf(batch))
	if err != nil {
		return nil, err
	}
	st := newStage(batch, scopes)
	err = s.staged(ctx, st, func(tx pgx.Tx) error {
		w := writer{store: s, tx: tx, run: billing.Run{Partner: partner}}
		err := w.plan(ctx)
		if err != nil {
			return err
		}
		results, err = w.results(ctx, batch)
		if err != nil {
			return err
		}
		return w.detailChanges(ctx, st, results)
	})
	if err != nil {
		return nil, fmt.Errorf("compare %d customers of %s with what is stored: %w", len(batch), partner, classify(err))
	}
	return results, nil
}

// idsOf returns the customers of a batch.
func idsOf(batch []billing.Statement) []string {
	ids := make([]string, len(batch))
	for i := range batch {
		ids[i] = string(batch[i].CustomerID)
	}
	return ids
}

// staged copies a batch into the session's staging tables and calls f in the same
// transaction, which may be repeated.
func (s *Store) staged(ctx context.Context, st *stage, f func(pgx.Tx) error) error {
	return s.inStage(ctx, func(tx pgx.Tx) error {
		err := st.copy(ctx, s.q, tx)
		if err != nil {
			return err
		}
		return f(tx)
	})
}

// inStage calls f in a transaction of a session that has the staging tables. f may be
// called again.
func (s *Store) inStage(ctx context.Context, f func(pgx.Tx) error) error {
	return s.retryTx(ctx, func() error {
		return s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
			err := stageTables(ctx, conn.Conn())
			if err != nil {
				return err
			}
			return pgx.BeginFunc(ctx, conn, f)
		})
	})
}

// writer merges one staged batch.
type writer struct {
	store *Store
	tx    pgx.Tx
	run   billing.Run
}

// write stores the rest of a batch, and sets its results.
func (w writer) write(ctx context.Context, batch []billing.Statement, left news, scopes profileScopes, results []billing.CustomerResult) error {
	st := newStage(left.statements, scopes)
	whole := make([]billing.Statement, len(left.places))
	for i, place := range left.places {
		whole[i] = batch[place]
	}
	err := st.copy(ctx, w.store.q, w.tx)
	if err != nil {
		return err
	}
	err = w.apply(ctx, st)
	if err != nil {
		return err
	}
	stored, err := w.results(ctx, whole)
	if err != nil {
		return err
	}
	for i, place := range left.places {
		results[place] = stored[i]
	}
	return w.saveStates(ctx, stored)
}

// plan marks in the stage what has to be done for collected answers.
func (w writer) plan(ctx context.Context) error {
	q := w.store.q
	return inOrder(
		func() error { return q.PlanCustomers(ctx, w.tx, w.run.Partner) },
		func() error { return q.PlanTypes(ctx, w.tx) },
		func() error { return q.PlaceSets(ctx, w.tx) },
		func() error { return q.SetUnclearAside(ctx, w.tx) },
		func() error { return q.EmptySets(ctx, w.tx, hashItems(nil)) },
		func() error { return w.compare(ctx) },
	)
}

// planImport is plan for saved answers. Their date is unknown, and with it the period
// to which items without a detail belong.
func (w writer) planImport(ctx context.Context) error {
	q := w.store.q
	return inOrder(
		func() error { return q.PlanCustomers(ctx, w.tx, w.run.Partner) },
		func() error { return q.PlanTypes(ctx, w.tx) },
		func() error { return q.EmptySets(ctx, w.tx, hashItems(nil)) },
		func() error { return w.compare(ctx) },
		func() error { return q.KeepCollected(ctx, w.tx) },
	)
}

// compare marks in the stage what has to be done to turn the stored facts into the
// staged ones.
func (w writer) compare(ctx context.Context) error {
	q := w.store.q
	return inOrder(
		func() error { return q.PlanProfiles(ctx, w.tx) },
		func() error { return q.PlanDetails(ctx, w.tx) },
		func() error { return q.PlanSets(ctx, w.tx) },
	)
}

// apply executes the plan, in an order that follows the references between the tables.
// The states of the customers come last, because they say that everything else is
// stored.
func (w writer) apply(ctx context.Context, st *stage) error {
	q, tx, run := w.store.q, w.tx, w.run.ID
	return inOrder(
		func() error { return q.InsertCustomers(ctx, tx, w.run.Partner) },
		func() error { return w.plan(ctx) },
		func() error { return q.ReactivateCustomers(ctx, tx) },
		func() error { return q.ApplyStatements(ctx, tx, run) },
		func() error { return w.archive(ctx, st) },
		func() error { return w.withdrawImported(ctx) },
		func() error { return w.applyFacts(ctx, st) },
		func() error { return q.StageVanished(ctx, tx) },
		func() error { return q.ResolveFindings(ctx, tx, answerFindings) },
		func() error { return q.RewordFindings(ctx, tx) },
		func() error { return q.InsertFindings(ctx, tx, w.run.Partner) },
		func() error { return q.InsertFailures(ctx, tx, run) },
	)
}

// applyFacts writes the profiles, details and line items that the plan calls for.
func (w writer) applyFacts(ctx context.Context, st *stage) error {
	q, tx, run := w.store.q, w.tx, w.run.ID
	return inOrder(
		func() error { return q.ConfirmImported(ctx, tx) },
		func() error { return q.KeepProfileHistory(ctx, tx, run) },
		func() error { return q.ApplyProfiles(ctx, tx, run) },
		func() error { return q.NoteNames(ctx, tx) },
		func() error { return q.KeepDetailHistory(ctx, tx, run) },
		func() error { return q.RestateDetails(ctx, tx, run) },
		func() error { return q.InsertDetails(ctx, tx, run) },
		func() error { return w.replaceSets(ctx, st) },
	)
}

// withdrawImported removes imported costs that these answers do not state.
func (w writer) withdrawImported(ctx context.Context) error {
	ids, err := w.store.q.WithdrawImported(ctx, w.tx, w.run.ID)
	if err != nil || len(ids) == 0 {
		return err
	}
	return w.deleteDetails(ctx, ids)
}

// deleteDetails deletes details that were set aside.
func (w writer) deleteDetails(ctx context.Context, ids []int64) error {
	err := w.store.q.DeleteDetailHistory(ctx, w.tx, ids)
	if err != nil {
		return err
	}
	return w.store.q.DeleteDetails(ctx, w.tx, ids)
}

// archive stores the bodies that the log now names. Known bodies are not sent again.
func (w writer) archive(ctx context.Context, st *stage) error {
	wanted, err := w.store.q.NamedHashes(ctx, w.tx)
	if err != nil || len(wanted) == 0 {
		return err
	}
	known, err := w.store.q.LockKnownPayloads(ctx, w.tx, wanted)
	if err != nil {
		return err
	}
	kept := make(map[[sha256.Size]byte]bool, len(known))
	for _, hash := range known {
		kept[[sha256.Size]byte(hash)] = true
	}
	var rows []dbsqlc.InsertPayloadsParams
	for _, hash := range wanted {
		body, staged := st.bodies[[sha256.Size]byte(hash)]
		if staged && !kept[[sha256.Size]byte(hash)] {
			stored, encoding := encodeBody(body)
			rows = append(rows, dbsqlc.InsertPayloadsParams{PayloadHash: hash, Body: stored, Encoding: encoding, FirstSeenAt: w.store.now()})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err = w.store.q.InsertPayloads(ctx, w.tx, rows)
	return err
}

// replaceSets supersedes the line-item sets whose content changed and adds the new
// ones. Only the items of those sets are sent to the server.
func (w writer) replaceSets(ctx context.Context, st *stage) error {
	q := w.store.q
	err := q.NumberSets(ctx, w.tx)
	if err != nil {
		return err
	}
	numbered, err := q.NumberedSets(ctx, w.tx)
	if err != nil || len(numbered) == 0 {
		return err
	}
	var items []dbsqlc.InsertLineItemsParams
	for _, set := range numbered {
		items = appendItems(items, set.SetID, st.setItems[set.SetNo])
	}
	return inOrder(
		func() error { return q.SupersedeSets(ctx, w.tx, w.run.ID) },
		func() error { return q.InsertSets(ctx, w.tx, w.run.ID) },
		func() error { _, err := q.InsertLineItems(ctx, w.tx, items); return err },
	)
}

// results reads the result of each statement from the plan.
func (w writer) results(ctx context.Context, batch []billing.Statement) ([]billing.CustomerResult, error) {
	rows, err := w.store.q.StageResults(ctx, w.tx)
	if err != nil {
		return nil, err
	}
	results := make([]billing.CustomerResult, len(rows))
	for i, row := range rows {
		r := billing.CustomerResult{
			CustomerID:          batch[row.Seq].CustomerID,
			RowsChanged:         int(row.DetailsChanged + row.SetsChanged),
			ProfileChanged:      row.ProfileChanged,
			LineItemSetsChanged: int(row.SetsChanged),
		}
		if row.ProfileChanged {
			r.RowsChanged++
		}
		r.Outcome = outcome(batch[row.Seq], r.RowsChanged)
		results[i] = r
	}
	return results, nil
}

// saveStates stores the states of the customers after these results.
func (w writer) saveStates(ctx context.Context, results []billing.CustomerResult) error {
	states := dbsqlc.SaveStatesParams{RunID: w.run.ID, Rules: billing.Rules}
	for i, r := range results {
		states.Seqs = append(states.Seqs, int32(i))
		states.Outcomes = append(states.Outcomes, string(r.Outcome))
	}
	return w.store.q.SaveStates(ctx, w.tx, states)
}

func outcome(st billing.Statement, rowsChanged int) billing.Outcome {
	switch {
	case st.Failure != nil && st.Failure.Class == billing.NoAccess:
		return billing.OutcomeNoAccess
	case st.Failure != nil && st.Failure.Class == billing.UnknownCustomer:
		return billing.OutcomeUnknownCustomer
	case st.Failure != nil:
		return billing.OutcomeFailed
	case st.NoCosts():
		return billing.OutcomeNoCosts
	case rowsChanged > 0, st.Earlier == billing.OutcomeStored:
		return billing.OutcomeStored
	}
	return billing.OutcomeUnchanged
}

// detailChanges adds to results, for a dry run, which details are new or restated.
func (w writer) detailChanges(ctx context.Context, st *stage, results []billing.CustomerResult) error {
	rows, err := w.store.q.StageDetailChanges(ctx, w.tx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		after := st.rowDetails[row.RowNo]
		change := billing.DetailChange{InvoiceType: after.InvoiceType, After: after.CostTotals}
		if row.Action == "restated" {
			before := after.CostTotals
			before.Period = billing.Period{Start: instant(row.StartsAt), End: instant(row.EndsAt)}
			before.PretaxTotal, before.Tax, before.AfterTaxTotal = row.PretaxTotal, row.Tax, row.AfterTaxTotal
			change.Before = &before
		}
		i := slices.IndexFunc(results, func(r billing.CustomerResult) bool { return r.CustomerID == st.customers[row.Seq] })
		results[i].Changes = append(results[i].Changes, change)
	}
	return nil
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// inOrder runs steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		err := step()
		if err != nil {
			return err
		}
	}
	return nil
}
