package fetch

import (
	"context"
	"fmt"
	"time"
)

// Tokens are the stored tokens of a sign-in.
type Tokens struct {
	// Refresh is the refresh token; empty when there is none.
	Refresh string
	// Access is the access token that came with it, for other processes. It is valid until
	// Expires. Some stores hold none.
	Access  string
	Expires time.Time
	// Unreadable says why the stored tokens cannot be used. A new sign-in replaces them.
	Unreadable error
}

// TokenStore stores the tokens of one partner. Its String names the place for the
// operator.
type TokenStore interface {
	fmt.Stringer

	// Replace passes the stored tokens to exchange and stores what exchange returns. No
	// other process uses the tokens meanwhile. If exchange returns an error or no refresh
	// token, the stored tokens stay.
	Replace(ctx context.Context, exchange func(kept Tokens) (Tokens, error)) error
}
