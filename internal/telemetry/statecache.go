package telemetry

import (
	"context"
	"sync"
	"time"
)

const (
	// stateKept is how long what was read serves: several scrapers, or an impatient one,
	// cost the database one reading.
	stateKept = 15 * time.Second
	// stateWait is how long a scrape waits for a reading. Prometheus gives up after ten
	// seconds, and with the scrape all other metrics would be lost.
	stateWait = 4 * time.Second
)

// watch reads the state when it is asked for.
type watch struct {
	read func(context.Context) (State, error)
	now  func() time.Time

	mu      sync.Mutex
	reading chan struct{} // closed at the end of the reading under way; nil without one
	state   State         // as last read; nil before that
	up      bool          // the last reading succeeded
	at      time.Time     // of the last reading; zero when it must not serve again
	expired bool          // the reading under way began before something changed
}

// current returns the state as it was last read, nil if it never was, and whether
// that is how it stands. It returns within stateWait, also when the reading heeds no
// context; no second one is begun then.
func (w *watch) current() (state State, up bool) {
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
	switch {
	case w.up && state == nil:
		w.state = State{} // read, and empty
	case w.up:
		w.state = state
	}
	w.at = w.now()
	if w.expired {
		w.at = time.Time{}
	}
	w.reading = nil
	close(done)
}

// expire makes the next one who asks read anew.
func (w *watch) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at, w.expired = time.Time{}, true
}
