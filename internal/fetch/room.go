package fetch

import (
	"context"
	"errors"
	"sync"
)

// smallAnswers is how many bytes of an answer, or of all pages of the line items, are
// held for each customer that is read at a time.
const smallAnswers = 4 << 20

// Large is the place for larger answers, for one customer at a time: decoded, an
// answer takes several times its size. Clients that share it take no more memory
// together than one. Who put something in has the place.
type Large chan struct{}

// NewLarge makes the place.
func NewLarge() Large { return make(Large, 1) }

// room is one customer's right to larger answers.
type room struct {
	place Large

	mu   sync.Mutex
	held bool
}

// errNoRoom marks an answer that is read when it is the customer's turn.
var errNoRoom = errors.New("waiting for other large answers")

// try takes the place if it is free, without waiting.
func (r *room) try() error {
	if !r.mu.TryLock() {
		return errNoRoom
	}
	defer r.mu.Unlock()
	if r.held {
		return nil
	}
	select {
	case r.place <- struct{}{}:
		r.held = true
		return nil
	default:
		return errNoRoom
	}
}

// wait takes the place when it is free. Meanwhile nothing may be held that a customer
// with the place needs.
func (r *room) wait(ctx context.Context) error {
	r.mu.Lock() // other requests for this customer wait too
	defer r.mu.Unlock()
	if r.held {
		return nil
	}
	select {
	case r.place <- struct{}{}:
		r.held = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *room) isHeld() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// leave gives the place up.
func (r *room) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held {
		<-r.place
		r.held = false
	}
}
