package collect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"partnercost/internal/billing"
)

// The pauses between two attempts to use a database that is not available. The longest
// pause is how much longer than an outage a run can wait.
const (
	firstPause = time.Second
	maxPause   = 5 * time.Second
)

// lostAfter is when an attempt without an answer counts as lost: the server may be gone
// without having closed the connection.
const lostAfter = 5 * time.Minute

// RetryWhileUnavailable calls f, and calls it again for at most atMost while it fails with
// billing.ErrUnavailable. It returns f's last error, or the cause of the end of ctx.
func RetryWhileUnavailable(ctx context.Context, atMost time.Duration, log *slog.Logger, f func(context.Context) error) error {
	attempt := func() error {
		ctx, cancel := context.WithTimeout(ctx, lostAfter)
		defer cancel()
		return f(ctx)
	}
	err := attempt()
	if !errors.Is(err, billing.ErrUnavailable) {
		return err
	}
	log.WarnContext(ctx, "the database cannot store a batch; waiting for it", slog.Duration("at_most", atMost), slog.Any("error", err))
	patience := time.NewTimer(atMost)
	defer patience.Stop()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-patience.C:
			next.Stop()
			return fmt.Errorf("waited %s for the database: %w", atMost, err)
		case <-ctx.Done():
			next.Stop()
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		before := err
		err = attempt()
		if !errors.Is(err, billing.ErrUnavailable) {
			log.InfoContext(ctx, "the database answers again")
			return err
		}
		if err.Error() != before.Error() {
			log.WarnContext(ctx, "still waiting for the database", slog.Any("error", err))
		}
	}
}

// WithGrace returns a context that ends only when grace has passed after the end of
// parent, or when it is released.
func WithGrace(parent context.Context, grace time.Duration) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(fmt.Errorf("storing took more than %s after an interruption", grace))
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		stop()
		cancel(nil)
	}
}
