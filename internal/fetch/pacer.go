package fetch

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// When it is throttled, a pacer halves its pace, but not below slowest. A few hundred
// answers restore the pace.
const (
	slowest  = 1.0 / 16
	recovery = 1.0 / 500
)

// pacer decides when a request to one partner may leave. All workers of that partner
// share it, because the service counts requests per partner (API.md 3.4). Being
// throttled delays all of them, because the service counts each request that arrives
// too early as well.
type pacer struct {
	now      func() time.Time
	limiter  *rate.Limiter
	full     rate.Limit // the rate at full pace
	capacity int        // requests in flight at full pace

	mu       sync.Mutex
	pace     float64   // the share of the rate and of the capacity that is in use, up to 1
	inFlight int       // requests that may leave or have left
	resume   time.Time // no request leaves before
	slowedAt time.Time
	waiting  []chan struct{} // the goroutines that wait for room, in order of arrival; closing a channel wakes one
}

// newPacer allows at most perMinute requests in any minute (0: unlimited) and at most
// capacity at once.
func newPacer(perMinute, capacity int, now func() time.Time) *pacer {
	// The requests of one second may leave together. A minute can have them and those of 60
	// seconds more, which is why a second has a 61st part of the limit.
	full, burst := rate.Inf, max(1, perMinute/61)
	if perMinute > 0 {
		full = rate.Limit(perMinute) / 61
	}
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
		// Another request was throttled while this one waited, so this one gives up its turn.
		p.release(false)
	}
}

// paused reports whether requests have to wait.
func (p *pacer) paused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resume.After(p.now())
}

// release makes room for the next request. A successful answer restores a little of the
// pace.
func (p *pacer) release(well bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	if well && p.pace < 1 {
		p.setPace(p.pace + recovery)
	}
	p.wake()
}

// room returns how many more requests may be in flight; p.mu must be held.
func (p *pacer) room() int {
	return max(1, int(p.pace*float64(p.capacity))) - p.inFlight
}

// wake wakes as many waiting goroutines as there is room for; p.mu must be held. Each
// checks again, and waits again if another one was faster.
func (p *pacer) wake() {
	n := min(max(0, p.room()), len(p.waiting))
	for _, room := range p.waiting[:n] {
		close(room)
	}
	p.waiting = slices.Delete(p.waiting, 0, n)
}

// pass wakes another goroutine in place of the caller, which may have been woken for
// room that it does not use.
func (p *pacer) pass() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake()
}

// leave gives up waiting. If the caller was already woken, another goroutine is woken
// in its place.
func (p *pacer) leave(room chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, room); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return
	}
	p.wake()
}

// throttle delays all requests for a while and slows the pace. Requests that left
// before the last slow-down say nothing about the new pace, so they do not slow it
// again. throttle reports whether this one did.
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

// halve begins at half pace, and without the requests that may leave together: another
// process may have just made them.
func (p *pacer) halve() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full != rate.Inf {
		p.limiter.AllowN(p.now(), p.limiter.Burst())
	}
	p.setPace(p.pace / 2)
}

// setPace changes the pace within its bounds; p.mu must be held.
func (p *pacer) setPace(pace float64) {
	p.pace = min(1, max(slowest, pace))
	if p.full != rate.Inf {
		p.limiter.SetLimitAt(p.now(), p.full*rate.Limit(p.pace))
	}
}
