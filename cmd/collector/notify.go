package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/telemetry"
)

// notifyWithin bounds what is told after a run that a signal ended: the process must
// be gone soon.
const notifyWithin = 5 * time.Second

// outlast returns a context for telling how things ended, which their interruption
// must not prevent.
func outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), notifyWithin)
}

// notify pings the address for success or the one for failure. Not being heard is not
// the run's failure.
func (p *program) notify(ctx context.Context, n config.Notify, succeeded bool) {
	address, which := n.SuccessURL, "notify.success_url"
	if !succeeded {
		address, which = n.FailureURL, "notify.failure_url"
	}
	if address == "" {
		return
	}
	ctx, cancel := outlast(ctx)
	defer cancel()
	if err := telemetry.Ping(ctx, address); err != nil {
		p.log.Error("cannot tell how the run ended", slog.String("setting", which), slog.Any("error", err))
	}
}

// allSucceeded reports whether every partner was collected without a failure.
func allSucceeded(summaries []summary) bool {
	return !slices.ContainsFunc(summaries, func(s summary) bool { return s.status != billing.Succeeded })
}

// pushJob is the label job of what one-shots push.
const pushJob = "partnercost"

// push hands the metrics of a one-shot to a Pushgateway, if there is one. A gateway
// that is away is not the run's failure.
func (p *program) push(ctx context.Context, metrics *telemetry.Metrics, gateway string) {
	if gateway == "" {
		return
	}
	ctx, cancel := outlast(ctx)
	defer cancel()
	if err := metrics.Push(ctx, gateway, pushJob); err != nil {
		p.log.Error("cannot push the metrics", slog.Any("error", err))
	}
}
