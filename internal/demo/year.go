package demo

import (
	"context"
	"sync/atomic"
	"time"

	"partnercost/internal/partnersim"
)

// yearMonths is how many months the kept demo collects before its two nights: enough
// for a trend of thirteen.
const yearMonths = 12

// calendar moves the clock of the collections into the past.
type calendar struct{ nanoseconds atomic.Int64 }

func (c *calendar) set(back time.Duration) { c.nanoseconds.Store(int64(back)) }

func (c *calendar) back() time.Duration { return time.Duration(c.nanoseconds.Load()) }

// yearAgo makes a simulated partner begin early enough for its last month to be the
// previous one, and makes some customers refuse access.
func yearAgo(o partnersim.Options, now time.Time) partnersim.Options {
	now = now.UTC()
	o.Start = time.Date(now.Year(), now.Month()-2-yearMonths, 1, 0, 0, 0, 0, time.UTC)
	o.NoAccess = 0.02
	return o
}

// year collects each month of the year twice: when it is new, and when a part of it has
// been restated. It ends with the month that the demo's first night collects.
func (d *demonstration) year(ctx context.Context) error {
	const night = 24 * time.Hour
	d.say("\nCollecting %d months of data, each month twice, with restatements ...\n", yearMonths)
	for month := yearMonths; month > 0; month-- {
		for _, again := range []bool{false, true} {
			age := time.Duration(month) * 30 * night
			if again {
				age -= 9 * night
				d.sim.Advance(partnersim.Step{Restate: 0.04})
			}
			d.past.set(age + 30*night)
			if err := d.Collect(ctx, d.config, d.store, d.now, false); err != nil {
				return err
			}
		}
		d.sim.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
	}
	d.past.set(30 * night)
	return nil
}
