package collector

import (
	"context"
	"iter"
	"log/slog"
	"sync"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// turns are the customers of a run of all customers, those with the most to lose first.
// The order is stored in the database: the listed customers are enrolled there, and
// their order is read back a page at a time. In memory there are only two bits per
// customer: whether it is listed, and whether its turn has come.
type turns struct {
	*Collector

	run    billing.Run
	bounds persist.Bounds
	done   persist.Done
	log    *slog.Logger
	// whole reports whether there is time to read a customer completely at once.
	whole func(listed int) bool

	mu     sync.Mutex
	listed keys
	had    keys
}

// keys is a set of customers by their keys, which are close together.
type keys struct {
	bits  map[int64]uint64
	count int
}

func (k *keys) has(key int64) bool { return k.bits[key>>6]&(1<<(key&63)) != 0 }

func (k *keys) add(key int64) {
	if k.has(key) {
		return
	}
	if k.bits == nil {
		k.bits = map[int64]uint64{}
	}
	k.bits[key>>6] |= 1 << (key & 63)
	k.count++
}

// enrolAtOnce is how many customers of a list are enrolled at a time: a page of Partner
// Center's list.
const enrolAtOnce = 500

// enrol records customers of the list before any customer is collected, so that
// customers which a run does not reach are known to be missing.
func (t *turns) enrol(ctx context.Context, ids []billing.CustomerID) error {
	return t.patiently(ctx, func(ctx context.Context) error {
		keys, err := t.Store.Enrol(ctx, t.run.Partner, t.run.StartedAt, ids)
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, key := range keys {
			t.listed.add(key)
		}
		return err
	})
}

// ofPage returns the turns of some enrolled customers.
func (t *turns) ofPage(ctx context.Context, ids []billing.CustomerID) (page []persist.Turn, err error) {
	return page, t.patiently(ctx, func(ctx context.Context) (err error) {
		page, err = t.Store.TurnsOf(ctx, t.run.Partner, ids, t.bounds, t.done)
		return err
	})
}

// patiently calls f, and waits for an unavailable database.
func (t *turns) patiently(ctx context.Context, f func(context.Context) error) error {
	return collect.RetryWhileUnavailable(ctx, t.Config.Database.Wait, t.log, f)
}

// total returns the number of listed customers.
func (t *turns) total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.listed.count
}

// due reports whether it is a customer's turn: it is listed, was not yielded yet and
// was not collected by an earlier run.
func (t *turns) due(turn persist.Turn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if turn.IsDone || !t.listed.has(turn.Key) || t.had.has(turn.Key) {
		return false
	}
	t.had.add(turn.Key)
	return true
}

// configured enrols the customers that the configuration lists, before any of them is
// collected.
func (t *turns) configured(ctx context.Context, s Selection) error {
	for page, err := range pages(s.Partner.Customers.Listed(), enrolAtOnce) {
		if err != nil {
			return &ConfigError{err}
		}
		if err := t.enrol(ctx, page); err != nil {
			return err
		}
	}
	if t.total() == 0 {
		return noCustomers(s.Partner)
	}
	return nil
}

// discovered yields the customers that Partner Center lists. It reads the list without
// waiting for the collection: its pages are linked by tokens that would expire during a
// run of several hours, and an expired token looks like the end of the list (API.md 4).
// Meanwhile it yields the customers of single pages; once the list is complete, all
// others in order. When a list breaks off, its customers are collected too, before the
// error ends the run. whole is called with the number of customers once all are listed.
func (t *turns) discovered(ctx context.Context, s Selection, client *fetch.Client, whole func(total int)) iter.Seq2[billing.Visit, error] {
	return func(yield func(billing.Visit, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		first := make(chan []persist.Turn, 1) // one page waits; later ones are found in the database
		read := make(chan struct{})
		var broken error
		go func() {
			defer close(read)
			for ids, err := range pages(Discovered(ctx, s.Partner, client), enrolAtOnce) {
				if broken = t.enrol(ctx, ids); broken != nil {
					return
				}
				if len(first) < cap(first) { // only this goroutine fills it
					page, failed := t.ofPage(ctx, ids)
					if failed != nil {
						broken = failed
						return
					}
					first <- page
				}
				if err != nil {
					broken = err
					return
				}
			}
		}()
		defer func() {
			cancel()
			<-read
		}()
		for reading := true; reading; {
			select {
			case page := <-first:
				if !t.give(page, yield) {
					return
				}
			case <-read:
				reading = false
			}
		}
		switch {
		case broken != nil:
		case t.total() == 0:
			broken = noCustomers(s.Partner)
		default:
			whole(t.total())
		}
		for visit, err := range t.inOrder(ctx) {
			if !yield(visit, err) || err != nil {
				return
			}
		}
		if broken != nil {
			yield(billing.Visit{}, broken)
		}
	}
}

// give yields the customers of a page whose turn it is.
func (t *turns) give(page []persist.Turn, yield func(billing.Visit, error) bool) bool {
	for _, turn := range page {
		if !t.due(turn) {
			continue
		}
		if t.whole(t.total()) {
			turn.Visit.KnownCosts, turn.Visit.SkipProfile = nil, false
		}
		if !yield(turn.Visit, nil) {
			return false
		}
	}
	return true
}

// inOrder yields the listed customers that were not yielded yet, in order.
func (t *turns) inOrder(ctx context.Context) iter.Seq2[billing.Visit, error] {
	return func(yield func(billing.Visit, error) bool) {
		if t.total() == t.had.count {
			return
		}
		err := t.patiently(ctx, func(ctx context.Context) error { return t.Store.PlanTurns(ctx, t.run.Partner) })
		if err != nil {
			yield(billing.Visit{}, err)
			return
		}
		next := func(ctx context.Context, page int) (turns []persist.Turn, err error) {
			return turns, t.patiently(ctx, func(ctx context.Context) (err error) {
				turns, err = t.Store.Turns(ctx, t.run.Partner, page, t.bounds, t.done)
				return err
			})
		}
		for page, err := range prefetched(ctx, next) {
			if err != nil {
				yield(billing.Visit{}, err)
				return
			}
			if !t.give(page, yield) {
				return
			}
		}
	}
}

// prefetched reads pages until an empty one, each while the page before is in use.
func prefetched[T any](ctx context.Context, read func(ctx context.Context, page int) ([]T, error)) iter.Seq2[[]T, error] {
	type result struct {
		page []T
		err  error
	}
	return func(yield func([]T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		results := make(chan result)
		go func() {
			defer close(results)
			for n := 0; ; n++ {
				page, err := read(ctx, n)
				select {
				case results <- result{page, err}:
				case <-ctx.Done():
					return
				}
				if err != nil || len(page) == 0 {
					return
				}
			}
		}()
		defer func() {
			cancel()
			for range results { // waits until the reading has ended
			}
		}()
		for r := range results {
			if r.err == nil && len(r.page) == 0 || !yield(r.page, r.err) {
				return
			}
		}
	}
}
