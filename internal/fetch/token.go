package fetch

import (
	"context"

	"partnercost/internal/billing"
)

// TokenSource returns the access tokens of one partner. All workers of that partner
// share it.
type TokenSource interface {
	// Token returns an access token that remains valid for a while.
	Token(ctx context.Context) (string, error)
	// Refresh returns a token that replaces stale, which the service refused. If several
	// callers have the same stale token, one obtains the new one for all.
	Refresh(ctx context.Context, stale string) (string, error)
}

// StaticToken is a TokenSource of one given token, for a trial or the simulator. It
// cannot be refreshed.
func StaticToken(token string) TokenSource { return staticToken(token) }

type staticToken string

func (t staticToken) Token(context.Context) (string, error) { return string(t), nil }

func (t staticToken) Refresh(context.Context, string) (string, error) {
	return "", &billing.Failure{
		Class: billing.CredentialFailure, HTTPStatus: 401,
		Message: "the access token is refused: it has expired or is wrong; replace it (auth.token_file)",
	}
}

// SignIn obtains an access token, possibly from the cache, and so proves that the
// sign-in works.
func (c *Client) SignIn(ctx context.Context) error {
	_, err := c.options.Tokens.Token(ctx)
	return err
}
