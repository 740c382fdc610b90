package telemetry

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// reader counts readings, each of which takes a while.
type reader struct {
	mu    sync.Mutex
	times int
	takes time.Duration
	deaf  bool // ignores its context
	err   error
}

func (r *reader) read(ctx context.Context) (State, error) {
	r.mu.Lock()
	r.times++
	takes, deaf, err := r.takes, r.deaf, r.err
	r.mu.Unlock()
	if deaf {
		time.Sleep(takes)
		return State{}, err
	}
	select {
	case <-time.After(takes):
		return State{}, err
	case <-ctx.Done():
		return State{}, ctx.Err()
	}
}

func (r *reader) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.times
}

// ask returns whether the state was up, and how long the answer took.
func ask(w *watch) (up bool, took time.Duration) {
	begin := time.Now()
	_, up = w.current()
	return up, time.Since(begin)
}

func TestWatchReadsOnceForScrapesThatFollowEachOther(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errors.New("connection refused")} {
		synctest.Test(t, func(t *testing.T) {
			r := &reader{takes: time.Second, err: err}
			w := &watch{read: r.read, now: time.Now}
			var scrapes sync.WaitGroup
			for range 10 {
				scrapes.Go(func() { ask(w) })
			}
			scrapes.Wait()
			time.Sleep(stateKept - time.Millisecond)
			if _, took := ask(w); r.count() != 1 || took != 0 {
				t.Errorf("%d readings, the last answer after %v", r.count(), took)
			}
			time.Sleep(time.Millisecond)
			if ask(w); r.count() != 2 {
				t.Errorf("%d readings after the state grew old", r.count())
			}
		})
	}
}

func TestWatchAnswersInTime(t *testing.T) {
	t.Parallel()
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := &reader{takes: time.Minute, deaf: deaf}
			w := &watch{read: r.read, now: time.Now}
			for range 3 {
				up, took := ask(w)
				if up || took > stateWait {
					t.Errorf("deaf %v: up %v after %v", deaf, up, took)
				}
			}
			if r.count() != 1 {
				t.Errorf("deaf %v: %d readings at a time", deaf, r.count())
			}
			time.Sleep(time.Minute) // the reading ends nevertheless
		})
	}
}

func TestWatchReadsAnewAfterARun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{takes: time.Second}
		w := &watch{read: r.read, now: time.Now}
		ask(w)
		w.expire()
		ask(w)
		if r.count() != 2 {
			t.Errorf("%d readings, want one after the run", r.count())
		}

		// A reading that began before the end of a run does not include that run.
		time.Sleep(stateKept)
		var scrape sync.WaitGroup
		scrape.Go(func() { ask(w) })
		synctest.Wait()
		w.expire()
		scrape.Wait()
		ask(w)
		if r.count() != 4 {
			t.Errorf("%d readings, want one after the run that ended during the third", r.count())
		}
	})
}

func TestWatchReadsAnewWhenTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	now := night
	r := &reader{}
	w := &watch{read: r.read, now: func() time.Time { return now }}
	ask(w)
	now = now.Add(-24 * time.Hour)
	ask(w)
	if r.count() != 2 {
		t.Errorf("%d readings, want 2", r.count())
	}
}
