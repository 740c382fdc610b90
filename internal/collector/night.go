package collector

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/config"
	"partnercost/internal/persist"
)

// A run of all customers has two parts. The first part reads what can be lost: the
// costs of every customer, and the line items of those whose costs changed. The second
// part reads the other line items and profiles again, oldest first, as long as there is
// time. While the night is ample, the first part reads customers completely.

// longestRun is how long after its beginning a run still reads parts that would become
// too old. It ends early enough for the next night to begin in time.
const longestRun = 20 * time.Hour

// night decides how long a run reads unchanged parts again.
type night struct {
	// full means that everything is read, however long it takes.
	full  bool
	began time.Time
	// length is the length of a night, and refresh the largest age of a part.
	length, refresh time.Duration
	// customers is the number of customers of the run.
	customers int
	pace      config.Limits
}

// shortNight is how long a run may take for its order not to matter.
const shortNight = 15 * time.Minute

// isAmple reports whether the night is ample for all listed customers: by the quota, and
// by the pace so far, each of them can be read completely before much time has passed.
// Then nothing is gained by reading the costs of all customers first.
func (n night) isAmple(listed int, p collect.Progress) bool {
	const requests = 3 // for each customer
	short := min(shortNight, n.length/4)
	if time.Duration(requests*listed)*time.Minute > short*time.Duration(n.pace.RequestsPerMinute) {
		return false
	}
	// A duration cannot hold the hours of a slow night, times a million customers.
	return p.Fetched < n.pace.Concurrency || float64(p.Elapsed)*float64(listed) <= float64(short)*float64(p.Fetched)
}

// goesOn reports whether a part that was last read at last is read again now; read is
// the number of customers that were already read again. When the night is over, a part
// is still read if it would be older than refresh by the end of the next night, or if
// it belongs to the share of the customers that is due each day. The share keeps the
// customers from all being due on the same day.
func (n night) goesOn(now, last time.Time, read int) bool {
	switch past := now.Sub(n.began); {
	case n.full, past < n.length:
		return true
	case past >= longestRun:
		return false
	}
	share := float64(n.customers) * float64(24*time.Hour) / float64(n.refresh)
	return float64(read) < share || last.Before(now.Add(billing.CoveredWithin-n.refresh))
}

// rest yields the customers with a part that was not read tonight, as long as the night
// lasts.
func (c *Collector) rest(ctx context.Context, run billing.Run, n night, b persist.Bounds, log *slog.Logger) iter.Seq2[billing.Visit, error] {
	return func(yield func(billing.Visit, error) bool) {
		t := turns{Collector: c, log: log}
		var planned int
		err := t.patiently(ctx, func(ctx context.Context) (err error) {
			planned, err = c.Store.PlanRest(ctx, run, b)
			return err
		})
		if err != nil {
			yield(billing.Visit{}, err)
			return
		}
		next := func(ctx context.Context, page int) (rests []persist.Rest, err error) {
			return rests, t.patiently(ctx, func(ctx context.Context) (err error) {
				rests, err = c.Store.Rests(ctx, run, page, b)
				return err
			})
		}
		read := 0
		for page, err := range prefetched(ctx, next) {
			if err != nil {
				yield(billing.Visit{}, err)
				return
			}
			for _, rest := range page {
				if !n.goesOn(c.Now(), rest.OldestAt, read) {
					log.Info("the night is over; profiles and line items wait for the next one", slog.Int("customers", planned-read), slog.Time("oldest", rest.OldestAt))
					return
				}
				if read++; !yield(rest.Visit, nil) {
					return
				}
			}
		}
	}
}
