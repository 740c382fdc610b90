package persist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrLocked says that another collector holds the partner's lock.
var ErrLocked = errors.New("another run of this partner is in progress")

// busy is ErrLocked in other words.
type busy string

func (e busy) Error() string        { return string(e) }
func (e busy) Is(target error) bool { return target == ErrLocked }

const errMigrating = busy("migrations are being reverted")

// The keys of the advisory locks. The holder of a partner's lock shares that of
// the schema; whoever takes migrations back wants the latter alone.
const (
	schemaLock  = "pg_catalog.hashtextextended('partnercost', 0)"
	partnerLock = "pg_catalog.hashtextextended('partnercost/' || $1, 0)"
)

// lockPatience is how long another holder of the lock may take to go: the session of
// a collector that was killed this instant ends a moment after it.
const lockPatience = 2 * time.Second

// LockPartner takes the partner's advisory lock, or fails with ErrLocked when it is
// still held, or migrations are being taken back, after two seconds.
// The lock lives in a session of its own. When that session breaks, the lock is
// taken again as soon as the server is back; the returned context ends, with
// ErrLocked as its cause, only if somebody else was faster. The caller calls
// release once.
func (s *Store) LockPartner(ctx context.Context, partner string) (locked context.Context, release func(), err error) {
	conn, err := s.lockSession(ctx, partner)
	if err != nil {
		return nil, nil, err
	}
	locked, cancel := context.WithCancelCause(ctx)
	guard, stop := context.WithCancel(context.WithoutCancel(ctx))
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		cancel(s.guardLock(guard, conn, partner))
	}()
	return locked, func() { stop(); <-gone }, nil
}

// lockSession opens a session that holds the partner's lock.
func (s *Store) lockSession(ctx context.Context, partner string) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("open the session of the partner's lock: %w", classify(err))
	}
	_, err = conn.Exec(ctx, "SELECT set_config('lock_timeout', $1, false)", strconv.FormatInt(lockPatience.Milliseconds(), 10))
	holder := error(errMigrating)
	if err == nil {
		_, err = conn.Exec(ctx, "SELECT pg_advisory_lock_shared("+schemaLock+")")
	}
	if err == nil {
		holder = ErrLocked
		_, err = conn.Exec(ctx, "SELECT pg_advisory_lock("+partnerLock+")", partner)
	}
	if err != nil {
		closeQuietly(conn)
		pgErr, answered := errors.AsType[*pgconn.PgError](err)
		if answered && pgErr.Code == "55P03" {
			return nil, fmt.Errorf("partner %s: %w", partner, holder)
		}
		return nil, fmt.Errorf("take the partner's lock: %w", classify(err))
	}
	return conn, nil
}

// guardLock holds the lock until ctx ends and returns nil, or until it is lost to
// another collector and returns why.
func (s *Store) guardLock(ctx context.Context, conn *pgx.Conn, partner string) error {
	for {
		// The session is never notified; waiting is how its end is noticed.
		_, broken := conn.WaitForNotification(ctx)
		select {
		case <-ctx.Done():
			unlock(conn)
			return nil
		default:
		}
		closeQuietly(conn)
		s.log.WarnContext(ctx, "lost the session of the partner's lock, taking it again", slog.String("partner", partner), slog.Any("error", broken))
		var err error
		for {
			conn, err = s.lockSession(ctx, partner)
			if err == nil {
				break
			}
			if errors.Is(err, ErrLocked) {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Second):
			}
		}
	}
}

// unlock gives the lock back and ends its session. The end alone would do too, but
// the server may notice it only after the next run has found the lock still held.
func unlock(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock_all()") // a broken session holds no lock
	closeQuietly(conn)
}

// closeQuietly ends a session whose fate no longer matters.
func closeQuietly(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
