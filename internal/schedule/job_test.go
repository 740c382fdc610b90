package schedule_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/schedule"
)

// nights runs a job in simulated time: a ledger, and a clock that can be set.
type nights struct {
	t      *testing.T
	offset atomic.Int64 // of the wall clock
	begun  []time.Time  // the times of all work on that clock
	done   time.Time    // the newest work that was done

	// work is called with the number of the attempt; nil means success at once.
	work func(attempt int) error
	// ask is called by LastDone; nil means that it succeeds.
	ask func(question int) error

	questions int
}

func (n *nights) now() time.Time { return time.Now().UTC().Add(time.Duration(n.offset.Load())) }

func (n *nights) job(spec, zone string) schedule.Job {
	n.t.Helper()
	parsed, err := schedule.ParseSpec(spec, zone)
	if err != nil {
		n.t.Fatal(err)
	}
	return schedule.Job{
		Spec: parsed, CatchUp: true, Now: n.now, Rand: func() float64 { return 0.5 }, Log: slog.New(slog.DiscardHandler),
		Scheduled: func(time.Time) {},
		LastDone: func(context.Context) (time.Time, error) {
			n.questions++
			if n.ask != nil {
				if err := n.ask(n.questions); err != nil {
					return time.Time{}, err
				}
			}
			if n.done.After(n.now().Add(day)) {
				return time.Time{}, nil // like the ledger
			}
			return n.done, nil
		},
		Do: func(_ context.Context, tick time.Time) error {
			start := n.now()
			if start.Before(tick) {
				n.t.Errorf("the work of %s began at %s", tick, start)
			}
			n.begun = append(n.begun, start)
			if n.work != nil {
				if err := n.work(len(n.begun)); err != nil {
					return err
				}
			}
			n.done = start
			return nil
		},
	}
}

// pass runs the job for the given time.
func (n *nights) pass(job schedule.Job, length time.Duration) {
	ctx, cancel := context.WithTimeout(n.t.Context(), length)
	defer cancel()
	job.Run(ctx)
}

func (n *nights) want(began ...string) {
	n.t.Helper()
	var got []string
	for _, b := range n.begun {
		got = append(got, b.Format("2006-01-02 15:04:05"))
	}
	if diff := cmp.Diff(began, got); diff != "" {
		n.t.Errorf("the work began (-want +got):\n%s", diff)
	}
}

// at lets time pass until the clock shows the given time; the bubble begins in the year
// 2000.
func (n *nights) at(clock string) {
	n.t.Helper()
	to, err := time.Parse("2006-01-02 15:04:05", clock)
	if err != nil {
		n.t.Fatal(err)
	}
	time.Sleep(to.Sub(n.now()))
}

const day = 24 * time.Hour

func TestJob(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		play func(n *nights)
	}{
		{"every night, at random a little later", func(n *nights) {
			n.at("2000-01-10 12:00:00")
			n.done = n.now()
			job := n.job("30 2 * * *", "UTC")
			job.Jitter = 10 * time.Minute
			n.pass(job, 2*day)
			n.want("2000-01-11 02:35:00", "2000-01-12 02:35:00")
		}},
		{"a first start collects at once", func(n *nights) {
			n.at("2000-01-10 12:00:00")
			n.pass(n.job("30 2 * * *", "UTC"), time.Hour)
			n.want("2000-01-10 12:00:00")
		}},
		{"three missed nights are made up for once, at once", func(n *nights) {
			n.at("2000-01-10 12:00:00")
			n.done = n.now().Add(-3 * day)
			job := n.job("30 2 * * *", "UTC")
			job.Jitter = 10 * time.Minute
			n.pass(job, day)
			n.want("2000-01-10 12:00:00", "2000-01-11 02:35:00")
		}},
		{"a missed night is let go when catching up is off", func(n *nights) {
			n.at("2000-01-10 12:00:00")
			n.done = n.now().Add(-3 * day)
			job := n.job("30 2 * * *", "UTC")
			job.CatchUp = false
			n.pass(job, day)
			n.want("2000-01-11 02:30:00")
		}},
		{"what is done is not done again after a restart", func(n *nights) {
			n.at("2000-01-10 02:30:00")
			job := n.job("30 2 * * *", "UTC")
			n.pass(job, time.Hour)
			n.pass(job, time.Hour)
			n.want("2000-01-10 02:30:00")
		}},
		{"an interrupted night is taken up after a restart", func(n *nights) {
			n.at("2000-01-10 02:30:00")
			n.work = func(attempt int) error {
				if attempt == 1 {
					return context.Canceled
				}
				return nil
			}
			job := n.job("30 2 * * *", "UTC")
			n.pass(job, time.Hour)
			n.pass(job, time.Hour)
			n.want("2000-01-10 02:30:00", "2000-01-10 03:30:00")
		}},
		{"a failed night waits for the next", func(n *nights) {
			n.at("2000-01-10 02:00:00")
			n.done = n.now()
			n.work = func(int) error { return errors.New("the credential is dead") }
			n.pass(n.job("30 2 * * *", "UTC"), 2*day)
			n.want("2000-01-10 02:30:00", "2000-01-11 02:30:00")
		}},
		{"what may pass by itself is tried again, less and less often", func(n *nights) {
			n.at("2000-01-10 02:00:00")
			n.done = n.now()
			n.work = func(attempt int) error {
				if attempt < 4 {
					return schedule.ErrLater
				}
				return nil
			}
			n.pass(n.job("30 2 * * *", "UTC"), day)
			n.want("2000-01-10 02:30:00", "2000-01-10 02:30:30", "2000-01-10 02:31:30", "2000-01-10 02:33:30")
		}},
		{"what somebody else does is looked for again soon, all the time", func(n *nights) {
			n.at("2000-01-10 02:00:00")
			n.done = n.now()
			n.work = func(attempt int) error {
				if attempt < 4 {
					return schedule.ErrElsewhere
				}
				return nil
			}
			n.pass(n.job("30 2 * * *", "UTC"), day)
			n.want("2000-01-10 02:30:00", "2000-01-10 02:30:05", "2000-01-10 02:30:10", "2000-01-10 02:30:15")
		}},
		{"a ledger that is away is asked again, and nothing begins before it answers", func(n *nights) {
			n.at("2000-01-10 12:00:00")
			n.ask = func(question int) error {
				if question < 3 {
					return errors.New("the database is away")
				}
				return nil
			}
			n.pass(n.job("30 2 * * *", "UTC"), time.Hour)
			n.want("2000-01-10 12:01:30")
		}},
		{"work longer than a day: the ticks it covered count once, and nothing overlaps", func(n *nights) {
			n.at("2000-01-10 02:00:00")
			n.done = n.now()
			n.work = func(int) error { time.Sleep(50 * time.Hour); return nil }
			n.pass(n.job("30 2 * * *", "UTC"), 5*day)
			n.want("2000-01-10 02:30:00", "2000-01-12 04:30:00", "2000-01-14 06:30:00")
		}},
		{"a clock that jumps ahead", func(n *nights) {
			n.at("2000-01-10 12:00:00")
			n.done = n.now()
			go func() {
				time.Sleep(time.Hour - time.Second)
				n.offset.Store(int64(day))
			}()
			n.pass(n.job("30 2 * * *", "UTC"), 2*time.Hour)
			n.want("2000-01-11 13:00:00")
		}},
		{"a clock that jumps a year ahead and back again", func(n *nights) {
			n.at("2000-01-10 12:00:00")
			n.done = n.now()
			go func() {
				time.Sleep(time.Hour - time.Second)
				n.offset.Store(int64(366 * day))
				time.Sleep(time.Hour)
				n.offset.Store(0)
			}()
			n.pass(n.job("30 2 * * *", "UTC"), 2*day)
			// The ledger does not count work that began far in the future, so the night of the
			// 10th looks missed. One run too many is better than a year without any.
			n.want("2001-01-10 13:00:00", "2000-01-10 14:00:00", "2000-01-11 02:30:00", "2000-01-12 02:30:00")
		}},
		{"a clock that is set back over its tick", func(n *nights) {
			n.at("2000-01-10 12:00:00")
			n.done = n.now()
			go func() {
				time.Sleep(15 * time.Hour) // 03:00, half an hour after the run
				n.offset.Store(-int64(time.Hour))
			}()
			n.pass(n.job("30 2 * * *", "UTC"), 20*time.Hour)
			n.want("2000-01-11 02:30:00")
		}},
		{"the night on which the clock skips the hour", func(n *nights) {
			n.at("2000-03-25 12:00:00")
			n.done = n.now()
			n.pass(n.job("30 2 * * *", "Europe/Berlin"), 2*day)
			n.want("2000-03-26 01:00:00", "2000-03-27 00:30:00")
		}},
		{"the night that has the hour twice", func(n *nights) {
			n.at("2000-10-28 12:00:00")
			n.done = n.now()
			n.pass(n.job("30 2 * * *", "Europe/Berlin"), 2*day)
			n.want("2000-10-29 00:30:00", "2000-10-30 01:30:00")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test.play(&nights{t: t}) })
		})
	}
}

func TestSpecPrevious(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ spec, zone, at, want string }{
		{"30 2 * * *", "UTC", "2026-07-01T02:29:59Z", "2026-06-30T02:30:00Z"},
		{"30 2 * * *", "UTC", "2026-07-01T02:30:00Z", "2026-07-01T02:30:00Z"},
		{"* * * * *", "UTC", "2026-07-01T02:30:59Z", "2026-07-01T02:30:00Z"},
		{"0 12 29 2 *", "UTC", "2026-07-01T00:00:00Z", "2024-02-29T12:00:00Z"},
		{"0 12 29 2 *", "UTC", "2103-07-01T00:00:00Z", "2096-02-29T12:00:00Z"}, // 2100 is no leap year
		{"30 2 * * *", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z"},
	} {
		spec, err := schedule.ParseSpec(test.spec, test.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := spec.Previous(at).UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("%s in %s: Previous(%s) = %s, want %s", test.spec, test.zone, test.at, got, test.want)
		}
	}
}
