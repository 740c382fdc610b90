package main

import (
	"context"
	"log/slog"

	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/persist"
	"partnercost/internal/telemetry"
)

// newMetrics returns the metrics of the configured partners.
func (p *program) newMetrics(partners []config.Partner) *telemetry.Metrics {
	b := thisBuild()
	o := telemetry.Options{Version: b.Version, Commit: b.Commit, Now: p.now}
	for _, partner := range partners {
		o.Partners = append(o.Partners, partner.Name)
	}
	return telemetry.New(o)
}

// watch registers the gauges that are read from the database.
func (p *program) watch(metrics *telemetry.Metrics, partners []config.Partner, store func() (*persist.Store, error)) {
	metrics.Watch(func(ctx context.Context) (telemetry.State, error) {
		s, err := store()
		if err != nil {
			return telemetry.State{}, err
		}
		state, err := collector.StateOf(ctx, s, partners, p.now())
		if err != nil && ctx.Err() == nil {
			p.log.Warn("cannot read the state for the metrics", slog.Any("error", err))
		}
		return state, err
	})
}
