package fetch

import (
	"context"
	"sync"
	"time"
)

const (
	// renewBefore is how long before its end a token is replaced, so that none dies in
	// the middle of a request.
	renewBefore = 5 * time.Minute
	// presumedLife is that of a token that does not tell its own.
	presumedLife = 30 * time.Minute
	// failureTTL is how long an answer "no" of the sign-in stands: the workers that
	// wait behind the one who asked must not all ask again.
	failureTTL = time.Minute
)

// accessToken is a token and its end.
type accessToken struct {
	value   string
	expires time.Time
}

// tokenCache is the TokenSource over any way to obtain a token. It asks once for
// all who wait.
type tokenCache struct {
	now func() time.Time
	// obtain returns another token than the stale one.
	obtain func(ctx context.Context, stale string) (accessToken, error)

	// turn admits one goroutine to obtaining. Unlike a mutex it can be waited for with a
	// context.
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

// get returns the current token unless it is stale or about to end, and else obtains
// another.
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
	if token, known, err := c.known(stale); known { // somebody else obtained it meanwhile
		return token, err
	}
	obtained, err := c.obtain(ctx, stale)
	if err != nil && ctx.Err() != nil {
		return "", ctx.Err() // which says nothing about the sign-in
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if err != nil {
		if c.current.value != stale && now.Before(c.current.expires) {
			c.renewAt = now.Add(failureTTL) // it lives, so there is time for another attempt
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
	c.renewAt = now.Add(max(life-renewBefore, life/2)) // a short life is used by half
	return obtained.value, nil
}

// known returns what can be said without asking: the current token, or that the
// sign-in refused a moment ago.
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
