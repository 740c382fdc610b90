package main

import (
	"context"
	"log/slog"

	"partnercost/internal/billing"
)

// rest says what a run leaves out because earlier ones have it.
type rest int

const (
	// everything leaves nothing out.
	everything rest = iota
	// unfinishedRun leaves out whom the last unfinished run has done, if there is one.
	unfinishedRun
	// onlyMissing leaves out who has a good result since the last collection began.
	onlyMissing
)

// narrow completes the run and the selection with what earlier runs have done.
func (c *collection) narrow(ctx context.Context, run billing.Run, s selection, log *slog.Logger) (billing.Run, selection, error) {
	var done []billing.CustomerID
	var err error
	switch c.rest {
	case everything:
		if s.customers != nil {
			run.Scope = billing.SomeCustomers
		}
		return run, s, nil
	case unfinishedRun:
		run.Resumes, err = c.store.UnfinishedRuns(ctx, run.Partner, c.notBefore)
		if err != nil {
			return run, s, err
		}
		if len(run.Resumes) == 0 {
			if c.kind == billing.OnceRun {
				log.Info("no unfinished run to resume; collecting everybody")
			}
			return run, s, nil
		}
		done, err = c.store.DoneIn(ctx, run.Partner, run.Resumes)
		log.Info("resuming", slog.String("unfinished_run", run.Resumes[0]), slog.Int("customers_done", len(done)))
	case onlyMissing:
		done, err = c.store.DoneSinceLastCollection(ctx, run.Partner)
	}
	if err != nil {
		return run, s, err
	}
	run.Scope = billing.RestOfThem
	s, err = s.without(done)
	return run, s, err
}
