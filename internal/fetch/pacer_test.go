package fetch

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"57":                            57 * time.Second,
		" 1.5 ":                         1500 * time.Millisecond,
		"86400":                         5 * time.Minute,
		"1e300":                         5 * time.Minute,
		"Inf":                           5 * time.Minute,
		"0":                             0,
		"-5":                            0,
		"NaN":                           0,
		"soon":                          0,
		"Thu, 01 Oct 2026 12:00:30 GMT": 30 * time.Second,
		"Fri, 02 Oct 2026 12:00:30 GMT": 5 * time.Minute,
		"Thu, 01 Oct 2026 11:00:00 GMT": 0,
	} {
		got, ok := retryAfter(&answer{header: http.Header{"Retry-After": {value}}, arrived: now}, 5*time.Minute)
		if ok != (want > 0) || ok && got != want {
			t.Errorf("Retry-After %q is %v, %t, want %v", value, got, ok, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()

	for attempt, want := range map[int]time.Duration{1: 500 * time.Millisecond, 2: time.Second, 6: 16 * time.Second, 7: 30 * time.Second, 100: 30 * time.Second} {
		if got := backoff(attempt, func() float64 { return 1 }); got != want {
			t.Errorf("at most %v after attempt %d, want %v", got, attempt, want)
		}
		if got := backoff(attempt, func() float64 { return 0 }); got != 0 {
			t.Errorf("at least %v after attempt %d", got, attempt)
		}
	}
}

func TestPacerKeepsTheRate(t *testing.T) {
	t.Parallel()

	for _, perMinute := range []int{1, 2, 59, 60, 61, 100, 240, 480} {
		synctest.Test(t, func(t *testing.T) {
			p := newPacer(perMinute, 16, time.Now)
			begin := time.Now()
			var left []time.Time
			for time.Since(begin) < 10*time.Minute {
				if err := p.acquire(t.Context()); err != nil {
					t.Fatal(err)
				}
				p.release(true)
				left = append(left, time.Now())
				if len(left) == perMinute { // a pause fills the bucket
					time.Sleep(5 * time.Second)
				}
			}
			for i := perMinute; i < len(left); i++ {
				if left[i].Sub(left[i-perMinute]) < time.Minute {
					t.Errorf("%d requests a minute: one more left within %s", perMinute, left[i].Sub(left[i-perMinute]))
				}
			}
			if least := perMinute * 9 * 60 / 61; len(left) < least {
				t.Errorf("%d requests a minute: %d in ten minutes, want at least %d", perMinute, len(left), least)
			}
		})
	}
}

func TestPacerHoldsUpEveryone(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		p := newPacer(0, 8, time.Now)
		sent := time.Now().Add(time.Second)
		time.Sleep(2 * time.Second)
		if !p.throttle(sent, 57*time.Second) {
			t.Error("the first refusal slows nobody down")
		}
		if p.throttle(sent, 10*time.Second) {
			t.Error("a refusal of the same moment slows down again")
		}
		resumed := time.Now().Add(57 * time.Second)

		var mu sync.Mutex
		inFlight, most := 0, 0
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				if err := p.acquire(t.Context()); err != nil {
					t.Error(err)
				}
				if time.Now().Before(resumed) {
					t.Errorf("a request leaves %v early", time.Until(resumed))
				}
				mu.Lock()
				inFlight++
				most = max(most, inFlight)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				inFlight--
				mu.Unlock()
				p.release(false)
			})
		}
		group.Wait()
		if most != 4 {
			t.Errorf("%d at a time at half pace, want 4", most)
		}
		for range 300 {
			if err := p.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.release(true)
		}
		if p.pace != 1 {
			t.Errorf("after 300 good answers the pace is %v", p.pace)
		}
	})
}

// A request that has waited for the rate must not leave during a pause that began
// meanwhile.
func TestPacerLooksAgainAfterWaiting(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		p := newPacer(60, 8, time.Now)
		if err := p.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		start, sent := time.Now(), time.Now()
		left := make(chan time.Duration)
		go func() {
			if err := p.acquire(t.Context()); err != nil {
				t.Error(err)
			}
			left <- time.Since(start)
		}()
		time.Sleep(500 * time.Millisecond)
		p.throttle(sent, 30*time.Second)
		if after := <-left; after < 30500*time.Millisecond || after > 33*time.Second {
			t.Errorf("it left after %v", after)
		}
	})
}

func TestPacerStopsWithTheContext(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		p := newPacer(0, 1, time.Now)
		if err := p.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for room: %v", err)
		}
		p.release(true)
		p.throttle(time.Now(), time.Hour)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting in a pause: %v", err)
		}
		if p.inFlight != 0 || len(p.waiting) != 0 {
			t.Errorf("%d in flight, %d waiting", p.inFlight, len(p.waiting))
		}
	})
}

// A goroutine that is woken for room but gives up during a pause must pass the room on.
func TestPacerPassesRoomOn(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		p := newPacer(0, 1, time.Now)
		if err := p.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- p.acquire(ctx) }()
		synctest.Wait()
		go func() { second <- p.acquire(t.Context()) }()
		synctest.Wait()
		p.throttle(time.Now(), time.Minute)
		p.release(false)
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

// Who takes up the work of another process begins at half pace, and comes to full pace
// with its answers.
func TestPacerBeginsAtHalfPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(610, 100, time.Now) // ten a second
		p.halve()
		pass := func(requests int) time.Duration {
			began := time.Now()
			for range requests {
				if err := p.acquire(t.Context()); err != nil {
					t.Fatal(err)
				}
				p.release(true)
			}
			return time.Since(began)
		}
		if took := pass(60); took < 8*time.Second {
			t.Errorf("60 requests at half pace took %s, want more than 8 s", took)
		}
		pass(300)
		if took := pass(60); took > 6*time.Second {
			t.Errorf("60 requests after 360 answers took %s, want 6 s", took)
		}
	})
}
