package persist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrLocked means that another collector holds the partner's lock.
var ErrLocked = errors.New("another run of this partner is in progress")

// busy is ErrLocked with another message.
type busy string

func (e busy) Error() string        { return string(e) }
func (e busy) Is(target error) bool { return target == ErrLocked }

const errMigrating = busy("migrations are being reverted")

// The keys of the advisory locks. The holder of a partner's lock also holds a shared lock
// of the schema. Reverting migrations needs that lock exclusively.
const (
	schemaLock  = "pg_catalog.hashtextextended('partnercost', 0)"
	partnerLock = "pg_catalog.hashtextextended('partnercost/' || $1, 0)"
)

// lockPatience is how long a run waits for a lock that is held, because the session of a
// collector that was killed ends a moment after it. The lock is tried lockTries times, at
// intervals of lockPause.
const (
	lockPatience = 2 * time.Second
	lockPause    = 100 * time.Millisecond
	lockTries    = int(lockPatience / lockPause)
)

// lockAnswer bounds a statement about locks, and lockConnect the opening of their
// session: a session that does not answer counts as broken. A server that cannot be
// reached is tried again every reconnectPause.
const (
	lockAnswer     = 2 * time.Second
	lockConnect    = 10 * time.Second
	reconnectPause = time.Second
)

// LockPartner takes the partner's advisory lock. It returns ErrLocked if, after two
// seconds, the lock is still held or migrations are being reverted. One separate session
// holds the locks of all partners. If the session breaks, its locks are taken again as
// soon as the server is back. If another process takes one of them first, the returned
// context ends with ErrLocked as its cause. The caller calls release once.
func (s *Store) LockPartner(ctx context.Context, partner string) (locked context.Context, release func(), err error) {
	locked, lost := context.WithCancelCause(ctx)
	l := &partnerLocked{partner: partner, lost: lost}
	for tries := 1; ; tries++ {
		err := s.locks.ask(ctx, lockRequest{lock: l, answer: make(chan error, 1)})
		if err == nil {
			return locked, func() {
				// Do not wait for a server that does not answer: its session ends without it.
				releasing, enough := context.WithTimeout(context.WithoutCancel(ctx), lockAnswer)
				defer enough()
				_ = s.locks.ask(releasing, lockRequest{lock: l, release: true, answer: make(chan error, 1)}) // releasing cannot fail
				lost(nil)
			}, nil
		}
		if !errors.Is(err, ErrLocked) || tries > lockTries {
			lost(nil)
			return nil, nil, err
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
		}
	}
}

// PartnerLocked reports whether a session of any process holds the partner's lock. It is
// one cheap statement, because many machines ask for many partners all night.
func (s *Store) PartnerLocked(ctx context.Context, partner string) (bool, error) {
	var free bool
	if err := s.pool.QueryRow(ctx, "SELECT pg_catalog.pg_try_advisory_xact_lock("+partnerLock+")", partner).Scan(&free); err != nil {
		return false, fmt.Errorf("look at the lock of the partner %s: %w", partner, classify(err))
	}
	return !free, nil
}

// partnerLocked is a lock that is held or requested.
type partnerLocked struct {
	partner string
	// taken means that the present session holds the lock.
	taken bool
	// lost is called when another collector has the lock.
	lost context.CancelCauseFunc
}

// lockRequest requests a lock, or releases it.
type lockRequest struct {
	lock    *partnerLocked
	release bool
	answer  chan error
}

// lockSession is the one session that holds the locks of all partners of this process,
// so that the number of connections does not grow with the partners. While a lock is
// held, a goroutine owns the session, serves the requests and notices when the session
// ends.
type lockSession struct {
	connect func(context.Context) (*pgx.Conn, error)
	log     *slog.Logger

	mu       sync.Mutex
	requests []lockRequest
	// wake makes the goroutine look at the requests; nil while there is no goroutine.
	wake func()

	// The fields below belong to the goroutine.
	held map[string]*partnerLocked
	conn *pgx.Conn // nil while the session is broken
	// rivals counts how often in a row another session had a lock that is held here.
	rivals int
}

// ask makes the goroutine serve a request. A request for a lock is withdrawn when ctx
// ends.
func (l *lockSession) ask(ctx context.Context, r lockRequest) error {
	l.submit(r)
	select {
	case err := <-r.answer:
		return err
	case <-ctx.Done():
		if !r.release {
			l.submit(lockRequest{lock: r.lock, release: true, answer: make(chan error, 1)})
		}
		return context.Cause(ctx)
	}
}

func (l *lockSession) submit(r lockRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, r)
	if l.wake != nil {
		l.wake()
		return
	}
	l.wake = func() {}
	go l.guard()
}

// guard serves requests, and keeps the session until the last lock is released.
func (l *lockSession) guard() {
	for {
		l.mu.Lock()
		requests := l.requests
		l.requests = nil
		if len(requests) == 0 && len(l.held) == 0 {
			l.wake = nil
			l.mu.Unlock()
			return
		}
		waiting, wake := context.WithCancel(context.Background())
		l.wake = wake
		l.mu.Unlock()
		for _, r := range requests {
			r.answer <- l.serve(r)
		}
		if len(requests) == 0 {
			l.wait(waiting)
		}
		wake()
	}
}

// wait returns when there may be requests, or after a broken session was restored.
func (l *lockSession) wait(waiting context.Context) {
	if l.conn != nil && l.rivals == 0 {
		// The session is never notified; waiting shows when it ends.
		_, broken := l.conn.WaitForNotification(waiting)
		if waiting.Err() != nil && !l.conn.IsClosed() {
			return
		}
		l.drop()
		l.log.Warn("lost the session of the partners' locks, taking them again", slog.Int("partners", len(l.held)), slog.Any("error", broken))
	}
	pause := reconnectPause
	switch err := l.retake(); {
	case err == nil:
		return
	case errors.Is(err, ErrLocked):
		pause = lockPause
	}
	select {
	case <-waiting.Done():
	case <-time.After(pause):
	}
}

// serve takes or releases a lock.
func (l *lockSession) serve(r lockRequest) error {
	if !r.release {
		return l.take(r.lock)
	}
	if l.held[r.lock.partner] != r.lock {
		return nil // the lock was lost, or never held
	}
	delete(l.held, r.lock.partner)
	switch {
	case l.conn == nil: // a broken session holds no lock
	case len(l.held) == 0:
		l.leave()
	default:
		if _, err := l.try("pg_advisory_unlock("+partnerLock+")", r.lock.partner); err != nil {
			l.drop()
		}
	}
	return nil
}

// take takes a partner's lock, in a new session if there is none.
func (l *lockSession) take(lock *partnerLocked) error {
	if l.held[lock.partner] != nil { // to the server a session is not its own rival
		return fmt.Errorf("partner %s: %w", lock.partner, ErrLocked)
	}
	if l.conn == nil && len(l.held) > 0 {
		if err := l.retake(); err != nil {
			return err
		}
	}
	if l.conn == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	free, err := l.try("pg_try_advisory_lock("+partnerLock+")", lock.partner)
	switch {
	case err != nil:
		l.drop()
		return fmt.Errorf("take the partner's lock: %w", classify(err))
	case !free && len(l.held) == 0:
		l.leave()
	}
	if !free {
		return fmt.Errorf("partner %s: %w", lock.partner, ErrLocked)
	}
	lock.taken = true
	l.held[lock.partner] = lock
	return nil
}

// retake takes the locks of the broken session again. It returns ErrLocked while another
// session holds one of them. At first that may be the broken session itself; after
// lockTries it is another collector, and the lock is lost. Any other error means that the
// server cannot be reached.
func (l *lockSession) retake() error {
	var rival error
	if l.conn == nil {
		if err := l.open(); errors.Is(err, ErrLocked) {
			rival = err
		} else if err != nil {
			return err
		}
	}
	var missing []*partnerLocked
	for partner, lock := range l.held {
		if lock.taken {
			continue
		}
		if l.conn == nil {
			missing = append(missing, lock)
			continue
		}
		var err error
		lock.taken, err = l.try("pg_try_advisory_lock("+partnerLock+")", partner)
		if err != nil {
			l.drop()
			return fmt.Errorf("take the partner's lock again: %w", classify(err))
		}
		if !lock.taken {
			missing = append(missing, lock)
			rival = ErrLocked
		}
	}
	if len(missing) == 0 {
		l.rivals = 0
		return nil
	}
	if l.rivals++; l.rivals <= lockTries {
		return rival
	}
	for _, lock := range missing {
		delete(l.held, lock.partner)
		lock.lost(fmt.Errorf("partner %s: %w", lock.partner, rival))
	}
	l.rivals = 0
	return nil
}

// open opens the session with a shared lock of the schema.
func (l *lockSession) open() error {
	ctx, cancel := context.WithTimeout(context.Background(), lockConnect)
	defer cancel()
	conn, err := l.connect(ctx)
	if err != nil {
		return fmt.Errorf("open the session of the partners' locks: %w", classify(err))
	}
	l.conn = conn
	free, err := l.try("pg_try_advisory_lock_shared(" + schemaLock + ")")
	switch {
	case err != nil:
		l.drop()
		return fmt.Errorf("take the lock of the schema: %w", classify(err))
	case !free:
		l.leave()
		return errMigrating
	}
	return nil
}

// try evaluates a boolean expression about locks on the server.
func (l *lockSession) try(expression string, args ...any) (yes bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockAnswer)
	defer cancel()
	err = l.conn.QueryRow(ctx, "SELECT "+expression, args...).Scan(&yes)
	return yes, err
}

// leave releases all locks and ends the session. The end of the session would release
// them too, but the server may notice it only after the next run has found a lock held.
func (l *lockSession) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), lockAnswer)
	defer cancel()
	_, _ = l.conn.Exec(ctx, "SELECT pg_advisory_unlock_all()") // a broken session holds no lock
	l.drop()
}

// drop ends the session, with all locks that it still holds.
func (l *lockSession) drop() {
	ctx, cancel := context.WithTimeout(context.Background(), lockAnswer)
	defer cancel()
	_ = l.conn.Close(ctx) // the session is given up, so the error does not matter
	l.conn = nil
	for _, lock := range l.held {
		lock.taken = false
	}
}
