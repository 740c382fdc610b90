package fetch

import (
	"context"
	"sync"
	"time"
)

const (
	// renewBefore is how long before its end a token is replaced, so that no token expires
	// during a request.
	renewBefore = 5 * time.Minute
	// presumedLife is the lifetime of a token that does not state one.
	presumedLife = 30 * time.Minute
	// failureTTL is how long a refusal of the sign-in is remembered: the workers that wait
	// for the same answer must not all ask again.
	failureTTL = time.Minute
)

// accessToken is a token and its end.
type accessToken struct {
	value   string
	expires time.Time
}

// tokenCache is the TokenSource over any way to obtain a token. It makes one request
// for all callers that wait.
type tokenCache struct {
	now func() time.Time
	// obtain returns another token than the stale one.
	obtain func(ctx context.Context, stale string) (accessToken, error)

	// turn lets one goroutine at a time obtain a token. Unlike a mutex it can be waited
	// for with a context.
	turn chan struct{}

	mu      sync.Mutex
	current accessToken
	renewAt time.Time
	failure error
	retryAt time.Time
}

func newTokenCache(now func() time.Time, obtain func(ctx context.Context, stale string) (accessToken, error)) *tokenCache {
	return &tokenCache{now: now, obtain: obtain, turn: make(chan struct{}, 1)}
}

// Token implements TokenSource.
func (c *tokenCache) Token(ctx context.Context) (string, error) { return c.get(ctx, "") }

// Refresh implements TokenSource.
func (c *tokenCache) Refresh(ctx context.Context, stale string) (string, error) {
	return c.get(ctx, stale)
}

// get returns the current token, or obtains another one if the current token is stale
// or about to end.
func (c *tokenCache) get(ctx context.Context, stale string) (string, error) {
	if token, known, err := c.known(stale); known {
		return token, err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if token, known, err := c.known(stale); known { // another goroutine obtained it meanwhile
		return token, err
	}
	obtained, err := c.obtain(ctx, stale)
	if err != nil && ctx.Err() != nil {
		return "", ctx.Err() // the end of ctx says nothing about the sign-in
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if err != nil {
		if c.current.value != stale && now.Before(c.current.expires) {
			c.renewAt = now.Add(failureTTL) // the old token is still valid, so there is time for another attempt
			return c.current.value, nil
		}
		c.failure, c.retryAt = err, now.Add(failureTTL)
		return "", err
	}
	if obtained.expires.IsZero() {
		obtained.expires = now.Add(presumedLife)
	}
	life := obtained.expires.Sub(now)
	c.current, c.failure, c.retryAt = obtained, nil, time.Time{}
	c.renewAt = now.Add(max(life-renewBefore, life/2)) // of a short life, half is used
	return obtained.value, nil
}

// known returns the answer that needs no request: the current token, or the refusal
// that the sign-in returned a moment ago.
func (c *tokenCache) known(stale string) (token string, known bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch now := c.now(); {
	case c.current.value != stale && now.Before(c.renewAt):
		return c.current.value, true, nil
	case now.Before(c.retryAt):
		return "", true, c.failure
	}
	return "", false, nil
}
