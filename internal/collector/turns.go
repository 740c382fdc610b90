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

// turns are the customers of a run of everybody, those with most to lose first. They
// are held in the database: the list puts them there, and from there they come in
// order, a page at a time. Here are only a bit for each that is listed, and one for
// each whose turn was.
type turns struct {
	*Collector

	run    billing.Run
	bounds persist.Bounds
	done   persist.Done
	log    *slog.Logger

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
// Center's.
const enrolAtOnce = 500

// enrol notes customers of the list before anybody is asked for: so those that a run
// does not come to are missing with a word. It returns them in order.
func (t *turns) enrol(ctx context.Context, ids []billing.CustomerID) (page []persist.Turn, err error) {
	err = t.patiently(ctx, func(ctx context.Context) error {
		if err := t.Store.Enrol(ctx, t.run.Partner, t.run.StartedAt, ids); err != nil {
			return err
		}
		page, err = t.Store.TurnsOf(ctx, t.run.Partner, ids, t.bounds, t.done)
		return err
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, turn := range page {
		t.listed.add(turn.Key)
	}
	return page, err
}

// patiently waits for a database that is away.
func (t *turns) patiently(ctx context.Context, f func(context.Context) error) error {
	return collect.RetryWhileUnavailable(ctx, t.Config.Database.Wait, t.log, f)
}

// total is the number of customers that are listed.
func (t *turns) total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.listed.count
}

// due reports whether it is a customer's turn: it is listed, was not given yet and is
// not done.
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
// asked for.
func (t *turns) configured(ctx context.Context, s Selection) error {
	for page, err := range pages(s.Partner.Customers.Listed(), enrolAtOnce) {
		if err != nil {
			return &ConfigError{err}
		}
		if _, err := t.enrol(ctx, page); err != nil {
			return err
		}
	}
	if t.total() == 0 {
		return noCustomers(s.Partner)
	}
	return nil
}

// discovered gives the customers that Partner Center lists. The list is read without
// waiting for the collection: its pages are held together by tokens that a run of
// hours would outlive, and a spent token looks like the end of the list (API.md 4).
// Meanwhile the customers of single pages are given; when it is read, all others in
// order. Those of a list that breaks off are collected too, before its error ends the
// run. Whole is told how many there are once all are listed.
func (t *turns) discovered(ctx context.Context, s Selection, client *fetch.Client, whole func(total int)) iter.Seq2[billing.Visit, error] {
	return func(yield func(billing.Visit, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		first := make(chan []persist.Turn, 1) // a page waits; what more comes is found in the database
		read := make(chan struct{})
		var broken error
		go func() {
			defer close(read)
			for ids, err := range pages(Discovered(ctx, s.Partner, client), enrolAtOnce) {
				page, failed := t.enrol(ctx, ids)
				if failed != nil {
					broken = failed
					return
				}
				select {
				case first <- page:
				default:
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

// give gives those of a page whose turn it is.
func (t *turns) give(page []persist.Turn, yield func(billing.Visit, error) bool) bool {
	for _, turn := range page {
		if t.due(turn) && !yield(turn.Visit, nil) {
			return false
		}
	}
	return true
}

// inOrder gives the listed customers who were not given yet, in order.
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

// prefetched reads pages until an empty one, each while the one before is worked on.
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
			for range results { // until it has ended
			}
		}()
		for r := range results {
			if r.err == nil && len(r.page) == 0 || !yield(r.page, r.err) {
				return
			}
		}
	}
}
