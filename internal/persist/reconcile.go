package persist

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// ReconcileRules say what counts as unusual in the history of a partner's costs.
type ReconcileRules struct {
	// UnseenAfter is how long an active customer may go without being collected in full.
	UnseenAfter time.Duration
	// JumpFactor is how many times its usual distance from the median, the median absolute
	// deviation, the newest period of a cost must exceed to be a jump.
	JumpFactor int
	// JumpPercent, of the median, and JumpAmount, in units of the currency, are the
	// smallest distances from the median that count as a jump.
	JumpPercent, JumpAmount int
	// JumpPeriods is how many earlier periods a jump requires, at most 12.
	JumpPeriods int
}

// historyFindings are the kinds that Reconcile opens and resolves.
var historyFindings = []string{
	string(billing.CurrencyChanged), string(billing.PeriodGap), string(billing.PeriodOverlap), string(billing.CustomerUnseen), string(billing.CostJump),
	string(billing.CostsMissing),
}

// Reconcile checks the stored data of all customers of the run's partner and updates
// the findings about it. Findings are opened, reworded when the figures changed, and
// resolved when their cause is gone. It is one transaction, and a second call changes
// nothing. The caller holds the partner's lock. After a billing.ErrUnavailable it may
// be called again.
func (s *Store) Reconcile(ctx context.Context, run billing.Run, rules ReconcileRules) error {
	// Missing costs are judged by the summaries. Summaries of before this run would report
	// them a night late.
	s.summarise(ctx, run.Partner)
	err := s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		err := stageTables(ctx, conn.Conn())
		if err != nil {
			return err
		}
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return s.reconcile(ctx, tx, run.Partner, rules) })
	})
	if err != nil {
		return fmt.Errorf("reconcile the costs of %s: %w", run.Partner, classify(err))
	}
	return nil
}

func (s *Store) reconcile(ctx context.Context, tx pgx.Tx, partner string, rules ReconcileRules) error {
	q, now := s.q, s.now()
	return inOrder(
		func() error {
			return q.StageUnseenCustomers(ctx, tx, dbsqlc.StageUnseenCustomersParams{Partner: partner, UnseenSince: now.Add(-rules.UnseenAfter)})
		},
		func() error {
			return q.StageSuspects(ctx, tx, dbsqlc.StageSuspectsParams{Partner: partner, LeastPercent: int64(rules.JumpPercent), LeastAmount: int64(rules.JumpAmount)})
		},
		func() error { return q.StagePeriodGaps(ctx, tx) },
		func() error { return q.StagePeriodOverlaps(ctx, tx) },
		func() error {
			return q.StageMissingCosts(ctx, tx, dbsqlc.StageMissingCostsParams{Partner: partner, Now: now})
		},
		func() error { return q.StageCurrencyChanges(ctx, tx) },
		func() error {
			return q.StageCostJumps(ctx, tx, dbsqlc.StageCostJumpsParams{
				Factor: int64(rules.JumpFactor), LeastPercent: int64(rules.JumpPercent), LeastAmount: int64(rules.JumpAmount), LeastPeriods: int32(rules.JumpPeriods),
			})
		},
		func() error {
			return q.ResolveHistoryFindings(ctx, tx, dbsqlc.ResolveHistoryFindingsParams{Now: now, Partner: partner, Kinds: historyFindings})
		},
		func() error {
			return q.RewordHistoryFindings(ctx, tx, dbsqlc.RewordHistoryFindingsParams{Now: now, Partner: partner})
		},
		func() error {
			return q.InsertHistoryFindings(ctx, tx, dbsqlc.InsertHistoryFindingsParams{Now: now, Partner: partner})
		},
		func() error { return s.noteOverdue(ctx, tx, partner) },
	)
}
