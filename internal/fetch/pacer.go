package fetch

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How a pacer answers to being throttled: it halves its pace, though not below
// slowest, and a few hundred answers bring it back.
const (
	slowest  = 1.0 / 16
	recovery = 1.0 / 500
)

// pacer decides when a request to one partner may leave. Everyone who collects for
// that partner shares it, because the service counts per partner (API.md 3.4). A
// throttled request holds up all: each one sent into a closed door is counted too.
type pacer struct {
	now      func() time.Time
	limiter  *rate.Limiter
	full     rate.Limit // the rate at full pace
	capacity int        // requests in flight at full pace

	mu       sync.Mutex
	pace     float64   // the share of the rate and of the capacity that is in use, up to 1
	inFlight int       // requests that may leave or have left
	resume   time.Time // nothing leaves before
	slowedAt time.Time
	waiting  []chan struct{} // who waits for room, longest first; closing a channel wakes one
}

// newPacer allows so many requests a minute, any number when 0, and so many at a
// time.
func newPacer(perMinute, capacity int, now func() time.Time) *pacer {
	full := rate.Inf
	if perMinute > 0 {
		full = rate.Limit(perMinute) / 60
	}
	burst := max(1, perMinute/60) // a second's worth, so that no minute exceeds the limit by more
	return &pacer{
		now: now, limiter: rate.NewLimiter(full, burst), full: full, capacity: capacity,
		pace: 1,
	}
}

// acquire waits until a request may leave. The caller must then call release.
func (p *pacer) acquire(ctx context.Context) error {
	for {
		p.mu.Lock()
		now := p.now()
		if pause := p.resume.Sub(now); pause > 0 {
			p.mu.Unlock()
			if err := sleep(ctx, pause); err != nil {
				p.pass()
				return err
			}
			continue
		}
		if p.room() <= 0 {
			room := make(chan struct{})
			p.waiting = append(p.waiting, room)
			p.mu.Unlock()
			select {
			case <-room:
				continue
			case <-ctx.Done():
				p.leave(room)
				return ctx.Err()
			}
		}
		p.inFlight++
		turn := p.limiter.ReserveN(now, 1)
		wait := turn.DelayFrom(now)
		p.mu.Unlock()

		if err := sleep(ctx, wait); err != nil {
			turn.CancelAt(p.now())
			p.release(false)
			return err
		}
		if wait <= 0 || !p.paused() {
			return nil
		}
		// Somebody was throttled while this one waited for its turn, which is now forfeit.
		p.release(false)
	}
}

// paused reports whether nothing may leave now.
func (p *pacer) paused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resume.After(p.now())
}

// release makes room for the next request. A request that was answered well lets
// the pace recover a little.
func (p *pacer) release(well bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	if well && p.pace < 1 {
		p.setPace(p.pace + recovery)
	}
	p.wake()
}

// room is how many more requests may be in flight; p.mu is held.
func (p *pacer) room() int {
	return max(1, int(p.pace*float64(p.capacity))) - p.inFlight
}

// wake wakes as many of those who wait as there is room for; p.mu is held. Who is
// woken looks again, and waits again if somebody was faster.
func (p *pacer) wake() {
	n := min(max(0, p.room()), len(p.waiting))
	for _, room := range p.waiting[:n] {
		close(room)
	}
	p.waiting = slices.Delete(p.waiting, 0, n)
}

// pass lets somebody else have the room that the caller was perhaps woken for.
func (p *pacer) pass() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake()
}

// leave gives up waiting. A waiter that was woken already passes that on.
func (p *pacer) leave(room chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, room); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return
	}
	p.wake()
}

// throttle holds up everyone for a while, and slows everyone down. Requests that
// left before the last slow-down tell nothing new about the pace: they are not
// counted again. It reports whether this one was.
func (p *pacer) throttle(sentAt time.Time, pause time.Duration) (slowed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if until := now.Add(pause); until.After(p.resume) {
		p.resume = until
	}
	if !sentAt.After(p.slowedAt) {
		return false
	}
	p.slowedAt = now
	p.setPace(p.pace / 2)
	return true
}

// setPace changes the pace within its bounds; p.mu is held.
func (p *pacer) setPace(pace float64) {
	p.pace = min(1, max(slowest, pace))
	if p.full != rate.Inf {
		p.limiter.SetLimitAt(p.now(), p.full*rate.Limit(p.pace))
	}
}
