package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
)

// Source fetches statements. An error ends the run, such as a dead credential or the
// end of ctx. One customer's error is the Failure of the statement.
type Source interface {
	Visit(ctx context.Context, visit billing.Visit) (billing.Statement, error)
}

// Sink takes a batch and returns one result per statement, in order: a store writes the batch, a
// dry run plans it. It takes the whole batch or returns an error. On billing.ErrUnavailable the run
// waits and tries again, on billing.ErrRejected and billing.ErrTooMuch it splits the batch, and any
// other error ends it. Sink is called by one goroutine at a time and must not keep the batch.
type Sink func(ctx context.Context, batch []billing.Statement) ([]billing.CustomerResult, error)

// Options say what a run does and within which limits. A zero number or duration means
// the default in parentheses.
type Options struct {
	// Customers yields the customers to collect, each once, with what to read of them. The
	// next one is requested when a worker is free. An error ends the run.
	Customers iter.Seq2[billing.Visit, error]
	// Total is the number of customers if it is known in advance, else 0.
	Total  int
	Source Source
	Sink   Sink

	// Concurrency is the number of customers that are fetched at the same time (8).
	Concurrency int
	// Batch is the largest number of customers per call of the sink (500).
	Batch int
	// MaxBatchBytes is the size of raw bodies at which a batch is complete (8 MiB).
	MaxBatchBytes int
	// FlushEvery is how long the first statement of a batch waits before the batch is
	// complete, so that a slow run stores early too (10 s).
	FlushEvery time.Duration
	// StoreWait is how long the run waits for a database that cannot be reached or written
	// (5 min).
	StoreWait time.Duration
	// Grace is how long storing may go on after an interruption (15 s).
	Grace time.Duration

	Log *slog.Logger
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	setDefault(&o.Concurrency, 8)
	setDefault(&o.Batch, 500)
	setDefault(&o.MaxBatchBytes, 8<<20)
	setDefault(&o.FlushEvery, 10*time.Second)
	setDefault(&o.StoreWait, 5*time.Minute)
	setDefault(&o.Grace, 15*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Run is one collection of one partner's customers. It is used once.
type Run struct {
	Options
	started time.Time

	mu             sync.Mutex
	tally          billing.Tally
	fetched, again int
	handed, stored int
	// counted is the number of customers of the earlier part (Follow).
	counted int
}

// Expect sets the number of customers, once it is known.
func (r *Run) Expect(total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Total = total
}

// Follow continues an earlier part of the same run, with its customers counted and its
// beginning.
func (r *Run) Follow(before *Run) *Run {
	before.mu.Lock()
	defer before.mu.Unlock()
	r.started, r.tally, r.fetched, r.counted = before.started, before.tally, before.fetched, before.tally.Total
	return r
}

// New prepares a run.
func New(o Options) *Run {
	o = o.withDefaults()
	return &Run{Options: o, started: o.Now(), tally: billing.Tally{Total: o.Total}}
}

// Collect takes every customer through the stages and returns the tally. The tally is
// correct with an error too: it counts what was stored. A nil error means that every
// customer was enumerated and has a result, possibly a failure.
//
// When ctx ends, fetching stops at once, the fetched statements are stored within
// Grace, and the error wraps the cause of ctx's end.
func (r *Run) Collect(ctx context.Context) (billing.Tally, error) {
	storeCtx, release := WithGrace(ctx, r.Grace)
	defer release()
	stoppable, stopFetching := context.WithCancel(ctx)
	defer stopFetching()

	var (
		visits     = make(chan billing.Visit)
		statements = make(chan billing.Statement)
		batches    = make(chan []billing.Statement)
	)
	fetching, fetchCtx := errgroup.WithContext(stoppable)
	var listErr error // ends the run, but not the requests in flight
	fetching.Go(func() error {
		defer close(visits)
		listErr = r.enumerate(fetchCtx, visits)
		return nil
	})
	for range r.Concurrency {
		fetching.Go(func() error { return r.fetch(fetchCtx, visits, statements) })
	}
	var storing errgroup.Group
	storing.Go(func() error {
		defer close(batches)
		r.gather(statements, batches)
		return nil
	})
	storing.Go(func() error { return r.write(storeCtx, batches, stopFetching) })

	fetchErr := fetching.Wait()
	if fetchErr == nil {
		fetchErr = listErr
	}
	close(statements)
	storeErr := storing.Wait()
	return r.conclude(ctx, fetchErr, storeErr)
}

// unstored returns the number of customers that were fetched and not stored.
func (r *Run) unstored() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.handed - r.stored
}

// conclude returns the error with which the run ends. A broken store outranks the error
// of the fetching that it stopped, and an interruption outranks the errors of the
// requests that it cut off.
func (r *Run) conclude(ctx context.Context, fetchErr, storeErr error) (billing.Tally, error) {
	p := r.Progress()
	if storeErr != nil {
		storeErr = fmt.Errorf("%d customers are stored, %d fetched customers are not: %w", p.Done(), r.unstored(), storeErr)
	}
	switch {
	case fetchErr != nil && ctx.Err() != nil:
		fetchErr = fmt.Errorf("stopped after %d customers: %w", p.Done(), context.Cause(ctx))
	case storeErr != nil && errors.Is(fetchErr, context.Canceled):
		fetchErr = nil
	}
	if fetchErr != nil && storeErr != nil {
		return p.Tally, fmt.Errorf("%w; %w", fetchErr, storeErr)
	}
	return p.Tally, errors.Join(fetchErr, storeErr)
}
