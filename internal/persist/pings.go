package persist

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/persist/dbsqlc"
)

// pingsKept is how long it is known that the success of a tick was told. Nobody asks about
// an older one.
const pingsKept = 31 * 24 * time.Hour

// SuccessPinged reports whether the success of all partners since the tick was told.
func (s *Store) SuccessPinged(ctx context.Context, tick time.Time) (bool, error) {
	told, err := s.q.SuccessPinged(ctx, s.pool, tick)
	if err != nil {
		return false, fmt.Errorf("see whether the success was told: %w", classify(err))
	}
	return told, nil
}

// NoteSuccessPing records that the machine has told the success of all partners since the
// tick.
func (s *Store) NoteSuccessPing(ctx context.Context, tick time.Time, machine string) error {
	now := s.now()
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		return inOrder(
			func() error { return s.q.ForgetSuccessPings(ctx, tx, now.Add(-pingsKept)) },
			func() error {
				return s.q.NoteSuccessPing(ctx, tx, dbsqlc.NoteSuccessPingParams{Tick: tick, Machine: machine, Now: now})
			},
		)
	})
	if err != nil {
		return fmt.Errorf("note that the success was told: %w", classify(err))
	}
	return nil
}
