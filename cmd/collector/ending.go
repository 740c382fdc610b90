package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
)

// finishWithin bounds the recording of a run's end after an interruption. Together
// with the grace for storing it stays well below the 30 s after which service
// managers lose patience.
const finishWithin = 8 * time.Second

// recordEnd writes into the ledger how a run ended, and returns why it did not
// succeed. A database that is away just then is waited for, unless the run has
// already waited for it in vain.
func (c *collection) recordEnd(ctx context.Context, run billing.Run, result summary, complete bool, log *slog.Logger) error {
	record := func(context.Context) error {
		finishing, release := collect.Outlive(ctx, finishWithin)
		defer release()
		return c.store.FinishRun(finishing, run, result.status, result.tally, complete, result.err)
	}
	var err error
	if errors.Is(result.err, billing.ErrUnavailable) {
		err = record(ctx)
	} else {
		err = collect.WaitOut(ctx, c.config.Database.Wait, log, record)
	}
	if err != nil {
		err = fmt.Errorf("%w; the ledger shows the run as running until the next one of this partner closes it", err)
	}
	if result.err != nil && run.Kind == billing.OnceRun && run.Scope != billing.SomeCustomers {
		result.err = fmt.Errorf("%w; collector run --resume collects the rest", result.err)
	}
	return errors.Join(result.err, err)
}
