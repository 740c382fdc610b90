package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"partnercost/internal/billing"
)

// offline is the scope without which a sign-in brings no refresh token.
const offline = " offline_access"

// NewRefreshTokenSource returns the tokens of an application together with a user,
// who signed in once (DeviceLogin). Every token costs the refresh token in file and
// brings another, which is stored there before anything else: the old one dies 90
// days after it was issued, however often it is used (API.md 2.3).
//
// Several processes may share the file. seed is the refresh token to begin with
// while the file does not exist; it may be empty.
func NewRefreshTokenSource(s SignIn, file, seed string) (TokenSource, error) {
	e, err := newEndpoint(s)
	if err != nil {
		return nil, err
	}
	if file == "" {
		return nil, errors.New("the sign-in configuration is not valid: refresh_token_file is missing")
	}
	u := &userSignIn{endpoint: e, file: tokenFile(file), seed: strings.TrimSpace(seed)}
	return newTokenCache(e.signIn.Now, u.renew), nil
}

// userSignIn is the standing sign-in of a user, kept in a file.
type userSignIn struct {
	endpoint *endpoint
	file     tokenFile
	seed     string
}

// renew trades the refresh token in, with the file locked: a process that comes
// later must find the new one.
func (u *userSignIn) renew(ctx context.Context) (access accessToken, err error) {
	err = u.file.replace(ctx, func() (string, error) {
		old, err := u.file.read()
		if errors.Is(err, fs.ErrNotExist) || err == nil && old == "" {
			old, err = u.seed, nil
		}
		switch {
		case err != nil:
			return "", u.file.notKept(err)
		case old == "":
			return "", &billing.Failure{
				Class: billing.CredentialFailure, Resource: "sign-in",
				Message: fmt.Sprintf("%s does not hold a refresh token yet; sign in (collector login)", u.file),
			}
		}
		token, err := u.endpoint.exchange(ctx, url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {old}, "scope": {u.endpoint.signIn.Scope + offline},
		})
		if err != nil {
			return "", err
		}
		access = accessToken{value: token.AccessToken, expires: token.Expiry}
		if token.RefreshToken == old {
			return "", nil // it is kept already
		}
		return token.RefreshToken, nil
	})
	if err != nil {
		return accessToken{}, err
	}
	return access, nil
}
