package fetch

import (
	"context"

	"partnercost/internal/billing"
)

// TokenSource gives the access tokens of one partner. It is shared by all who
// collect for that partner.
type TokenSource interface {
	// Token returns an access token that is still good for a while.
	Token(ctx context.Context) (string, error)
	// Refresh returns another token than the stale one, which the service refused. Of
	// several callers with the same stale token one obtains the new one for all.
	Refresh(ctx context.Context, stale string) (string, error)
}

// StaticToken is a TokenSource of one ready token, for a trial or the simulator. It
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
