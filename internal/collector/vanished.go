package collector

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
)

// recently is how long after its end a period may still be the most recent one.
const recently = 45 * 24 * time.Hour

// Vanished are customers that recently had costs and have none now.
type Vanished struct {
	// Customers is their number, and Of the number of all customers with recent costs.
	Customers, Of int
}

// believable reports whether it is plausible that so many customers have lost their
// costs. The service returns the most recent period, which does not disappear when a
// customer buys nothing more. One customer, and up to half of them, is plausible. Above
// that, the answers more likely do not come from the service, or the user may no longer
// read costs.
func (v Vanished) believable() bool { return v.Customers <= 1 || 2*v.Customers <= v.Of }

// Error describes the problem and what to do.
func (v Vanished) Error() string {
	return fmt.Sprintf("%d of %d customers with recent costs have no costs now, which is too many to believe: their stored costs stay, and later ones may be missing; "+
		"see that base_url leads to Partner Center and that the user may read costs", v.Customers, v.Of)
}

// vanished counts the customers whose costs are gone after a run, if they are too many.
func (c *Collector) vanished(ctx context.Context, run billing.Run, tally billing.Tally, log *slog.Logger) (v Vanished, err error) {
	if tally.NoCosts <= 1 {
		return Vanished{}, nil
	}
	err = collect.RetryWhileUnavailable(ctx, c.Config.Database.Wait, log, func(ctx context.Context) (err error) {
		v.Customers, v.Of, err = c.Store.CountWithoutCosts(ctx, run, run.StartedAt.Add(-recently))
		return err
	})
	if err != nil || v.believable() {
		return Vanished{}, err
	}
	log.Error("too many customers have no costs any more", slog.Int("customers", v.Customers), slog.Int("of", v.Of))
	return v, nil
}
