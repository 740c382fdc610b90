package collector

import (
	"context"
	"log/slog"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

// LeaveOut says which customers a collection leaves out because earlier runs have
// collected them.
type LeaveOut int

const (
	// LeaveOutNobody collects all customers.
	LeaveOutNobody LeaveOut = iota
	// DoneByUnfinishedRun leaves out the customers that the last unfinished run has
	// collected, if there is such a run.
	DoneByUnfinishedRun
	// DoneSinceLastCollection leaves out the customers with a good result since the last
	// collection began.
	DoneSinceLastCollection
)

// narrow adds the resumed runs to the run, and returns which customers they have
// collected.
func (c *Collector) narrow(ctx context.Context, run billing.Run, request Request, s Selection, log *slog.Logger) (billing.Run, persist.Done, error) {
	var done persist.Done
	var err error
	switch request.LeaveOut {
	case LeaveOutNobody:
		if s.Customers != nil {
			run.Scope = billing.ScopeSome
		}
		return run, done, nil
	case DoneByUnfinishedRun:
		run.Resumes, err = c.Store.UnfinishedRuns(ctx, run.Partner, request.ResumeSince)
		if err != nil {
			return run, done, err
		}
		if len(run.Resumes) == 0 {
			if run.Kind == billing.KindOnce {
				log.Info("no unfinished run to resume; collecting all customers")
			}
			return run, done, nil
		}
		done.In = run.Resumes
		log.Info("resuming", slog.String("unfinished_run", run.Resumes[0]))
	case DoneSinceLastCollection:
		done.Since, err = c.Store.NewestCollectionBegan(ctx, run.Partner)
	}
	if err != nil {
		return run, done, err
	}
	run.Scope = billing.ScopeRest
	return run, done, nil
}

// ids are the customers that are done.
func (c *Collector) doneIDs(ctx context.Context, partner string, done persist.Done) (map[billing.CustomerID]bool, error) {
	if len(done.In) == 0 {
		return nil, nil
	}
	ids, err := c.Store.DoneIn(ctx, partner, done.In)
	if err != nil {
		return nil, err
	}
	left := make(map[billing.CustomerID]bool, len(ids))
	for _, id := range ids {
		left[id] = true
	}
	return left, nil
}
