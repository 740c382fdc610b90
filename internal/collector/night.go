package collector

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

// A run of everybody has two parts. First it reads what can be lost: the costs of
// everybody, and the line items of those whose costs changed. Then it reads again the
// line items and profiles that were read longest ago, as long as there is time.

// longestRun is how long after its begin a run reads what would grow too old: so long
// that the next night begins in time.
const longestRun = 20 * time.Hour

// night decides how long a run reads again what is unchanged.
type night struct {
	// full: everything is read, however long it takes.
	full  bool
	began time.Time
	// length is that of a night, and refresh how old anything may grow.
	length, refresh time.Duration
	// customers are those of the run.
	customers int
}

// goesOn reports whether something is read again now that was read last at a time, when
// that of so many customers was read again already. When the night is over, two things
// still are: what would be older than refresh by the end of the next night, and the
// share of the customers that is due each day, so that not all of them are due on the
// same day.
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

// rest gives the customers of whom a part was not read tonight, as long as the night
// goes on.
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
