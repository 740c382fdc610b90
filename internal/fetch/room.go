package fetch

import (
	"context"
	"errors"
	"sync"
)

// smallAnswers is how many bytes of an answer, or of all pages of the line items, are
// held for each customer that is read at a time.
const smallAnswers = 4 << 20

// room is one customer's right to larger answers. A client has it for one customer at
// a time: decoded, an answer takes several times its size.
type room struct {
	// place is the client's: who put something in has it.
	place chan struct{}

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
