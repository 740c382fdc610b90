package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
	"partnercost/internal/queue"
	"partnercost/internal/schedule"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// site is a database with a queue, and machines that share it.
type site struct {
	t *testing.T
	// url is that of the owner, login that of the machines.
	url, login string

	mu     sync.Mutex
	worked []string // machine and partner, in order
	logged bytes.Buffer
}

// Write keeps what the machines log.
func (s *site) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logged.Write(line)
}

// says counts how often the log has a text.
func (s *site) says(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.logged.String(), text)
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, url: pgtest.New(t)}
	s.login = pgtest.Login(t, s.url, "collector_writer")
	t.Cleanup(func() { want(t, "what the role may not do", 0, s.says("permission denied")) })
	return s
}

// machine is a process that takes part in the queue.
type machine struct {
	*queue.Queue
	stop func()
}

// start starts a machine that works so, or does nothing and succeeds.
func (s *site) start(name string, atOnce int, work func(ctx context.Context, n queue.Night) error) machine {
	s.t.Helper()
	log := slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store, err := persist.Open(s.t.Context(), persist.Options{URL: s.login, Log: log})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(store.Close)
	pool, behindPooler, err := store.QueuePool(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if behindPooler {
		s.t.Error("there is no pooler")
	}
	ctx, stop := context.WithCancel(s.t.Context())
	q, err := queue.Open(ctx, queue.Options{
		Pool: pool, PollOnly: name == "polls", Machine: name, ID: uuid.NewString(), AtOnce: atOnce, Now: time.Now, Log: log,
		Work: func(ctx context.Context, n queue.Night) error {
			s.mu.Lock()
			s.worked = append(s.worked, name+" "+n.Partner)
			s.mu.Unlock()
			if work == nil {
				return nil
			}
			return work(ctx, n)
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	closed := sync.OnceFunc(func() {
		stop()
		q.Close()
	})
	s.t.Cleanup(closed)
	return machine{Queue: q, stop: closed}
}

// did returns which machine worked on which partner.
func (s *site) did() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.worked)
}

// until awaits the night on the machine until the answer is another than that it waits.
func (s *site) until(m machine, n queue.Night) error {
	s.t.Helper()
	for {
		if err := m.Await(s.t.Context(), n); !errors.Is(err, schedule.ErrElsewhere) {
			return err
		}
	}
}

// query returns the rows of a query with one text column.
func (s *site) query(query string, args ...any) []string {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(s.t.Context(), query, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return lines
}

// change makes a change of a job, and returns when it is made.
func (s *site) change(set string, n queue.Night) {
	s.t.Helper()
	for len(s.query(`UPDATE river.river_job SET `+set+` WHERE args->>'partner' = $1 RETURNING id::text`, n.Partner)) == 0 {
	}
}

func (s *site) states() []string {
	s.t.Helper()
	return s.query(`SELECT concat_ws(' ', args->>'partner', to_char((args->>'tick')::timestamptz, 'DD'), state) FROM river.river_job ORDER BY id`)
}

func want(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// night is a partner's night of the first of a month.
func night(partner string) queue.Night {
	return queue.Night{Partner: partner, Tick: time.Date(2026, time.November, 1, 2, 30, 0, 0, time.FixedZone("CET", 3600))}
}

// All machines ask for all nights. Each is worked on once, and no machine has more than it
// may.
func TestMachinesShareTheNights(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const partners, atOnce = 6, 2
	var mu sync.Mutex
	ledger := map[string]int{} // how often a partner was collected
	now, most := map[string]int{}, map[string]int{}
	full := make(chan struct{}) // closed when every machine has had what it may have
	done := func(n queue.Night) bool {
		mu.Lock()
		defer mu.Unlock()
		return ledger[n.Partner] > 0
	}
	work := func(name string) func(context.Context, queue.Night) error {
		return func(ctx context.Context, n queue.Night) error {
			if done(n) {
				return nil
			}
			mu.Lock()
			now[name]++
			most[name] = max(most[name], now[name])
			if most["a"] == atOnce && most["polls"] == atOnce && len(ledger) == 0 {
				close(full)
			}
			mu.Unlock()
			<-full
			mu.Lock()
			defer mu.Unlock()
			ledger[n.Partner]++
			now[name]--
			return nil
		}
	}
	var asked sync.WaitGroup
	for _, name := range []string{"a", "polls"} {
		m := s.start(name, atOnce, work(name))
		for p := range partners {
			asked.Go(func() {
				for n := night(fmt.Sprint(p)); !done(n); {
					if err := m.Await(t.Context(), n); err != nil && !errors.Is(err, schedule.ErrElsewhere) {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	asked.Wait()
	want(t, "the most at once", map[string]int{"a": atOnce, "polls": atOnce}, most)
	want(t, "how often the partners were collected", map[string]int{"0": 1, "1": 1, "2": 1, "3": 1, "4": 1, "5": 1}, ledger)
}

// A machine that stops hands on what it works on, and one that dies loses it: what shows is
// that the job runs while nobody holds the partner's lock.
func TestNightsGoOnElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	begun := make(chan struct{}, 1)
	first := s.start("first", 1, func(ctx context.Context, _ queue.Night) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	var awaiting sync.WaitGroup
	awaiting.Go(func() { _ = first.Await(t.Context(), night("handed on")) }) // whatever it says: the night is not over
	<-begun
	second := s.start("second", 1, nil)
	first.stop()
	awaiting.Wait()
	want(t, "after the stop", error(nil), s.until(second, night("handed on")))
	second.stop()

	third := s.start("third", 1, nil)
	for _, set := range []string{
		`state = 'running', attempted_at = now() - interval '6 seconds', attempted_by = '{gone/1}', finalized_at = NULL`,
		`state = 'available', scheduled_at = now() + interval '5 minutes', finalized_at = NULL`, // by a clock that is ahead
		`state = 'scheduled', scheduled_at = now() + interval '5 minutes', finalized_at = NULL`,
	} {
		s.change(set, night("handed on"))
		want(t, set, error(nil), s.until(third, night("handed on")))
	}
	want(t, "who worked", []string{
		"first handed on", "second handed on", "third handed on", "third handed on", "third handed on",
	}, s.did())
	want(t, "who is named", 1, s.says("taking over from a process that is gone"))

	// What was left of an earlier night is cleared away with the next one.
	s.change(`state = 'running', attempted_at = now() - interval '6 seconds', attempted_by = '{gone/1}', finalized_at = NULL`, night("handed on"))
	next := night("handed on")
	next.Tick = next.Tick.AddDate(0, 0, 1)
	want(t, "the next night", error(nil), s.until(third, next))
	for slices.Contains(s.states(), "handed on 01 available") || slices.Contains(s.states(), "handed on 01 running") { // until River has recorded it
	}
	want(t, "the queue", []string{"handed on 01 completed", "handed on 02 completed"}, s.states())
}

// What every machine would fail at no other machine tries, until one starts anew.
func TestNightsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	errDead := fmt.Errorf("the credential is dead: %w", queue.ErrRefused)
	fails := func(context.Context, queue.Night) error { return errDead }
	first, second := s.start("first", 1, fails), s.start("second", 1, fails)
	want(t, "on one of the machines", true, errors.Is(s.until(first, night("p")), errDead) || len(s.did()) == 1)
	want(t, "on any other", true, errors.Is(s.until(second, night("p")), queue.ErrGivenUp))
	want(t, "how often it was tried", 1, len(s.did()))
	want(t, "what the queue keeps of the error", []string{"JobCancelError: the night failed; the ledger has the reason"},
		s.query(`SELECT e->>'error' FROM river.river_job, unnest(errors) e`))
	first.stop()
	second.stop()
	third := s.start("third", 1, nil)
	want(t, "after a restart", error(nil), s.until(third, night("p")))
	want(t, "the queue", []string{"p 01 completed"}, s.states())
}

// What a machine gives up, because something may be wrong with it, another one does.
func TestNightsThatAreGivenUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	errOffline := errors.New("the machine has no network")
	failed := false
	first := s.start("first", 1, func(context.Context, queue.Night) error {
		if failed {
			return schedule.ErrElsewhere
		}
		failed = true
		return errOffline
	})
	want(t, "on the first", true, errors.Is(s.until(first, night("p")), errOffline))
	want(t, "the queue", []string{"p 01 cancelled"}, s.states())
	second := s.start("second", 1, nil)
	want(t, "on the second", error(nil), s.until(second, night("p")))
	want(t, "the queue", []string{"p 01 completed"}, s.states())
}

// A night whose work panics is given up, and said; the others go on.
func TestNightsThatBreakOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	m := s.start("m", 1, func(_ context.Context, n queue.Night) error {
		if n.Partner == "bad" {
			panic("at the disco")
		}
		return nil
	})
	if err := s.until(m, night("bad")); err == nil {
		t.Error("the panic is no error")
	}
	want(t, "the next", error(nil), s.until(m, night("good")))
	want(t, "the queue", []string{"bad 01 cancelled", "good 01 completed"}, s.states())
	want(t, "how often it is said", 1, s.says("this is a defect of the program"))
}

// What may pass is tried again by the machine on which it failed, when it asks again, and
// meanwhile by no other. A partner that is locked is not the queue's to wait for.
func TestNightsThatAreTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	attempts := 0
	m := s.start("m", 1, func(context.Context, queue.Night) error {
		switch attempts++; attempts {
		case 1:
			return fmt.Errorf("the disk is full: %w", schedule.ErrLater)
		case 2:
			return schedule.ErrElsewhere
		}
		return nil
	})
	want(t, "the first attempt", true, errors.Is(s.until(m, night("p")), schedule.ErrLater))
	other := s.start("other", 1, nil)
	want(t, "on the other machine", true, errors.Is(other.Await(t.Context(), night("p")), schedule.ErrElsewhere))
	other.stop()
	want(t, "the third attempt", error(nil), s.until(m, night("p")))
	want(t, "who worked", []string{"m p", "m p", "m p"}, s.did())
}
