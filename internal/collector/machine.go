package collector

import (
	"context"
	"log/slog"
	"time"

	"partnercost/internal/persist"
	"partnercost/internal/schedule"
)

// showEvery is how often a daemon records that it is alive. No decision depends on it.
const showEvery = 30 * time.Second

// show records until ctx ends that this machine takes part. The status and the console
// show it.
func (d *Daemon) show(ctx context.Context, store *persist.Store) {
	machine := persist.Machine{
		Process: d.process, Name: d.Collector.Machine, Version: d.Collector.Version, PartnersAtOnce: d.config.Collect.PartnersAtOnce,
	}
	for ctx.Err() == nil {
		if err := store.SeeMachine(ctx, machine); err != nil && ctx.Err() == nil {
			d.log.Debug("cannot show that this machine is alive", slog.Any("error", err)) // other messages say that the database is unavailable
		}
		schedule.Wait(ctx, showEvery)
	}
	ctx, cancel := Detached(ctx)
	defer cancel()
	if err := store.ForgetMachine(ctx, d.process); err != nil {
		d.log.Debug("cannot show that this machine has stopped", slog.Any("error", err))
	}
}
