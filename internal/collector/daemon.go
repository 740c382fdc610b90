package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/codepages"
	"partnercost/internal/config"
	"partnercost/internal/persist"
	"partnercost/internal/queue"
	"partnercost/internal/schedule"
)

// storePause is how long the daemon waits between attempts to reach the database at
// its start.
const storePause = 5 * time.Second

// ErrNotOpen is the error of Daemon.Store until the database has been reached.
var ErrNotOpen = errors.New("the database has not been reached since the start")

// DaemonOptions are what a daemon works with. All fields are required.
type DaemonOptions struct {
	// Collector does the runs. Its Store is not set, because Open opens it.
	Collector Collector
	Spec      schedule.Spec
	// Open opens the store. It is called again as long as it returns billing.ErrUnavailable.
	Open func(context.Context) (*persist.Store, error)
	// Wait returns after d, or when ctx ends.
	Wait func(ctx context.Context, d time.Duration)
}

// Daemon collects every partner at the ticks of a schedule, together with all machines that
// share the database. The schedule decides when a partner is due, the ledger whether it is
// collected already, and the queue which machine collects it. The daemon can lose what it
// remembers itself.
type Daemon struct {
	DaemonOptions

	config  *config.Config
	log     *slog.Logger
	process string                        // the id of this process
	store   atomic.Pointer[persist.Store] // nil until the database has been reached
	pruning sync.Mutex

	interrupted atomic.Int64

	scheduling sync.Mutex
	next       map[string]time.Time // when each partner is due
	failed     map[string]time.Time // the newest tick of each partner whose failure was reported without a run
	elsewhere  map[string]time.Time // the newest tick of each partner that another process was found collecting
	givenUp    map[string]time.Time // the newest tick of each partner whose run failed finally on this machine
}

// NewDaemon returns a daemon.
func NewDaemon(o DaemonOptions) *Daemon {
	return &Daemon{
		DaemonOptions: o, config: o.Collector.Config, log: o.Collector.Log, process: o.Collector.NewID(),
		next: map[string]time.Time{}, failed: map[string]time.Time{}, elsewhere: map[string]time.Time{}, givenUp: map[string]time.Time{},
	}
}

// Store returns the store, or ErrNotOpen until the database has been reached.
func (d *Daemon) Store() (*persist.Store, error) {
	if store := d.store.Load(); store != nil {
		return store, nil
	}
	return nil, ErrNotOpen
}

// Run collects until ctx ends. It returns an error if that interrupted a run.
func (d *Daemon) Run(ctx context.Context) error {
	store, nights, err := d.begin(ctx)
	switch {
	case ctx.Err() != nil && err != nil:
		return nil // it was stopped before a run began
	case err != nil:
		return err
	}
	defer store.Close()
	codepages.Release()
	d.schedule(ctx, store, nights)
	nights.Close()
	d.log.Info("daemon stopped")
	if n := d.interrupted.Load(); n > 0 {
		return fmt.Errorf("%d runs were interrupted; the next start resumes them", n)
	}
	return nil
}

// schedule makes every partner be collected when it is due.
func (d *Daemon) schedule(ctx context.Context, store *persist.Store, nights *queue.Queue) {
	c := &d.Collector
	var partners sync.WaitGroup
	for _, partner := range d.config.Partners {
		job := schedule.Job{
			Spec: d.Spec, Jitter: d.config.Schedule.Jitter, CatchUp: d.config.Schedule.CatchUp, Now: c.Now, Rand: c.Rand, Wait: d.Wait,
			Log:       d.log.With(slog.String("partner", partner.Name)),
			Scheduled: func(due time.Time) { d.announce(partner.Name, due) },
			LastDone: func(ctx context.Context) (time.Time, error) {
				began, _, err := store.LastCollection(ctx, partner.Name)
				return began, err
			},
			Do: func(ctx context.Context, tick time.Time) error {
				return d.distribute(ctx, store, nights, queue.Night{Partner: partner.Name, Tick: tick})
			},
		}
		partners.Go(func() { job.Run(ctx) })
	}
	partners.Go(func() { d.show(ctx, store) })
	d.log.Info("daemon started", slog.String("schedule", d.config.Schedule.Cron), slog.String("timezone", d.config.Schedule.Timezone), slog.Int("partners", len(d.config.Partners)))
	partners.Wait()
}

// begin opens the store and the queue, and waits while the database cannot be reached.
func (d *Daemon) begin(ctx context.Context) (*persist.Store, *queue.Queue, error) {
	for {
		store, err := d.awaitStore(ctx)
		if err != nil {
			return nil, nil, err
		}
		nights, err := d.openQueue(ctx, store)
		if err == nil {
			d.store.Store(store)
			return store, nights, nil
		}
		store.Close()
		if ctx.Err() != nil || persist.Forbidden(err) {
			return nil, nil, err
		}
		d.log.Warn("cannot start the queue; trying again", slog.Any("error", err))
		if d.Wait(ctx, storePause); ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
}

// openQueue joins the queue of all machines.
func (d *Daemon) openQueue(ctx context.Context, store *persist.Store) (*queue.Queue, error) {
	pool, behindPooler, err := store.QueuePool(ctx)
	if err != nil {
		return nil, err
	}
	c := d.Collector
	c.Store = store
	return queue.Open(ctx, queue.Options{
		Pool: pool, PollOnly: behindPooler, Machine: c.Machine, ID: d.process, AtOnce: d.config.Collect.PartnersAtOnce,
		Now: c.Now, Log: d.log,
		Work: func(ctx context.Context, n queue.Night) error {
			i := slices.IndexFunc(d.config.Partners, func(p config.Partner) bool { return p.Name == n.Partner })
			if i < 0 {
				return d.unknown(n)
			}
			return d.collect(ctx, &c, d.config.Partners[i], n.Tick)
		},
	})
}

// unknownWithin is how long a due partner waits for a machine that has it in its
// configuration.
const unknownWithin = 48 * time.Hour

// unknown leaves a partner that is not in this machine's configuration to another machine,
// whose configuration may be newer or older.
func (d *Daemon) unknown(n queue.Night) error {
	if d.Collector.Now().Sub(n.Tick) < unknownWithin {
		return schedule.ErrElsewhere
	}
	return fmt.Errorf("no machine has the partner %s any more", n.Partner)
}

// awaitStore opens the store, and waits while the database cannot be reached.
func (d *Daemon) awaitStore(ctx context.Context) (*persist.Store, error) {
	for {
		store, err := d.Open(ctx)
		if !errors.Is(err, billing.ErrUnavailable) {
			return store, err
		}
		d.log.Warn("the database is unavailable; waiting for it", slog.Any("error", err))
		if d.Wait(ctx, storePause); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// announce logs when a partner is due, each time that this changes.
func (d *Daemon) announce(partner string, due time.Time) {
	d.scheduling.Lock()
	defer d.scheduling.Unlock()
	if due.Equal(d.next[partner]) {
		return
	}
	d.next[partner] = due
	d.log.Info("next run scheduled", slog.String("partner", partner), slog.Time("at", due))
	first := due
	for _, other := range d.next {
		if other.Before(first) {
			first = other
		}
	}
	d.Collector.Metrics.Scheduled(first)
}

// distribute makes a free machine collect a partner that is due.
func (d *Daemon) distribute(ctx context.Context, store *persist.Store, nights *queue.Queue, n queue.Night) error {
	log := d.log.With(slog.String("partner", n.Partner))
	if d.gaveUp(n.Partner, n.Tick) {
		return queue.ErrGivenUp
	}
	if !nights.Attends(n) {
		busy, err := store.PartnerLocked(ctx, n.Partner)
		switch {
		case err != nil:
			return d.notNow(ctx, log, err)
		case busy:
			d.seenElsewhere(log, n)
			return schedule.ErrElsewhere
		}
	}
	return nights.Await(ctx, n)
}

// notNow tries again later, because the database did not answer.
func (d *Daemon) notNow(ctx context.Context, log *slog.Logger, err error) error {
	if ctx.Err() == nil {
		log.Warn("cannot see whether the night is done; trying again", slog.Any("error", err))
	}
	return schedule.ErrLater
}

// seenElsewhere logs once per night that another process collects the partner.
func (d *Daemon) seenElsewhere(log *slog.Logger, n queue.Night) {
	d.scheduling.Lock()
	defer d.scheduling.Unlock()
	if d.elsewhere[n.Partner].Equal(n.Tick) {
		return
	}
	d.elsewhere[n.Partner] = n.Tick
	log.Info("another process is collecting this partner; taking it over if that ends early")
}

// collect runs one partner that has been due since tick, unless that is done already.
func (d *Daemon) collect(ctx context.Context, c *Collector, partner config.Partner, tick time.Time) error {
	log := d.log.With(slog.String("partner", partner.Name))
	began, _, err := c.Store.LastCollection(ctx, partner.Name)
	switch {
	case err != nil:
		return d.notNow(ctx, log, err)
	case !began.IsZero() && !began.Before(tick):
		return nil
	case d.gaveUp(partner.Name, tick):
		return schedule.ErrElsewhere // it is left to a machine that has not tried
	}
	request := Request{Kind: billing.KindDaily, LeaveOut: DoneByUnfinishedRun, ResumeSince: tick}
	result := c.collectPartner(ctx, request, Selection{Partner: partner})
	locked := errors.Is(result.Err, persist.ErrLocked)
	switch {
	case result.RunID != "":
		d.ping(ctx, c, result, tick)
	case !locked && ctx.Err() == nil && d.firstFailure(partner.Name, tick):
		// A run that could not enter the ledger must be reported too.
		c.Notify(ctx, false)
	}
	switch err := result.Err; {
	case err == nil:
		d.prune(ctx, c.Store)
		return nil
	case ctx.Err() != nil:
		if result.RunID != "" {
			d.interrupted.Add(1)
		}
		return err
	case locked:
		d.seenElsewhere(log, queue.Night{Partner: partner.Name, Tick: tick})
		return schedule.ErrElsewhere
	case errors.Is(err, billing.ErrUnavailable):
		log.Error("the run failed: the database is unavailable; trying again later", slog.Any("error", err))
		return schedule.ErrLater
	default:
		log.Error("the run failed", slog.Any("error", err))
		d.giveUp(partner.Name, tick)
		if refused(err) {
			return fmt.Errorf("%w: %w", queue.ErrRefused, err)
		}
		return err // another machine may not have what is wrong with this one
	}
}

// refused reports whether the service has refused the partner itself, such as its sign-in.
func refused(err error) bool {
	failure, ok := errors.AsType[*billing.Failure](err)
	return ok && failure.Class.EndsRun() && failure.HTTPStatus != 0
}

// giveUp records that this machine does not try the partner again tonight.
func (d *Daemon) giveUp(partner string, tick time.Time) {
	d.scheduling.Lock()
	defer d.scheduling.Unlock()
	d.givenUp[partner] = tick
}

func (d *Daemon) gaveUp(partner string, tick time.Time) bool {
	d.scheduling.Lock()
	defer d.scheduling.Unlock()
	return d.givenUp[partner].Equal(tick)
}

// firstFailure reports whether no run of the partner has failed to begin since tick.
func (d *Daemon) firstFailure(partner string, tick time.Time) bool {
	d.scheduling.Lock()
	defer d.scheduling.Unlock()
	if d.failed[partner].Equal(tick) {
		return false
	}
	d.failed[partner] = tick
	return true
}

// ping requests the address for success only if every partner has succeeded since tick,
// because all partners share one address.
func (d *Daemon) ping(ctx context.Context, c *Collector, result Result, tick time.Time) {
	ctx, cancel := Detached(ctx)
	defer cancel()
	succeeded := AllSucceeded([]Result{result})
	for _, other := range d.config.Partners {
		if !succeeded {
			break
		}
		began, status, err := c.Store.LastCollection(ctx, other.Name)
		if err != nil || began.Before(tick) {
			return // it is unknown, or its own run will ping
		}
		succeeded = status == billing.StatusSucceeded
	}
	if !succeeded {
		c.notify(ctx, false)
		return
	}
	if err := d.pingSuccess(ctx, c, tick); err != nil {
		d.log.Error("cannot tell the success once for all machines", slog.Any("error", err))
	}
}

// successLock is the lock of the machine that reports the success. It cannot be the name of
// a partner.
const successLock = "success/"

// pingSuccess reports the success of all partners, unless a machine has done so or is doing
// so. If that cannot be recorded, it reports all the same: twice is better than never.
func (d *Daemon) pingSuccess(ctx context.Context, c *Collector, tick time.Time) error {
	_, release, err := c.Store.LockPartner(ctx, successLock)
	switch {
	case errors.Is(err, persist.ErrLocked):
		return nil
	case err != nil:
		c.notify(ctx, true)
		return err
	}
	defer release()
	told, err := c.Store.SuccessPinged(ctx, tick)
	if told {
		return nil
	}
	if c.notify(ctx, true) {
		err = errors.Join(err, c.Store.NoteSuccessPing(ctx, tick, c.Machine))
	}
	return err
}

// pruneLock is the lock of the machine that prunes. It cannot be the name of a partner.
const pruneLock = "retention/"

// prune removes what has exceeded its retention, unless another machine is doing so. If it
// fails, it is tried again after the next run.
func (d *Daemon) prune(ctx context.Context, store *persist.Store) {
	d.pruning.Lock()
	defer d.pruning.Unlock()
	pruned, err := d.pruneAlone(ctx, store)
	switch {
	case err != nil && ctx.Err() == nil:
		d.log.Error("cannot remove data past its retention; trying again after the next run", slog.Any("error", err))
	case pruned != persist.Pruned{}:
		d.log.Info("removed data past its retention", slog.Int64("raw_bodies", pruned.Payloads), slog.Int64("runs", pruned.Runs), slog.Int64("failures", pruned.Failures))
	}
}

func (d *Daemon) pruneAlone(ctx context.Context, store *persist.Store) (persist.Pruned, error) {
	_, release, err := store.LockPartner(ctx, pruneLock)
	switch {
	case errors.Is(err, persist.ErrLocked):
		return persist.Pruned{}, nil
	case err != nil:
		return persist.Pruned{}, err
	}
	defer release()
	r := d.config.Retention
	return store.Prune(ctx, persist.Retention{Payloads: r.Payloads, Runs: r.Runs})
}
