package fetch

import (
	"context"
	"errors"
	"sync"
)

// smallAnswers is the number of bytes of an answer, or of all pages of the line items,
// up to which customers are read at the same time.
const smallAnswers = 4 << 20

// Large is the slot for larger answers, for one customer at a time, because a decoded
// answer takes several times its size. Clients that share the slot together use no more
// memory than one. A customer holds the slot by sending to the channel.
type Large chan struct{}

// NewLarge returns a free slot.
func NewLarge() Large { return make(Large, 1) }

// room is one customer's access to the slot.
type room struct {
	place Large

	mu   sync.Mutex
	held bool
}

// errNoRoom marks an answer that must wait for the slot.
var errNoRoom = errors.New("waiting for other large answers")

// try takes the slot if it is free, without waiting.
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

// wait waits for the slot. The caller must meanwhile hold nothing that the customer
// with the slot needs.
func (r *room) wait(ctx context.Context) error {
	r.mu.Lock() // makes other requests for this customer wait too
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

// leave frees the slot.
func (r *room) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held {
		<-r.place
		r.held = false
	}
}
