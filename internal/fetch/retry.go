package fetch

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Waits between attempts grow from firstWait to longestWait.
const (
	firstWait   = 500 * time.Millisecond
	longestWait = 30 * time.Second
)

// backoff is how long to wait after a failed attempt, counted from 1: a random time
// up to a limit that doubles with every attempt. Drawing from the whole of it
// spreads requests that failed together better than any part of it.
func backoff(attempt int, random func() float64) time.Duration {
	limit := longestWait
	if shift := attempt - 1; shift < 6 { // 2^6 × firstWait exceeds longestWait
		limit = firstWait << shift
	}
	return time.Duration(random() * float64(limit))
}

// retryAfter reads how long the service asks to wait, in seconds or until a date,
// capped at limit. It reports false when there is nothing usable (API.md 3.3).
func retryAfter(header http.Header, now time.Time, limit time.Duration) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get("Retry-After"))
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

// sleep waits, or returns the error of ctx as soon as that ends.
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
