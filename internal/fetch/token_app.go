package fetch

import (
	"context"
	"net/url"
)

// NewAppOnlySource returns the tokens of an application alone. With them Partner Center
// returns billing profiles and refuses service costs (API.md 2.1).
func NewAppOnlySource(s SignIn) (TokenSource, error) {
	e, err := newEndpoint(s)
	if err != nil {
		return nil, err
	}
	grant := url.Values{"grant_type": {"client_credentials"}, "scope": {s.Scope}}
	return newTokenCache(e.signIn.Now, func(ctx context.Context, _ string) (accessToken, error) {
		token, err := e.exchange(ctx, grant)
		if err != nil {
			return accessToken{}, err
		}
		return e.accessToken(token), nil
	}), nil
}
