package collector

import (
	"context"
	"errors"
	"slices"
	"time"

	"partnercost/internal/billing"
)

// Result is the result of one partner's run.
type Result struct {
	Partner string
	Kind    billing.RunKind
	// RunID and Status are empty when no run began.
	RunID  string
	Status billing.RunStatus
	Tally  billing.Tally
	Took   time.Duration
	// Kept are customers that are no longer listed but stay active, because they are so
	// many that the list is probably incomplete.
	Kept Unlisted
	// Vanished are customers that recently had costs and have none now, if they are
	// implausibly many.
	Vanished Vanished
	// Invoices counts the invoices; nil when they were not read.
	Invoices *InvoiceTally
	// Err is why the run ended early, or did not begin. Failures of single customers are in
	// Tally.
	Err error
}

// AllSucceeded reports whether every partner was collected without a failure.
func AllSucceeded(results []Result) bool {
	return !slices.ContainsFunc(results, func(r Result) bool { return r.Status != billing.StatusSucceeded || r.Err != nil })
}

// judge returns the status of the run.
func (r *Result) judge(ctx context.Context) billing.RunStatus {
	switch {
	case r.Err != nil && ctx.Err() != nil:
		return billing.StatusInterrupted
	case r.Err != nil, r.Tally.NothingRead():
		return billing.StatusFailed
	case r.Tally.Failed > 0, r.Doubt() != nil:
		return billing.StatusPartial
	}
	return billing.StatusSucceeded
}

// Doubt returns the implausible results of the run and the invoices that it could not read,
// or nil.
func (r *Result) Doubt() error {
	var doubts []error
	if r.Kept.Customers > 0 {
		doubts = append(doubts, r.Kept)
	}
	if r.Vanished.Customers > 0 {
		doubts = append(doubts, r.Vanished)
	}
	if r.Invoices.AnyFailed() {
		doubts = append(doubts, r.Invoices.Failure())
	}
	return errors.Join(doubts...)
}

// ErrNothingRead is why a run failed although it completed.
var ErrNothingRead = errors.New("no customer's costs could be read; see collector report coverage")

// Cause returns why the run did not succeed, in the words of the ledger; nil when it
// did, or when the outcomes of its customers are the only reason.
func (r *Result) Cause() error {
	switch {
	case r.Err != nil:
		return r.Err
	case r.Tally.NothingRead():
		return ErrNothingRead
	}
	return r.Doubt()
}
