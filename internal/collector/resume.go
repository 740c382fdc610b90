package collector

import (
	"context"
	"log/slog"

	"partnercost/internal/billing"
)

// LeaveOut says which customers a collection leaves out because earlier runs have them.
type LeaveOut int

const (
	// LeaveOutNobody collects all customers.
	LeaveOutNobody LeaveOut = iota
	// DoneByUnfinishedRun leaves out the customers of the last unfinished run that are
	// done, if there is such a run.
	DoneByUnfinishedRun
	// DoneSinceLastCollection leaves out the customers with a good result since the last
	// collection began.
	DoneSinceLastCollection
)

// narrow adds the resumed runs to the run, and returns the customers that are done.
func (c *Collector) narrow(ctx context.Context, run billing.Run, request Request, s Selection, log *slog.Logger) (billing.Run, map[billing.CustomerID]bool, error) {
	var done []billing.CustomerID
	var err error
	switch request.LeaveOut {
	case LeaveOutNobody:
		if s.Customers != nil {
			run.Scope = billing.ScopeSome
		}
		return run, nil, nil
	case DoneByUnfinishedRun:
		run.Resumes, err = c.Store.UnfinishedRuns(ctx, run.Partner, request.ResumeSince)
		if err != nil {
			return run, nil, err
		}
		if len(run.Resumes) == 0 {
			if run.Kind == billing.KindOnce {
				log.Info("no unfinished run to resume; collecting all customers")
			}
			return run, nil, nil
		}
		done, err = c.Store.DoneIn(ctx, run.Partner, run.Resumes)
		log.Info("resuming", slog.String("unfinished_run", run.Resumes[0]), slog.Int("customers_done", len(done)))
	case DoneSinceLastCollection:
		done, err = c.Store.DoneSinceLastCollection(ctx, run.Partner)
	}
	if err != nil {
		return run, nil, err
	}
	run.Scope = billing.ScopeRest
	leaveOut := make(map[billing.CustomerID]bool, len(done))
	for _, id := range done {
		leaveOut[id] = true
	}
	return run, leaveOut, nil
}
