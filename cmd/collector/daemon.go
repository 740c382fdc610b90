package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/persist"
	"partnercost/internal/schedule"
	"partnercost/internal/telemetry"
)

// daemonProgressEvery is how often a run of the daemon logs how far it is.
const daemonProgressEvery = time.Minute

// storePause is how long the daemon waits between attempts to reach the database at
// its start.
const storePause = 5 * time.Second

func (p *program) daemonCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "daemon",
		Short: "Collect every night, until stopped",
		Long: `Collect every partner at the times of schedule.cron, each time up to schedule.jitter
later. What is due is decided from the ledger in the database: a run that was missed
while the daemon or the database was away is made up for at the start
(schedule.catch_up), once; one that was interrupted is taken up where it ended; a
first start collects at once.

On console.listen it serves the console, /healthz, /readyz and /metrics.

SIGTERM stores the batch in hand, records the run as interrupted and ends the daemon
within 30 seconds; a second signal ends it at once. The configuration is read at the
start: restart the daemon when it changes. It loses nothing by that.`,
		Example: `  collector daemon
  collector daemon --log-format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.daemon(cmd.Context()) },
	}
}

// daemon collects until ctx ends. It returns an error if that interrupted a run.
func (p *program) daemon(ctx context.Context) error {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	spec, err := schedule.ParseSpec(c.Schedule.Cron, c.Schedule.Timezone)
	if err != nil {
		return configError(err)
	}
	d := &daemon{program: p, config: c, metrics: p.newMetrics(c.Partners), places: make(chan struct{}, sideBySide(c.Database.MaxConnections)), next: map[string]time.Time{}}
	p.watch(d.metrics, c.Partners, d.opened)
	pages, err := d.console()
	if err != nil {
		return err
	}
	defer pages.close()
	stop, err := d.serve(ctx, mounted(telemetry.Handler(d.metrics, d.health(spec, d.opened)), pages))
	if err != nil {
		return err
	}
	defer stop()

	store, err := p.awaitStore(ctx, c)
	switch {
	case ctx.Err() != nil:
		return nil // stopped before there was anything to interrupt
	case err != nil:
		return err
	}
	defer store.Close()
	d.store.Store(store)

	var partners sync.WaitGroup
	for _, partner := range c.Partners {
		job := schedule.Job{
			Spec: spec, Jitter: c.Schedule.Jitter, CatchUp: c.Schedule.CatchUp, Now: p.now, Rand: rand.Float64,
			Log:       p.log.With(slog.String("partner", partner.Name)),
			Scheduled: func(due time.Time) { d.announce(partner.Name, due) },
			Done: func(ctx context.Context) (time.Time, error) {
				began, _, err := store.LastCollection(ctx, partner.Name)
				return began, err
			},
			Do: func(ctx context.Context, tick time.Time) error { return d.collect(ctx, store, partner, tick) },
		}
		partners.Go(func() { job.Run(ctx) })
	}
	p.log.Info("daemon started", slog.String("schedule", c.Schedule.Cron), slog.String("timezone", c.Schedule.Timezone), slog.Int("partners", len(c.Partners)))
	partners.Wait()
	p.log.Info("daemon stopped")
	if n := d.interrupted.Load(); n > 0 {
		return fmt.Errorf("interrupted during %d runs; they are resumed at the next start", n)
	}
	return nil
}

// awaitStore opens the store, and waits while the database cannot be reached.
func (p *program) awaitStore(ctx context.Context, c *config.Config) (*persist.Store, error) {
	for {
		store, err := p.openStore(ctx, c)
		if !errors.Is(err, billing.ErrUnavailable) {
			return store, err
		}
		p.log.Warn("the database is away; waiting for it", slog.Any("error", err))
		timer := time.NewTimer(storePause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// sideBySide is how many partners a daemon collects at the same time: each run takes
// two connections, and one is left for those who look.
func sideBySide(connections int) int { return max(1, min(partnersAtOnce, (connections-1)/2)) }

// daemon collects partners when they are due.
type daemon struct {
	*program
	config  *config.Config
	store   atomic.Pointer[persist.Store] // nil until the database was reached
	metrics *telemetry.Metrics
	places  chan struct{} // one for each partner that may be collected now

	interrupted atomic.Int64
	pruning     sync.Mutex

	scheduling sync.Mutex
	next       map[string]time.Time // when each partner is due
}

// opened returns the store once the database was reached.
func (d *daemon) opened() (*persist.Store, error) {
	if store := d.store.Load(); store != nil {
		return store, nil
	}
	return nil, errNotOpen
}

// announce logs when a partner is due, whenever that changes.
func (d *daemon) announce(partner string, due time.Time) {
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
	d.metrics.Scheduled(first)
}

// collect is the run of one partner that is due since tick.
func (d *daemon) collect(ctx context.Context, store *persist.Store, partner config.Partner, tick time.Time) error {
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-ctx.Done():
		return ctx.Err()
	}
	result := d.run(ctx, store, partner, tick)
	if result.runID != "" {
		d.tell(ctx, store, result, tick)
	}
	log := d.log.With(slog.String("partner", partner.Name))
	switch err := result.err; {
	case err == nil:
		d.prune(ctx, store)
		return nil
	case ctx.Err() != nil:
		if result.runID != "" {
			d.interrupted.Add(1)
		}
		return err
	case errors.Is(err, persist.ErrLocked):
		log.Info("another collector collects this partner; looking again later")
		return schedule.ErrLater
	case errors.Is(err, billing.ErrUnavailable):
		log.Error("the run failed for want of the database; trying again later", slog.Any("error", err))
		return schedule.ErrLater
	default:
		log.Error("the run failed", slog.Any("error", err))
		return err
	}
}

func (d *daemon) run(ctx context.Context, store *persist.Store, partner config.Partner, tick time.Time) summary {
	selections, err := everyCustomer([]config.Partner{partner})
	if err != nil {
		return summary{partner: partner.Name, err: err}
	}
	runs := &collection{
		program: d.program, config: d.config, store: store, metrics: d.metrics, kind: billing.DailyRun, rest: unfinishedRun, notBefore: tick,
		progress: &progress{interval: daemonProgressEvery, restore: func() {}},
	}
	return runs.partner(ctx, selections[0])
}

// tell pings for success only when every partner succeeded since tick: there is one
// address for all of them.
func (d *daemon) tell(ctx context.Context, store *persist.Store, result summary, tick time.Time) {
	ctx, cancel := outlast(ctx)
	defer cancel()
	succeeded := result.status == billing.Succeeded && result.err == nil
	for _, other := range d.config.Partners {
		if !succeeded {
			break
		}
		began, status, err := store.LastCollection(ctx, other.Name)
		if err != nil || began.Before(tick) {
			return // not known, or its own run will tell
		}
		succeeded = status == billing.Succeeded
	}
	d.notify(ctx, d.config.Notify, succeeded)
}

// prune removes what is past its retention. What stops it will not stop it tomorrow.
func (d *daemon) prune(ctx context.Context, store *persist.Store) {
	d.pruning.Lock()
	defer d.pruning.Unlock()
	r := d.config.Retention
	pruned, err := store.Prune(ctx, persist.Retention{Payloads: r.Payloads, Runs: r.Runs})
	switch {
	case err != nil && ctx.Err() == nil:
		d.log.Error("cannot remove what is past its retention; trying again after the next run", slog.Any("error", err))
	case pruned != persist.Pruned{}:
		d.log.Info("removed what is past its retention", slog.Int64("raw_bodies", pruned.Payloads), slog.Int64("runs", pruned.Runs), slog.Int64("failures", pruned.Failures))
	}
}
