package persist

import (
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5/pgconn"
)

// attempts bounds how often a transaction is tried that the server aborts in favour of
// another one.
const attempts = 5

// retryTx runs the transaction f, and runs it again at once when the server aborted it
// for a transient reason, such as a deadlock.
func (s *Store) retryTx(ctx context.Context, f func() error) error {
	for attempt := 1; ; attempt++ {
		err := f()
		pgErr, answered := errors.AsType[*pgconn.PgError](err)
		if !answered {
			return err
		}
		m := meaningOf(pgErr)
		if m.stale {
			s.pool.Reset()
		}
		if !m.retryable || attempt == attempts || ctx.Err() != nil {
			return err
		}
		s.log.InfoContext(ctx, "the database aborted a transaction; trying it again", slog.Int("attempt", attempt), slog.String("sqlstate", pgErr.Code))
	}
}
