package collect

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"partnercost/internal/billing"
)

// enumerate hands every customer to the workers once.
func (r *Run) enumerate(ctx context.Context, ids chan<- billing.CustomerID) error {
	seen := make(map[[16]byte]struct{}, r.Total)
	for id, err := range r.Customers {
		if err != nil {
			return fmt.Errorf("list the customers: %w", err)
		}
		key := guid(id)
		if _, again := seen[key]; again {
			continue
		}
		seen[key] = struct{}{}
		select {
		case ids <- id:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Total = len(seen)
	return nil
}

// guid is the id in its 16 bytes. The set of those met is the only thing that grows
// with the number of customers: about 3 MB for 100,000.
func guid(id billing.CustomerID) (key [16]byte) {
	_, _ = hex.Decode(key[:], []byte(strings.ReplaceAll(string(id), "-", ""))) // a CustomerID is a GUID by construction
	return key
}

// fetch is one worker. The send does not look at ctx: the batcher reads to the end,
// and what was fetched must reach it.
func (r *Run) fetch(ctx context.Context, ids <-chan billing.CustomerID, statements chan<- billing.Statement) error {
	for id := range ids {
		s, err := r.Source.Statement(ctx, id)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.fetched++
		r.mu.Unlock()
		statements <- s
	}
	return nil
}
