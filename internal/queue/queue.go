package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"partnercost/internal/pg"
	"partnercost/internal/schedule"
)

// Schema is where River's tables are.
const Schema = "river"

var (
	// ErrRefused is what the work on a night returns when it would fail on every machine.
	ErrRefused = errors.New("no machine can do it")
	// ErrGivenUp means that a machine had ErrRefused.
	ErrGivenUp = errors.New("a machine has given this night up")
)

// Options say how a queue works. All fields are required.
type Options struct {
	// Pool is for the queue alone, which closes it.
	Pool *pgxpool.Pool
	// PollOnly means that the sessions cannot be kept for notifications.
	PollOnly bool
	// Machine and ID name this process: its host, and what tells it from all others.
	Machine, ID string
	// AtOnce is how many nights this machine works on at a time.
	AtOnce int
	// Work works on a night. After schedule.ErrElsewhere and schedule.ErrLater the night is
	// tried again; after ErrRefused it is given up, and after any other error as soon as no
	// machine asks for it that has not tried. When ctx ends, another machine goes on with it.
	Work func(ctx context.Context, night Night) error
	Now  func() time.Time
	Log  *slog.Logger
}

// Queue is this machine's part of the queue that all machines share.
type Queue struct {
	Options

	client *river.Client[pgx.Tx]
	opened time.Time // on the server's clock
	// working is read-locked by the work on each night.
	working sync.RWMutex

	mu       sync.Mutex
	attended map[Night]bool                // what this machine works on
	waiting  map[Night]map[chan error]bool // who awaits a night
	outcomes map[int64]error               // of jobs that River has not recorded yet
	later    map[Night]bool                // what failed here and is tried again when this machine's schedule says so
}

// Open starts to work on nights, until ctx ends. The caller closes the queue.
func Open(ctx context.Context, o Options) (*Queue, error) {
	q := &Queue{
		Options: o, attended: map[Night]bool{}, waiting: map[Night]map[chan error]bool{}, outcomes: map[int64]error{}, later: map[Night]bool{},
	}
	if err := q.start(ctx); err != nil {
		pg.Close(o.Pool)
		return nil, fmt.Errorf("start the queue: %w", err)
	}
	return q, nil
}

func (q *Queue) start(ctx context.Context) error {
	if err := q.Pool.QueryRow(ctx, "SELECT now()").Scan(&q.opened); err != nil {
		return err
	}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{Queue: q}); err != nil {
		return err
	}
	client, err := river.NewClient(riverpgxv5.New(q.Pool), &river.Config{
		ID: q.Machine + "/" + q.ID, Schema: Schema, PollOnly: q.PollOnly, Workers: workers, ErrorHandler: panics{q.Log},
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: q.AtOnce}},
		// The role that collects does not own the indexes, and the table is small.
		ReindexerIndexNames: []string{},
		Logger:              slog.New(quiet{q.Log.Handler()}),
	})
	if err != nil {
		return err
	}
	q.client = client
	recorded, unsubscribe := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobCancelled, river.EventKindJobFailed, river.EventKindJobSnoozed)
	go func() {
		for event := range recorded {
			q.recorded(event)
		}
	}()
	if err := client.Start(ctx); err != nil {
		unsubscribe()
		return err
	}
	return nil
}

// stopWithin bounds what River does after the last night has ended: a server that does
// not answer must not keep the process.
const stopWithin = time.Second

// Close waits for the nights in progress, after the context of Open has ended, and closes
// the connections.
func (q *Queue) Close() {
	q.working.Lock()
	q.working.Unlock() //nolint:staticcheck // nothing is to be protected, only awaited
	enough := time.NewTimer(stopWithin)
	defer enough.Stop()
	select {
	case <-q.client.Stopped():
	case <-enough.C:
	}
	pg.Close(q.Pool)
}

// lookAgain is how long a night is awaited without being worked on here.
const lookAgain = 2 * time.Second

// Await has the night worked on, by whichever machine is free. If that is this one, it
// returns what came of it as soon as that is recorded. If it is not yet, it returns
// schedule.ErrElsewhere: the ledger knows whether the night is done, and Await is called
// again if it is not. It returns ErrGivenUp when every machine would fail. Who has given a
// night up does not call Await for it, and has seen that nobody holds the partner's lock.
func (q *Queue) Await(ctx context.Context, n Night) error {
	n.Tick = n.Tick.UTC()
	ended := make(chan error, 1)
	q.await(n, ended)
	defer q.forget(n, ended)
	if !q.Attends(n) {
		if err := q.offer(ctx, n); errors.Is(err, ErrGivenUp) {
			return err
		} else if err != nil {
			if ctx.Err() == nil {
				q.Log.Warn("cannot queue the night; trying again", slog.String("partner", n.Partner), slog.Any("error", err))
			}
			return schedule.ErrLater
		}
	}
	for {
		look := time.NewTimer(lookAgain)
		select {
		case err := <-ended:
			look.Stop()
			return err
		case <-ctx.Done():
			look.Stop()
			return ctx.Err()
		case <-look.C:
			if !q.Attends(n) {
				return schedule.ErrElsewhere
			}
		}
	}
}

// Attends reports whether this machine works on the night.
func (q *Queue) Attends(n Night) bool {
	n.Tick = n.Tick.UTC()
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.attended[n]
}

func (q *Queue) await(n Night, ended chan error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting[n] == nil {
		q.waiting[n] = map[chan error]bool{}
	}
	q.waiting[n][ended] = true
}

func (q *Queue) forget(n Night, ended chan error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting[n], ended)
	if len(q.waiting[n]) == 0 {
		delete(q.waiting, n)
	}
}
