package persist

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/persist/dbsqlc"
)

// Retention says from which age on data that is not needed is removed; 0 keeps it.
type Retention struct {
	// Payloads are raw bodies from which no current row was derived.
	Payloads time.Duration
	// Runs are runs of the ledger, and their failures.
	Runs time.Duration
}

// Pruned counts what was removed.
type Pruned struct{ Payloads, Runs, Failures int64 }

// Pruning uses small transactions, so that no other writer waits for it.
const (
	pruneBatch = 500
	// prunePass bounds how many bodies are looked up at a time.
	prunePass = 50_000
)

// Prune removes data that has reached its retention. It never touches costs, line
// items, profiles, the history of each, or the bodies from which current rows were
// derived. It may be interrupted at any moment and continues the next time.
func (s *Store) Prune(ctx context.Context, r Retention) (Pruned, error) {
	var pruned Pruned
	var err error
	if r.Payloads > 0 {
		before := s.now().Add(-r.Payloads)
		pruned.Payloads, err = s.prunePayloads(ctx, before)
		if err == nil {
			var invoices int64
			invoices, err = repeat(func() (int64, error) {
				return s.q.DeleteInvoiceBodies(ctx, s.pool, dbsqlc.DeleteInvoiceBodiesParams{Before: before, AtMost: pruneBatch})
			})
			pruned.Payloads += invoices
		}
	}
	if r.Runs > 0 && err == nil {
		before := s.now().Add(-r.Runs)
		pruned.Failures, err = repeat(func() (int64, error) {
			return s.q.DeleteFailures(ctx, s.pool, dbsqlc.DeleteFailuresParams{Before: before, AtMost: pruneBatch})
		})
		if err == nil {
			pruned.Runs, err = repeat(func() (int64, error) {
				return s.q.DeleteRuns(ctx, s.pool, dbsqlc.DeleteRunsParams{Before: before, AtMost: pruneBatch})
			})
		}
	}
	if err != nil {
		return pruned, fmt.Errorf("remove data past its retention: %w", classify(err))
	}
	return pruned, nil
}

// repeat calls a deletion until it has nothing left to delete.
func repeat(remove func() (int64, error)) (total int64, err error) {
	for {
		n, err := remove()
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}

func (s *Store) prunePayloads(ctx context.Context, before time.Time) (total int64, err error) {
	for {
		old, err := s.q.DispensablePayloads(ctx, s.pool, dbsqlc.DispensablePayloadsParams{Before: before, AtMost: prunePass})
		if err != nil {
			return total, err
		}
		removed := int64(0)
		for batch := range slices.Chunk(old, pruneBatch) {
			n, err := s.deletePayloads(ctx, batch)
			removed += n
			if err != nil {
				return total + removed, err
			}
		}
		total += removed
		if removed == 0 {
			return total, nil
		}
	}
}

// deletePayloads deletes those bodies that no row has come to need since they were
// looked up, and that no transaction is about to need.
func (s *Store) deletePayloads(ctx context.Context, hashes [][]byte) (n int64, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		free, err := s.q.LockPayloads(ctx, tx, hashes)
		if err != nil || len(free) == 0 {
			return err
		}
		// This check must follow the lock: only then does it see what was committed before a
		// body was locked.
		needed, err := s.q.NeededHashes(ctx, tx, free)
		if err != nil {
			return err
		}
		free = slices.DeleteFunc(free, func(h []byte) bool {
			return slices.ContainsFunc(needed, func(n []byte) bool { return string(n) == string(h) })
		})
		n, err = s.q.DeletePayloads(ctx, tx, free)
		return err
	})
	return n, err
}
