package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// replayBatch and replayBytes bound the customers and the bodies replayed in one
// transaction.
const (
	replayBatch = 200
	replayBytes = 16 << 20
)

// replay derives the facts of a partner anew from the archive.
func (c *collection) replay(ctx context.Context, partner string, out *lines) summary {
	run, log := c.newRun(partner)
	return c.locked(ctx, partner, func(ctx context.Context) summary {
		return c.record(ctx, run, false, log, func(ctx context.Context) (billing.Tally, error) {
			r := replaying{store: c.store, run: run, out: out, log: log}
			begun := c.now()
			defer c.progress.follow(func() collect.Progress {
				tally := r.snapshot()
				return collect.Progress{Tally: tally, Fetched: tally.Done(), Elapsed: c.now().Sub(begun)}
			}, partner, log)()
			err := r.all(ctx)
			return r.snapshot(), err
		})
	})
}

// replaying is the replay of one partner.
type replaying struct {
	store *persist.Store
	run   billing.Run
	out   *lines
	log   *slog.Logger

	mu    sync.Mutex
	tally billing.Tally
}

func (r *replaying) snapshot() billing.Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally
}

func (r *replaying) all(ctx context.Context) error {
	var batch []persist.Rederived
	size := 0
	for customer, err := range r.store.Archive(ctx, r.run.Partner) {
		if err != nil {
			return err
		}
		derived, err := rederive(customer)
		if err != nil {
			r.log.Error("an archived answer cannot be read; the customer is left as it is",
				slog.String("customer_id", string(customer.CustomerID)), slog.Any("error", err))
			r.count(billing.CustomerResult{Outcome: billing.FailedOutcome})
			continue
		}
		batch = append(batch, derived)
		if size += bytesOf(customer); len(batch) == replayBatch || size >= replayBytes {
			if err := r.write(ctx, batch); err != nil {
				return err
			}
			batch, size = nil, 0
		}
	}
	return r.write(ctx, batch)
}

// rederive reads all answers of a customer.
func rederive(c persist.ArchivedCustomer) (persist.Rederived, error) {
	derived := persist.Rederived{CustomerID: c.CustomerID}
	for _, answer := range c.Answers {
		s, err := fetch.Normalise(c.CustomerID, answer.Documents)
		if err != nil {
			return derived, fmt.Errorf("statement %d: %w", answer.StatementID, err)
		}
		derived.Pruned = derived.Pruned || answer.Pruned
		s.Documents = nil // they are where they came from
		derived.Answers = append(derived.Answers, persist.RederivedAnswer{StatementID: answer.StatementID, Statement: s})
	}
	return derived, nil
}

func bytesOf(c persist.ArchivedCustomer) (n int) {
	for _, answer := range c.Answers {
		for _, d := range answer.Documents {
			n += len(d.Body)
		}
	}
	return n
}

func (r *replaying) write(ctx context.Context, batch []persist.Rederived) error {
	if len(batch) == 0 {
		return nil
	}
	results, err := r.store.Replay(ctx, r.run, batch)
	if err != nil {
		return err
	}
	for _, result := range results {
		r.count(result.CustomerResult)
		if result.Outcome == billing.Unchanged {
			continue
		}
		line := newPreviewLine(r.run.Partner, result.CustomerResult, nil)
		line.Withdrawn = result.Withdrawn
		if err := r.out.line(line, line.String()); err != nil {
			return err
		}
	}
	return nil
}

func (r *replaying) count(result billing.CustomerResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Total++
	r.tally.Add(result)
}
