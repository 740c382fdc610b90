package partnersim

import (
	"maps"
	"slices"
	"time"

	"partnercost/internal/billing"
)

// Step is one movement of the simulated calendar. The two invoice types move at
// different times in reality (API.md 5.4 point 3), so each has its own count.
type Step struct {
	// OneTimeMonths and RecurringMonths are the numbers of periods by which each type
	// moves on.
	OneTimeMonths, RecurringMonths int
	// Restate is the share of customers, from 0 to 1, whose amounts change within the
	// period. A type that moves on in the same step is not restated, because the amounts
	// of its new period were not returned before.
	Restate float64
	// Leave is the share of customers, from 0 to 1, that end the relationship: they are no
	// longer listed and answer 403 with code 20002.
	Leave float64
}

// Change is the result of a step.
type Change struct {
	// Restated counts the customers with at least one changed detail in a period that
	// was the most recent one before and still is.
	Restated int `json:"restated"`
	// Left counts the customers that ended the relationship.
	Left int `json:"left"`
	// OneTimeMonth and RecurringMonth are the months, as YYYY-MM, in which the current
	// periods begin.
	OneTimeMonth   string `json:"one_time_month"`
	RecurringMonth string `json:"recurring_month"`
}

// calendar is the simulated time. It is immutable: a request uses one calendar from
// beginning to end, which makes a step atomic.
type calendar struct {
	// steps numbers the steps, so that each chooses other customers.
	steps uint64
	// oneTime and recurring count the months since the start.
	oneTime, recurring int
	// oneTimeRestated and recurringRestated are the restatements of the current period
	// of each type, oldest first.
	oneTimeRestated, recurringRestated []restatement
	// oneTimePast and recurringPast are the restatements of earlier periods, by their
	// month since the start. An invoice bills the amounts of the last restatement.
	oneTimePast, recurringPast map[int][]restatement
	departures                 []departure
	// away are the customers that are temporarily absent, by index.
	away map[uint64]bool
	// before is the calendar before the last step; its own before is nil.
	before *calendar
}

// restatement is one change of amounts within a period.
type restatement struct {
	step  uint64
	share float64
	// oneTime and recurring say which types stayed in their period in this step.
	oneTime, recurring bool
}

func restatementOf(step Step, number uint64) restatement {
	return restatement{step: number, share: step.Restate, oneTime: step.OneTimeMonths == 0, recurring: step.RecurringMonths == 0}
}

// departure is a group of customers that leave in the same step.
type departure struct {
	step  uint64
	share float64
	// oneTime and recurring are the periods in which they left, as months since the start.
	oneTime, recurring int
}

// after returns the calendar moved on by a step.
func (c *calendar) after(step Step) *calendar {
	next := &calendar{
		steps:             c.steps + 1,
		oneTime:           c.oneTime + step.OneTimeMonths,
		recurring:         c.recurring + step.RecurringMonths,
		oneTimePast:       past(c.oneTimePast, c.oneTime, c.oneTimeRestated),
		recurringPast:     past(c.recurringPast, c.recurring, c.recurringRestated),
		oneTimeRestated:   slices.Clone(c.oneTimeRestated),
		recurringRestated: slices.Clone(c.recurringRestated),
		departures:        slices.Clone(c.departures),
		away:              c.away,
	}
	before := *c
	before.before = nil
	next.before = &before
	restated := restatementOf(step, next.steps)
	if !restated.oneTime {
		next.oneTimeRestated = nil
	} else if step.Restate > 0 {
		next.oneTimeRestated = append(next.oneTimeRestated, restated)
	}
	if !restated.recurring {
		next.recurringRestated = nil
	} else if step.Restate > 0 {
		next.recurringRestated = append(next.recurringRestated, restated)
	}
	if step.Leave > 0 {
		next.departures = append(next.departures, departure{step: next.steps, share: step.Leave, oneTime: next.oneTime, recurring: next.recurring})
	}
	return next
}

// past returns the restatements of earlier periods with those of one more period.
func past(known map[int][]restatement, month int, restated []restatement) map[int][]restatement {
	all := maps.Clone(known)
	if all == nil {
		all = map[int][]restatement{}
	}
	all[month] = slices.Clone(restated)
	return all
}

// restatedIn returns the restatements of a period, the current one or an earlier one.
func restatedIn(current int, restated []restatement, past map[int][]restatement, month int) []restatement {
	if month == current {
		return restated
	}
	return past[month]
}

// oneTimePeriod is the calendar month that was billed most recently. It ends with the
// month's last tick, truncated to the microseconds that the domain keeps.
func oneTimePeriod(start time.Time, months int) billing.Period {
	first := start.AddDate(0, months, 0)
	return billing.Period{Start: first, End: first.AddDate(0, 1, 0).Add(-time.Microsecond)}
}

// recurringPeriod runs from a customer's own day of the month to midnight of the day
// before the next one.
func recurringPeriod(start time.Time, months, day int) billing.Period {
	first := start.AddDate(0, months, day-1)
	return billing.Period{Start: first, End: first.AddDate(0, 1, -1)}
}
