package collect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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
// customer at fault is alone; of that one only the refusal is stored. One that takes
// longer than the database allows is halved too; a customer alone is waited for.
func (r *Run) store(ctx context.Context, batch []billing.Statement) error {
	var results []billing.CustomerResult
	tooMuch := false
	err := WaitOut(ctx, r.StoreWait, r.Log, func(ctx context.Context) (err error) {
		results, err = r.Sink(ctx, batch)
		if tooMuch = errors.Is(err, billing.ErrTooMuch) && len(batch) > 1; tooMuch {
			r.Log.WarnContext(ctx, "the database allows too little time for a batch; halving it", slog.Int("customers", len(batch)), slog.Any("error", err))
			return nil
		}
		return err
	})
	switch {
	case tooMuch:
		return r.storeHalves(ctx, batch)
	case err == nil:
		r.count(batch, results)
		return nil
	case !errors.Is(err, billing.ErrRejected):
		return err
	case len(batch) > 1:
		return r.storeHalves(ctx, batch)
	case isRefusal(batch[0]):
		return fmt.Errorf("the database refuses even the note of a failure: %w", err)
	}
	return r.store(ctx, []billing.Statement{refusal(batch[0], err)})
}

func (r *Run) storeHalves(ctx context.Context, batch []billing.Statement) error {
	half := len(batch) / 2
	if err := r.store(ctx, batch[:half]); err != nil {
		return err
	}
	return r.store(ctx, batch[half:])
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
