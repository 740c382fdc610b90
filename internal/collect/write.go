package collect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"partnercost/internal/billing"
)

// write hands every batch to the sink. Once the sink is broken it stops the
// fetching and drains what still comes, which then counts as fetched and not stored.
func (r *Run) write(ctx context.Context, batches <-chan []billing.Statement, stopFetching func()) error {
	var broken error
	for batch := range batches {
		if broken != nil {
			continue
		}
		if broken = r.store(ctx, batch); broken != nil {
			stopFetching()
		}
	}
	return broken
}

// store takes a batch through the sink. One that is refused is halved until the
// customer at fault is alone; of that one only the refusal is stored.
func (r *Run) store(ctx context.Context, batch []billing.Statement) error {
	results, err := r.await(ctx, batch)
	switch {
	case err == nil:
		r.count(batch, results)
		return nil
	case !errors.Is(err, billing.ErrRejected):
		return err
	case len(batch) > 1:
		half := len(batch) / 2
		if err := r.store(ctx, batch[:half]); err != nil {
			return err
		}
		return r.store(ctx, batch[half:])
	case isRefusal(batch[0]):
		return fmt.Errorf("the database refuses even the note of a failure: %w", err)
	}
	return r.store(ctx, []billing.Statement{refusal(batch[0], err)})
}

// refusal replaces the statement that the database refuses.
func refusal(s billing.Statement, cause error) billing.Statement {
	return billing.Statement{
		CustomerID: s.CustomerID,
		FetchedAt:  s.FetchedAt,
		Failure:    &billing.Failure{Class: billing.Rejected, Message: cause.Error(), Err: cause},
	}
}

func isRefusal(s billing.Statement) bool {
	return s.Failure != nil && s.Failure.Class == billing.Rejected
}

// The pauses between two attempts to reach a database that is away.
const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
)

// await calls the sink, and waits for it up to StoreWait while the database is away.
func (r *Run) await(ctx context.Context, batch []billing.Statement) ([]billing.CustomerResult, error) {
	results, err := r.Sink(ctx, batch)
	if !errors.Is(err, billing.ErrUnavailable) {
		return results, err
	}
	r.Log.Warn("the database is away; waiting for it", slog.Duration("at_most", r.StoreWait), slog.Any("error", err))
	patience := time.NewTimer(r.StoreWait)
	defer patience.Stop()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-patience.C:
			next.Stop()
			return nil, fmt.Errorf("waited %s for the database: %w", r.StoreWait, err)
		case <-ctx.Done():
			next.Stop()
			return nil, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		results, err = r.Sink(ctx, batch)
		if !errors.Is(err, billing.ErrUnavailable) {
			r.Log.Info("the database answers again")
			return results, err
		}
	}
}

// count adds a stored batch to the tally and logs the failures in it.
func (r *Run) count(batch []billing.Statement, results []billing.CustomerResult) {
	r.mu.Lock()
	for _, result := range results {
		r.tally.Add(result)
	}
	r.mu.Unlock()
	for _, s := range batch {
		if f := s.Failure; f != nil {
			r.Log.Warn("customer failed", slog.String("customer_id", string(s.CustomerID)), slog.String("class", string(f.Class)), slog.String("error", f.Error()),
				slog.String("ms_request_id", f.RequestID), slog.String("ms_correlation_id", f.CorrelationID), slog.Int("attempts", f.Attempts))
		}
	}
}
