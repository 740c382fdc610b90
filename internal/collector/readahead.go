package collector

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

// ahead reads a list at its own pace while the customers already read are being
// collected. The pages of a list are linked by tokens that would expire during a run of
// several hours, and an expired token looks like the end of the list (API.md 4). The
// list must therefore not wait for the collection. Each waiting customer takes 52
// bytes.
func ahead(ctx context.Context, list func(context.Context) iter.Seq2[billing.CustomerID, error]) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var (
			mu      sync.Mutex
			waiting []listEntry
			arrived = make(chan struct{}, 1)
			read    = make(chan struct{})
		)
		give := func(entries ...listEntry) {
			mu.Lock()
			waiting = append(waiting, entries...)
			mu.Unlock()
			select {
			case arrived <- struct{}{}:
			default:
			}
		}
		go func() {
			defer close(read)
			for page, err := range pages(list(ctx), enrolAtOnce) {
				entries := make([]listEntry, len(page), len(page)+1)
				for i, id := range page {
					entries[i].id = id
				}
				if err != nil {
					entries = append(entries, listEntry{err: err})
				}
				give(entries...)
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

// pages groups a list into pages of size customers. The last page comes with the error
// that ended the list, if any.
func pages(list iter.Seq2[billing.CustomerID, error], size int) iter.Seq2[[]billing.CustomerID, error] {
	return func(yield func([]billing.CustomerID, error) bool) {
		var page []billing.CustomerID
		for id, err := range list {
			if err != nil {
				yield(page, err)
				return
			}
			if page = append(page, id); len(page) == size {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
		}
		if len(page) > 0 {
			yield(page, nil)
		}
	}
}
