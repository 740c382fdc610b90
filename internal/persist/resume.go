package persist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// UnfinishedRuns returns the ids of the runs that another run of the partner can
// resume, oldest first: the newest run of all customers and the runs of its rest, if
// none of them completed. It returns none if one of them completed, or if the newest
// run of all customers began before notBefore.
func (s *Store) UnfinishedRuns(ctx context.Context, partner string, notBefore time.Time) ([]string, error) {
	runs, err := s.q.CollectionsSinceNewest(ctx, s.pool, dbsqlc.CollectionsSinceNewestParams{Partner: partner, Latest: s.now().Add(clockError)})
	if err != nil {
		return nil, fmt.Errorf("read the unfinished run of %s: %w", partner, classify(err))
	}
	var unfinished []string
	for i, run := range runs {
		ended := run.Status == string(billing.StatusSucceeded) || run.Status == string(billing.StatusPartial)
		if ended || i == 0 && run.StartedAt.Before(notBefore) {
			return nil, nil
		}
		unfinished = append(unfinished, run.RunID)
	}
	return unfinished, nil
}

// NewestCollectionBegan returns when the partner's newest collection of all customers
// began, whatever its result; the zero time if there was none.
func (s *Store) NewestCollectionBegan(ctx context.Context, partner string) (time.Time, error) {
	runs, err := s.q.CollectionsSinceNewest(ctx, s.pool, dbsqlc.CollectionsSinceNewestParams{Partner: partner, Latest: s.now().Add(clockError)})
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("read when %s was last collected: %w", partner, classify(err))
	case len(runs) == 0:
		return time.Time{}, nil
	}
	return runs[0].StartedAt, nil
}

// DoneIn returns the partner's customers whose newest success belongs to one of the
// runs.
func (s *Store) DoneIn(ctx context.Context, partner string, runs []string) ([]billing.CustomerID, error) {
	ids, err := s.q.CustomersDoneIn(ctx, s.pool, dbsqlc.CustomersDoneInParams{Partner: partner, RunIds: runs})
	if err != nil {
		return nil, fmt.Errorf("read which customers are done: %w", classify(err))
	}
	done := make([]billing.CustomerID, len(ids))
	for i, id := range ids {
		done[i] = billing.CustomerID(id)
	}
	return done, nil
}

// clockError is how far the clocks of two machines may differ. The start of a run that
// lies further in the future is not believed.
const clockError = 5 * time.Minute

// LastCollection returns when the partner's newest completed collection of all
// customers began, and how it ended. The time is zero if there was none. Runs that
// began in the future are corrected first.
func (s *Store) LastCollection(ctx context.Context, partner string) (began time.Time, status billing.RunStatus, err error) {
	now := s.now()
	corrected, err := s.q.CorrectFutureRuns(ctx, s.pool, dbsqlc.CorrectFutureRunsParams{Partner: partner, Now: now, Latest: now.Add(clockError)})
	if err != nil {
		return time.Time{}, "", fmt.Errorf("read when %s was last collected: %w", partner, classify(err))
	}
	if corrected > 0 {
		s.log.WarnContext(ctx, "corrected runs that began in the future: the clock was wrong when they ran", slog.String("partner", partner), slog.Int64("runs", corrected))
	}
	last, err := s.q.LastCollection(ctx, s.pool, dbsqlc.LastCollectionParams{Partner: partner, Latest: now.Add(clockError)})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return time.Time{}, "", nil
	case err != nil:
		return time.Time{}, "", fmt.Errorf("read when %s was last collected: %w", partner, classify(err))
	}
	return last.Began, billing.RunStatus(last.Status), nil
}
