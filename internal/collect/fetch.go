package collect

import (
	"context"
	"fmt"

	"partnercost/internal/billing"
)

// enumerate hands every customer to the workers.
func (r *Run) enumerate(ctx context.Context, visits chan<- billing.Visit) error {
	found := 0
	for visit, err := range r.Customers {
		if err != nil {
			return fmt.Errorf("list the customers: %w", err)
		}
		select {
		case visits <- visit:
		case <-ctx.Done():
			return ctx.Err()
		}
		if visit.Earlier == "" {
			found++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Total = r.counted + found
	return nil
}

// fetch is one worker. It sends without looking at ctx: the batcher reads to the end,
// and every fetched statement must reach it.
func (r *Run) fetch(ctx context.Context, visits <-chan billing.Visit, statements chan<- billing.Statement) error {
	for visit := range visits {
		s, err := r.Source.Visit(ctx, visit)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.handed++
		if visit.Earlier == "" {
			r.fetched++
		} else {
			r.again++
		}
		r.mu.Unlock()
		statements <- s
	}
	return nil
}
