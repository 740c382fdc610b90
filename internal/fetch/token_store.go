package fetch

import (
	"context"
	"fmt"
	"time"
)

// Tokens are what is kept of a standing sign-in.
type Tokens struct {
	// Refresh is the refresh token; empty when there is none.
	Refresh string
	// Access is the access token that came with it, for other processes, until Expires. A
	// store may keep none.
	Access  string
	Expires time.Time
	// Unreadable is why what is kept cannot be used. A new sign-in replaces it.
	Unreadable error
}

// TokenStore keeps the tokens of one partner. Its text names the place for the operator.
type TokenStore interface {
	fmt.Stringer

	// Replace lends exchange what is kept, while no other process uses it, and keeps what
	// exchange returns, before anybody else is lent anything. With an error, or without a
	// refresh token, what was kept stays.
	Replace(ctx context.Context, exchange func(kept Tokens) (Tokens, error)) error
}
