package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"partnercost/internal/billing"
)

// offline is the scope without which a sign-in returns no refresh token.
const offline = " offline_access"

// NewRefreshTokenSource returns the tokens of an application together with a user, who
// signed in once (DeviceLogin). Every exchange uses the refresh token in the store and
// returns a new one, which is stored before anything else happens: a refresh token
// expires 90 days after it was issued, however often it is used (API.md 2.3).
//
// Several processes may share the store. seed is the refresh token to use while the store
// is empty; it may be empty.
func NewRefreshTokenSource(s SignIn, store TokenStore, seed string) (TokenSource, error) {
	e, err := newEndpoint(s)
	if err != nil {
		return nil, err
	}
	if store.String() == "" {
		return nil, errors.New("the sign-in configuration is not valid: refresh_token_file is missing")
	}
	u := &userSignIn{endpoint: e, store: store, seed: strings.TrimSpace(seed)}
	return newTokenCache(e.signIn.Now, u.renew), nil
}

// userSignIn obtains tokens with the sign-in of a user.
type userSignIn struct {
	endpoint *endpoint
	store    TokenStore
	seed     string
}

// renew exchanges the refresh token while no other process does. A process that comes
// later finds the new refresh token. If the store also holds a valid access token other
// than the stale one, that one is returned and nothing is exchanged.
func (u *userSignIn) renew(ctx context.Context, stale string) (access accessToken, err error) {
	err = u.store.Replace(ctx, func(kept Tokens) (Tokens, error) {
		if kept.Unreadable != nil {
			return Tokens{}, kept.Unreadable
		}
		if kept.Access != "" && kept.Access != stale && kept.Expires.Sub(u.endpoint.signIn.Now()) > renewBefore {
			access = accessToken{value: kept.Access, expires: kept.Expires}
			return Tokens{}, nil
		}
		old := cmp.Or(kept.Refresh, u.seed)
		if old == "" {
			return Tokens{}, &billing.Failure{
				Class: billing.CredentialFailure, Resource: "sign-in",
				Message: fmt.Sprintf("%s does not hold a refresh token yet; sign in (collector login)", u.store),
			}
		}
		token, err := u.endpoint.exchange(ctx, url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {old}, "scope": {u.endpoint.signIn.Scope + offline},
		})
		if err != nil {
			return Tokens{}, err
		}
		access = u.endpoint.accessToken(token)
		return Tokens{Refresh: cmp.Or(token.RefreshToken, kept.Refresh), Access: access.value, Expires: access.expires}, nil
	})
	if err != nil {
		return accessToken{}, err
	}
	return access, nil
}
