package collector

import (
	"context"
	"log/slog"
	"time"

	"partnercost/internal/collect"
	"partnercost/internal/telemetry"
)

// notifyWithin bounds the ping after a run that a signal ended, because the process must
// end soon.
const notifyWithin = 5 * time.Second

// Detached returns a context that ends some time after ctx, so that the result can be
// reported after an interruption.
func Detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return collect.WithGrace(ctx, notifyWithin)
}

// Notify requests notify.success_url or notify.failure_url, even after an interruption.
func (c *Collector) Notify(ctx context.Context, succeeded bool) {
	ctx, cancel := Detached(ctx)
	defer cancel()
	c.notify(ctx, succeeded)
}

// notify does what Notify does until ctx ends, and reports whether the address was
// requested. A failed ping is logged and does not fail the run.
func (c *Collector) notify(ctx context.Context, succeeded bool) bool {
	address, setting := c.Config.Notify.SuccessURL, "notify.success_url"
	if !succeeded {
		address, setting = c.Config.Notify.FailureURL, "notify.failure_url"
	}
	if address == "" {
		return false
	}
	err := telemetry.Ping(ctx, address)
	if err != nil {
		c.Log.Error("cannot send the result of the run", slog.String("setting", setting), slog.Any("error", err))
	}
	return err == nil
}
