package schedule

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// ErrLater is returned by a Job's work that could not be done now, for a reason that
// may pass by itself: the work is tried again before the next tick.
var ErrLater = errors.New("cannot run now")

// ErrElsewhere is returned by a Job's work that somebody else does right now: the work is
// tried again soon, because whoever does it may die.
var ErrElsewhere = errors.New("somebody else does it")

// Job is work that is due at every tick of a spec. A Job does not remember whether the
// work of a tick is done but asks for it, so the work is neither lost with the process
// nor done twice.
type Job struct {
	Spec Spec
	// Jitter bounds how much later than its tick the work begins, at random.
	Jitter time.Duration
	// CatchUp makes the job do the work of the last tick before its start, if it is not
	// done.
	CatchUp bool
	// LastDone returns the beginning of the newest work that was done; the zero time if
	// none was.
	LastDone func(context.Context) (time.Time, error)
	// Do does the work of a tick, and logs its own errors. After ErrLater and
	// ErrElsewhere it is called again for the same tick.
	Do func(ctx context.Context, tick time.Time) error
	// Scheduled receives the time at which the next work will begin.
	Scheduled func(time.Time)

	Now  func() time.Time
	Rand func() float64 // from 0 up to 1
	// Wait returns after d, or when ctx ends; Wait of this package if nil.
	Wait func(ctx context.Context, d time.Duration)
	Log  *slog.Logger
}

// The pauses between attempts at the work of one tick.
const (
	firstPause     = 30 * time.Second
	maxPause       = 10 * time.Minute
	elsewherePause = 5 * time.Second
)

// Timers do not notice clock changes, so the clock is polled at this interval.
const lookAtClock = 30 * time.Second

// Run does the work of one tick after the other until ctx ends. If several ticks passed
// meanwhile, only the last one counts.
func (j Job) Run(ctx context.Context) {
	if j.Wait == nil {
		j.Wait = Wait
	}
	begin := j.Now()
	settled := j.settled(begin)
	late := j.Rand()
	for pause := firstPause; ctx.Err() == nil; {
		now := j.Now()
		tick := j.Spec.Previous(now)
		if settled.After(now) {
			settled = j.settled(now) // the clock was set back
		}
		if !tick.After(settled) {
			j.await(ctx, now, j.start(j.Spec.Next(now), begin, late))
			continue
		}
		if due := j.start(tick, begin, late); due.After(now) {
			j.await(ctx, now, due)
			continue
		}
		switch err := j.attempt(ctx, tick); {
		case errors.Is(err, ErrElsewhere):
			j.Wait(ctx, elsewherePause)
			continue
		case err != nil:
			j.Wait(ctx, pause)
			pause = min(2*pause, maxPause)
			continue
		}
		settled, pause, late = tick, firstPause, j.Rand()
	}
}

// settled returns the newest tick whose work need not be done when the job starts.
func (j Job) settled(now time.Time) time.Time {
	if j.CatchUp {
		return time.Time{} // LastDone decides
	}
	return j.Spec.Previous(now)
}

// start returns when the work of a tick begins. Missed work begins at once.
func (j Job) start(tick, begin time.Time, late float64) time.Time {
	if tick.IsZero() || !tick.After(begin) {
		return tick
	}
	return tick.Add(time.Duration(late * float64(j.Jitter)))
}

// attempt does the work of a tick unless it is done. An error requests another attempt.
func (j Job) attempt(ctx context.Context, tick time.Time) error {
	done, err := j.LastDone(ctx)
	if err != nil {
		if ctx.Err() == nil {
			j.Log.Warn("cannot read when the last run was; trying again", slog.Time("tick", tick), slog.Any("error", err))
		}
		return err
	}
	if !done.IsZero() && !done.Before(tick) {
		return nil
	}
	if err := j.Do(ctx, tick); errors.Is(err, ErrLater) || errors.Is(err, ErrElsewhere) {
		return err
	}
	return nil
}

// await returns at due, or earlier to look at the clock.
func (j Job) await(ctx context.Context, now, due time.Time) {
	left := lookAtClock
	if !due.IsZero() {
		j.Scheduled(due)
		left = min(left, due.Sub(now))
	}
	j.Wait(ctx, left)
}

// Wait returns after d, or when ctx ends.
func Wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
