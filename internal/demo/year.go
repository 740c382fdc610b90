package demo

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/finance"
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
			if err := d.Collect(ctx, d.config, d.store, d.now, Collection{}); err != nil {
				return err
			}
		}
		d.sim.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
	}
	d.past.set(30 * night)
	return nil
}

// begin lets this month begin: the customers whose next period has ended by now are
// collected once more, so that the month is open and some costs are still to come.
func (d *demonstration) begin(ctx context.Context) error {
	whom, err := d.ended(ctx)
	if err != nil || len(whom) == 0 {
		return err // on the first of a month
	}
	d.sim.Advance(partnersim.Step{RecurringMonths: 1})
	d.say("\nIn %s the recurring periods of %d customers have ended. The month is open until the others have come:\n", d.now().UTC().Format("January"), len(whom))
	if err := d.Collect(ctx, d.config, d.store, d.now, Collection{Whom: whom, Shown: true}); err != nil {
		return err
	}
	return d.Collect(ctx, d.config, d.store, d.now, Collection{InvoicesOnly: true})
}

// ended returns the customers whose next recurring period has ended by now.
func (d *demonstration) ended(ctx context.Context) (whom []billing.CustomerID, err error) {
	reader, err := finance.Open(d.config.Database.URL.Reveal())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	tx, err := reader.Begin(ctx, time.Minute)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	rows, err := tx.QueryContext(ctx, `SELECT customer_id::text FROM finance.costs WHERE invoice_type = 'Recurring'
		GROUP BY customer_id HAVING max(period_start) + interval '2 months' <= $1::timestamptz ORDER BY customer_id`, d.now())
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what was wrong is in Err
	for rows.Next() {
		var id billing.CustomerID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		whom = append(whom, id)
	}
	return whom, rows.Err()
}
