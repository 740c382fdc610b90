package collector

import (
	"context"
	"fmt"
	"log/slog"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
)

// Unlisted are customers of a partner that are no longer on its list.
type Unlisted struct {
	// Customers is their number, and Of the number of all active customers.
	Customers, Of int
}

// believable reports whether it is plausible that so many customers have left since the
// last run. One customer always is. Above a tenth, the list is more likely incomplete.
// A customer retired by mistake is absent from every report of missing customers.
func (u Unlisted) believable() bool { return u.Customers <= 1 || 10*u.Customers <= u.Of }

// Error says what was not done, and what to do.
func (u Unlisted) Error() string {
	return fmt.Sprintf("%d of %d customers are no longer on the partner's list, so the list is probably incomplete: they were not collected and stay active; check the list, "+
		"and if it is complete, retire them with collector run --retire-all", u.Customers, u.Of)
}

// retire retires the customers that a complete run did not find on the list. It returns
// them instead if they are too many.
func (c *Collector) retire(ctx context.Context, run billing.Run, j job, log *slog.Logger) (kept Unlisted, err error) {
	err = collect.RetryWhileUnavailable(ctx, c.Config.Database.Wait, log, func(ctx context.Context) error {
		kept = Unlisted{}
		retired, err := c.Store.RetireUnlisted(ctx, run, j.excluded, func(unlisted, active int) bool {
			u := Unlisted{Customers: unlisted, Of: active}
			if j.retireAll || u.believable() {
				return true
			}
			kept = u
			return false
		})
		if retired > 0 && err == nil {
			log.Info("retired customers that are no longer listed", slog.Int("customers", retired))
		}
		return err
	})
	if kept.Customers > 0 {
		log.Error("too many customers are no longer listed; none was retired", slog.Int("customers", kept.Customers), slog.Int("of", kept.Of))
	}
	return kept, err
}
