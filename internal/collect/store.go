package collect

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"partnercost/internal/billing"
)

// Storage stores batches according to the failure policy. It waits while the database
// is unavailable. It halves a batch that is refused, or that takes longer than the
// database allows, until the item at fault is alone. Collections, imports and replays
// store through it.
type Storage[T, R any] struct {
	// Sink stores a whole batch and returns a result for each item, in order, or stores
	// nothing and returns an error. On billing.ErrUnavailable Storage waits and tries
	// again, on billing.ErrRejected and billing.ErrTooMuch it halves the batch, and any
	// other error ends the work. Sink must not keep the batch.
	Sink func(ctx context.Context, batch []T) ([]R, error)
	// Stored is called for every part of a batch once it is stored. Its error ends the work.
	Stored func(part []T, results []R) error
	// Refused is called with the single item that the database refuses, and the reason. Its
	// error ends the work.
	Refused func(ctx context.Context, item T, why error) error
	// Wait is how long to wait for a database that cannot be reached or written.
	Wait time.Duration
	Log  *slog.Logger
}

// Store stores a batch, in parts if necessary. After an error, exactly the parts passed
// to Stored are stored.
func (s Storage[T, R]) Store(ctx context.Context, batch []T) error {
	if len(batch) == 0 {
		return nil
	}
	var results []R
	tooMuch := false
	err := RetryWhileUnavailable(ctx, s.Wait, s.Log, func(ctx context.Context) (err error) {
		results, err = s.Sink(ctx, batch)
		// A single item that takes too long is waited for, as if the database were
		// unavailable.
		if tooMuch = errors.Is(err, billing.ErrTooMuch) && len(batch) > 1; tooMuch {
			s.Log.WarnContext(ctx, "the database cannot store a batch in time; halving it", slog.Int("customers", len(batch)), slog.Any("error", err))
			return nil
		}
		return err
	})
	switch {
	case tooMuch, errors.Is(err, billing.ErrRejected) && len(batch) > 1:
		half := len(batch) / 2
		if err := s.Store(ctx, batch[:half]); err != nil {
			return err
		}
		return s.Store(ctx, batch[half:])
	case errors.Is(err, billing.ErrRejected):
		return s.Refused(ctx, batch[0], err)
	case err != nil:
		return err
	}
	return s.Stored(batch, results)
}
