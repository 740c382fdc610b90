package persist

import (
	"context"
	"fmt"
	"log/slog"
)

// refreshSummaries brings finance.month_totals, finance.top_movers, finance.month_states
// and finance.missing_costs of a partner up to date, a month to a transaction: what an
// end of the context leaves over is marked as stale and done the next time.
func (s *Store) refreshSummaries(ctx context.Context, partner string) error {
	err := s.q.MarkEndedMonth(ctx, s.pool, partner)
	for more := true; more && err == nil; {
		more, err = s.q.RefreshStaleMonth(ctx, s.pool, partner)
	}
	if err == nil {
		err = s.q.SettleMissing(ctx, s.pool, partner)
	}
	if err != nil {
		return fmt.Errorf("summarise the costs of %s: %w", partner, classify(err))
	}
	return nil
}

// summarise is refreshSummaries at the end of a run, whose record must not depend on
// it: finance.stale_months says what is missing.
func (s *Store) summarise(ctx context.Context, partner string) {
	if err := s.refreshSummaries(ctx, partner); err != nil {
		s.log.Warn("the summaries of the console are not up to date; the next run tries again",
			slog.String("partner", partner), slog.String("error", err.Error()))
	}
}
