package fetch

import (
	"context"
	"errors"

	"golang.org/x/oauth2"

	"partnercost/internal/billing"
)

// DeviceLogin signs a user in on any device with a browser, and stores the refresh token
// for NewRefreshTokenSource. It passes show the address to open and the code to enter
// there. Then it waits until the user has signed in, the code has expired (usually after
// 15 minutes) or ctx ends.
func DeviceLogin(ctx context.Context, s SignIn, store TokenStore, show func(verificationURI, userCode string)) error {
	e, err := newEndpoint(s)
	if err != nil {
		return err
	}
	// Check that a token can be stored before the user signs in.
	if err := store.Replace(ctx, func(Tokens) (Tokens, error) { return Tokens{}, nil }); err != nil {
		return err
	}

	config := oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret,
		// The user consents to these scopes; openid identifies the user to Microsoft.
		Scopes:   []string{s.Scope, "offline_access", "openid"},
		Endpoint: oauth2.Endpoint{DeviceAuthURL: e.base + "/devicecode", TokenURL: e.base + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	code, err := config.DeviceAuth(e.context(ctx))
	if err != nil {
		return loginFailure(ctx, err, s.ClientSecret)
	}
	show(code.VerificationURI, code.UserCode)
	token, err := config.DeviceAccessToken(e.context(ctx), code)
	if err != nil {
		return loginFailure(ctx, err, s.ClientSecret, code.DeviceCode)
	}
	if token.RefreshToken == "" {
		return &billing.Failure{
			Class: billing.ConfigurationFailure, Resource: "sign-in",
			Message: "the sign-in returned no refresh token; allow the application offline access (offline_access)",
		}
	}
	return store.Replace(ctx, func(Tokens) (Tokens, error) { return Tokens{Refresh: token.RefreshToken}, nil })
}

// loginFailure explains why a device sign-in failed.
func loginFailure(ctx context.Context, err error, secrets ...string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure, _ := judgeSignIn(err, secrets...)
	var refused *oauth2.RetrieveError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &refused) && refused.ErrorCode == "expired_token":
		failure.Message = "the code expired before the sign-in; run the command again"
	case refused != nil && (refused.ErrorCode == "access_denied" || refused.ErrorCode == "authorization_declined"):
		failure.Message = "the sign-in was declined"
	}
	return failure
}
