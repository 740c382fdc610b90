package collect

import (
	"context"
	"fmt"
	"log/slog"

	"partnercost/internal/billing"
)

// write stores every batch. Once the sink is broken, write stops the fetching and
// drains what still arrives, which then counts as fetched and not stored.
func (r *Run) write(ctx context.Context, batches <-chan []billing.Statement, stopFetching func()) error {
	storage := Storage[billing.Statement, billing.CustomerResult]{
		Sink: r.Sink, Stored: r.count, Wait: r.StoreWait, Log: r.Log,
	}
	storage.Refused = func(ctx context.Context, s billing.Statement, why error) error {
		if isRefusal(s) {
			return fmt.Errorf("the database refuses the record of a failure: %w", why)
		}
		return storage.Store(ctx, []billing.Statement{refusal(s, why)})
	}
	var broken error
	for batch := range batches {
		if broken == nil {
			if broken = storage.Store(ctx, batch); broken != nil {
				stopFetching()
			}
		}
		for i := range batch {
			batch[i].Release()
		}
	}
	return broken
}

// refusal replaces a statement that the database refuses: only the refusal is stored
// for that customer.
func refusal(s billing.Statement, cause error) billing.Statement {
	return billing.Statement{
		CustomerID: s.CustomerID,
		FetchedAt:  s.FetchedAt,
		Earlier:    s.Earlier,
		Failure:    &billing.Failure{Class: billing.Rejected, Message: cause.Error(), Err: cause},
	}
}

func isRefusal(s billing.Statement) bool {
	return s.Failure != nil && s.Failure.Class == billing.Rejected
}

// count adds a stored batch to the tally and logs the failures in it.
func (r *Run) count(batch []billing.Statement, results []billing.CustomerResult) error {
	r.mu.Lock()
	r.stored += len(results)
	for i, result := range results {
		r.tally.Drop(batch[i].Earlier)
		r.tally.Add(result)
		if batch[i].IsBlank() && batch[i].Earlier == "" {
			r.tally.Blank++
		}
	}
	r.mu.Unlock()
	for _, s := range batch {
		if f := s.Failure; f != nil {
			r.Log.Warn("customer failed", slog.String("customer_id", string(s.CustomerID)), slog.String("class", string(f.Class)), slog.String("error", f.Error()),
				slog.String("ms_request_id", f.RequestID), slog.String("ms_correlation_id", f.CorrelationID), slog.Int("attempts", f.Attempts))
		}
	}
	return nil
}
