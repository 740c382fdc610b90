package main

import (
	"context"
	"iter"
	"sync"

	"partnercost/internal/billing"
)

// listEntry is one step of a list: a customer, or the error that ends it.
type listEntry struct {
	id  billing.CustomerID
	err error
}

// ahead reads a list at its own pace while what it has given already is being
// collected. The pages of a list are held together by tokens that a run of hours
// would outlive, and a spent token looks like the end of the list (API.md 4): so its
// reader must not wait for the collection. What waits is 52 bytes a customer.
func ahead(ctx context.Context, list func(context.Context) iter.Seq2[billing.CustomerID, error]) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var (
			mu      sync.Mutex
			waiting []listEntry
			arrived = make(chan struct{}, 1)
			read    = make(chan struct{})
		)
		go func() {
			defer close(read)
			for id, err := range list(ctx) {
				mu.Lock()
				waiting = append(waiting, listEntry{id, err})
				mu.Unlock()
				select {
				case arrived <- struct{}{}:
				default:
				}
			}
		}()
		defer func() {
			cancel()
			<-read
		}()
		take := func() []listEntry {
			mu.Lock()
			defer mu.Unlock()
			taken := waiting
			waiting = nil
			return taken
		}
		for more := true; more; {
			select {
			case <-arrived:
			case <-read:
				more = false
			}
			for _, l := range take() {
				if !yield(l.id, l.err) {
					return
				}
			}
		}
	}
}
