package persist

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// BeginRun records a run as running. The caller holds the partner's lock, so any other
// run of the partner that is recorded as running belongs to a dead process and is
// closed as interrupted. If the store may not keep full profiles, the profiles that
// earlier runs of the partner stored are reduced first.
func (s *Store) BeginRun(ctx context.Context, run billing.Run) error {
	if s.profiles > billing.FullProfile {
		if err := s.reducePartner(ctx, run.Partner); err != nil {
			return err
		}
		if _, err := s.q.EraseAllInvoiceBodies(ctx, s.pool, run.Partner); err != nil {
			return fmt.Errorf("remove the answers with lines of invoices: %w", classify(err))
		}
	}
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		err := s.q.InsertRun(ctx, tx, dbsqlc.InsertRunParams{
			RunID: run.ID, Partner: run.Partner, Kind: string(run.Kind), Scope: string(cmp.Or(run.Scope, billing.ScopeAll)),
			StartedAt: run.StartedAt, Version: run.Version, Machine: optional(run.Machine), Resumes: newest(run.Resumes),
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

// newest is the last id; nil without any.
func newest(ids []string) *string {
	if len(ids) == 0 {
		return nil
	}
	return &ids[len(ids)-1]
}

// FinishRun records how a run ended; cause is why it did not succeed, or nil. It also
// updates the summaries for the console, until ctx ends.
func (s *Store) FinishRun(ctx context.Context, run billing.Run, status billing.RunStatus, tally billing.Tally, cause error) error {
	var text *string
	if cause != nil {
		text = optional(cause.Error())
	}
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		return s.q.FinishRun(ctx, tx, dbsqlc.FinishRunParams{
			RunID: run.ID, Status: string(status), FinishedAt: s.now(), CustomersTotal: int32(tally.Total), CustomersOk: int32(tally.OK),
			CustomersUnchanged: int32(tally.Unchanged), CustomersNoCosts: int32(tally.NoCosts), CustomersFailed: int32(tally.Failed),
			RowsChanged: tally.RowsChanged, Error: text,
		})
	})
	if err != nil {
		return fmt.Errorf("record the end of the run: %w", classify(err))
	}
	s.summarise(ctx, run.Partner)
	return nil
}

// Enrol records that customers are on the partner's list, and since when, before any of
// them is collected, and returns their keys (Turn.Key). They are active from now on. The
// caller holds the partner's lock.
func (s *Store) Enrol(ctx context.Context, partner string, now time.Time, customers []billing.CustomerID) (keys []int64, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) (err error) {
		keys, err = s.q.EnrolCustomers(ctx, tx, dbsqlc.EnrolCustomersParams{Partner: partner, Now: now, CustomerIds: uuids(customers)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("note %d customers of %s: %w", len(customers), partner, classify(err))
	}
	return keys, nil
}

// RetireUnlisted retires the customers that neither a complete run nor the runs that it
// resumes found on the list: they are no longer the partner's. believe receives the
// number of these customers, without the excluded ones, and the number of active
// customers. If it returns false, all customers stay active.
func (s *Store) RetireUnlisted(ctx context.Context, run billing.Run, excluded []billing.CustomerID, believe func(unlisted, active int) bool) (retired int, err error) {
	asked := append(slices.Clone(run.Resumes), run.ID)
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		retired = 0
		counted, err := s.q.CountUnlisted(ctx, tx, dbsqlc.CountUnlistedParams{Partner: run.Partner, RunIds: asked, Excluded: uuids(excluded)})
		if err != nil || counted.Unlisted == 0 || !believe(int(counted.Unlisted-counted.Excluded), int(counted.Active)) {
			return err
		}
		n, err := s.q.RetireUnlisted(ctx, tx, dbsqlc.RetireUnlistedParams{Partner: run.Partner, RunIds: asked})
		retired = int(n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("retire the customers that are no longer listed: %w", classify(err))
	}
	return retired, nil
}

// CountWithoutCosts counts, after a run, the customers whose costs it and the runs that
// it resumes read, and that had costs in a period that ended after endedSince: those
// that have none now, and all of them.
func (s *Store) CountWithoutCosts(ctx context.Context, run billing.Run, endedSince time.Time) (without, of int, err error) {
	row, err := s.q.CountWithoutCosts(ctx, s.pool, dbsqlc.CountWithoutCostsParams{
		Partner: run.Partner, RunIds: append(slices.Clone(run.Resumes), run.ID), EndedSince: endedSince,
	})
	if err != nil {
		return 0, 0, fmt.Errorf("count the customers without costs: %w", classify(err))
	}
	return int(row.WithoutCosts), int(row.Customers), nil
}

// uuids returns the ids of customers as database values.
func uuids(customers []billing.CustomerID) []string {
	ids := make([]string, len(customers))
	for i, id := range customers {
		ids[i] = string(id)
	}
	return ids
}

// inTx runs f in a transaction, and again after a conflict.
func (s *Store) inTx(ctx context.Context, f func(pgx.Tx) error) error {
	return s.retryTx(ctx, func() error { return pgx.BeginFunc(ctx, s.pool, f) })
}
