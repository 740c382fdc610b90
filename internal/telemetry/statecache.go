package telemetry

import (
	"context"
	"sync"
	"time"
)

const (
	// stateKept is how long a state is reused, so that several scrapers, or one that
	// scrapes often, cost the database one reading.
	stateKept = 15 * time.Second
	// stateWait is how long a scrape waits for the state. Prometheus gives up after ten
	// seconds, and all other metrics would be lost with the scrape.
	stateWait = 4 * time.Second
)

// watch reads the state on request.
type watch struct {
	read func(context.Context) (State, error)
	now  func() time.Time

	mu      sync.Mutex
	reading chan struct{} // closed when the current reading ends; nil without one
	state   *State        // the state read last; nil before the first reading
	up      bool          // the last reading succeeded
	at      time.Time     // when the last reading ended; zero when its state must not be reused
	expired bool          // the current reading began before a change
}

// current returns the state that was read last, nil if it never was, and whether the
// last reading succeeded. It returns within stateWait, even when the reading ignores
// its context; no second reading is begun then.
func (w *watch) current() (state *State, up bool) {
	w.mu.Lock()
	if age := w.now().Sub(w.at); !w.at.IsZero() && age >= 0 && age < stateKept {
		defer w.mu.Unlock()
		return w.state, w.up
	}
	if w.reading == nil {
		w.reading = make(chan struct{})
		w.expired = false
		go w.refresh(w.reading)
	}
	done := w.reading
	w.mu.Unlock()

	timer := time.NewTimer(stateWait)
	defer timer.Stop()
	select {
	case <-done:
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.state, w.up
	case <-timer.C:
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.state, false
	}
}

func (w *watch) refresh(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), stateWait)
	defer cancel()
	state, err := w.read(ctx)

	w.mu.Lock()
	defer w.mu.Unlock()
	w.up = err == nil
	if w.up {
		w.state = &state
	}
	w.at = w.now()
	if w.expired {
		w.at = time.Time{}
	}
	w.reading = nil
	close(done)
}

// expire makes the next request read the state again.
func (w *watch) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at, w.expired = time.Time{}, true
}
