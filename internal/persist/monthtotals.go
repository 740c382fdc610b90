package persist

import (
	"context"
	"fmt"
	"log/slog"
)

// refreshSummaries updates finance.month_totals, finance.top_movers,
// finance.month_states and finance.missing_costs of a partner, one month per
// transaction. Months that are left when ctx ends stay marked as stale and are updated
// the next time.
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

// summarise calls refreshSummaries at the end of a run. Its errors are logged only,
// because the record of the run must not depend on it: finance.stale_months lists the
// months that were left.
func (s *Store) summarise(ctx context.Context, partner string) {
	if err := s.refreshSummaries(ctx, partner); err != nil {
		s.log.Warn("the summaries of the console are not up to date; the next run tries again",
			slog.String("partner", partner), slog.String("error", err.Error()))
	}
}
