package persist

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// BeginRun records a run as running. The caller holds the partner's lock: runs of
// the partner that still stand as running are those of dead processes and are
// closed as interrupted. When the store may not keep profiles in full, what earlier
// runs of the partner stored of them is reduced first.
func (s *Store) BeginRun(ctx context.Context, run billing.Run) error {
	if s.profiles > billing.FullProfile {
		if err := s.reducePartner(ctx, run.Partner); err != nil {
			return err
		}
	}
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		err := s.q.InsertRun(ctx, tx, dbsqlc.InsertRunParams{
			RunID: run.ID, Partner: run.Partner, Kind: string(run.Kind), Scope: string(cmp.Or(run.Scope, billing.Everybody)),
			StartedAt: run.StartedAt, Version: run.Version,
		})
		if err != nil {
			return err
		}
		_, err = s.q.CloseStaleRuns(ctx, tx, dbsqlc.CloseStaleRunsParams{Now: s.now(), Partner: run.Partner, RunID: run.ID})
		return err
	})
	if err != nil {
		return fmt.Errorf("record the run: %w", classify(err))
	}
	return nil
}

// FinishRun records how a run ended; cause is why it did not succeed, or nil. When
// complete, every customer of the partner was asked for by this run or one that it
// resumed: those that were not are no longer active. What the run has changed is
// summarised for the console, as far as the context lasts.
func (s *Store) FinishRun(ctx context.Context, run billing.Run, status billing.RunStatus, tally billing.Tally, complete bool, cause error) error {
	var text *string
	if cause != nil {
		text = optional(cause.Error())
	}
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		err := s.q.FinishRun(ctx, tx, dbsqlc.FinishRunParams{
			RunID: run.ID, Status: string(status), FinishedAt: s.now(), CustomersTotal: int32(tally.Total), CustomersOk: int32(tally.OK),
			CustomersUnchanged: int32(tally.Unchanged), CustomersNoCosts: int32(tally.NoCosts), CustomersFailed: int32(tally.Failed),
			RowsChanged: tally.RowsChanged, Error: text,
		})
		if err != nil || !complete {
			return err
		}
		_, err = s.q.RetireCustomers(ctx, tx, dbsqlc.RetireCustomersParams{Partner: run.Partner, RunIds: append(slices.Clone(run.Resumes), run.ID)})
		return err
	})
	if err != nil {
		return fmt.Errorf("record the end of the run: %w", classify(err))
	}
	s.summarise(ctx, run.Partner)
	return nil
}

// inTx runs f in a transaction, and again when that meets a conflict.
func (s *Store) inTx(ctx context.Context, f func(pgx.Tx) error) error {
	return s.again(ctx, func() error { return pgx.BeginFunc(ctx, s.pool, f) })
}
