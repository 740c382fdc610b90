package fetch

import (
	"context"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Waits between attempts grow from firstWait to longestWait.
const (
	firstWait   = 500 * time.Millisecond
	longestWait = 30 * time.Second
)

// backoff returns how long to wait after a failed attempt, counted from 1: a random
// time up to a limit that doubles with every attempt. Drawing from the whole range
// spreads requests that failed together better than drawing from a part of it.
func backoff(attempt int, random func() float64) time.Duration {
	limit := longestWait
	if shift := attempt - 1; shift < 6 { // 2^6 × firstWait exceeds longestWait
		limit = firstWait << shift
	}
	return time.Duration(random() * float64(limit))
}

// throttledWait returns how long to wait after a 429 that does not say how long. Its
// minimum is half of its maximum, because each request that arrives too early is
// counted too.
func throttledWait(attempt int, random func() float64) time.Duration {
	return max(firstWait, backoff(attempt, func() float64 { return 0.5 + random()/2 }))
}

// tryAgain finds the wait in the text of the gateway's message (API.md 3.4).
var tryAgain = regexp.MustCompile(`(?i)try again in (\d{1,6}) seconds?`)

// retryAfter returns how long the service asks to wait, capped at limit: in seconds or
// until a date in the header, or else in the message. It returns false when neither has
// a usable value (API.md 3.3).
func retryAfter(a *answer, limit time.Duration) (time.Duration, bool) {
	value := strings.TrimSpace(a.header.Get("Retry-After"))
	if wait, ok := parseRetryAfter(value, a.arrived, limit); ok {
		return wait, true
	}
	if said := tryAgain.FindStringSubmatch(a.refusal.message); said != nil {
		return parseRetryAfter(said[1], a.arrived, limit)
	}
	return 0, false
}

func parseRetryAfter(value string, now time.Time, limit time.Duration) (time.Duration, bool) {
	var wait time.Duration
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && !math.IsNaN(seconds) {
		if seconds >= limit.Seconds() {
			return limit, true
		}
		wait = time.Duration(seconds * float64(time.Second))
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(wait, limit), wait > 0
}

// sleep waits for d, or returns the error of ctx as soon as ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
