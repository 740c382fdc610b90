package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"partnercost/internal/billing"
)

// SignIn says for whom tokens are obtained, and where.
type SignIn struct {
	// LoginURL is the root of the identity platform, such as Cloud.LoginURL: https, or
	// http on a loopback address.
	LoginURL string
	// TenantID is the partner's tenant, ClientID the application in it.
	TenantID, ClientID string
	// ClientSecret is empty for a public client.
	ClientSecret string
	// Scope is the scope of the tokens, such as Cloud.UserScope().
	Scope string

	// Transport, Now and Rand are as in Options.
	Transport http.RoundTripper
	Now       func() time.Time
	Rand      func() float64
}

// How many attempts a failing identity platform gets, and how long one answer may take.
const (
	signInAttempts = 4
	signInTimeout  = 30 * time.Second
)

// endpoint is the identity platform for one tenant, version 2.
type endpoint struct {
	signIn SignIn
	base   string
	http   *http.Client
}

func newEndpoint(s SignIn) (*endpoint, error) {
	base, err := parseBase(s.LoginURL)
	var problems []error
	if err != nil {
		problems = append(problems, fmt.Errorf("login_url %w", err))
	}
	if s.TenantID == "" {
		problems = append(problems, errors.New("tenant_id is missing"))
	}
	if s.ClientID == "" {
		problems = append(problems, errors.New("client_id is missing"))
	}
	if s.Scope == "" {
		problems = append(problems, errors.New("the scope is missing"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("the sign-in configuration is not valid: %w", err)
	}
	o := Options{Transport: s.Transport, Now: s.Now, Rand: s.Rand}.withDefaults()
	s.Transport, s.Now, s.Rand = o.Transport, o.Now, o.Rand
	return &endpoint{
		signIn: s, base: base.String() + "/" + url.PathEscape(s.TenantID) + "/oauth2/v2.0",
		http: &http.Client{Transport: s.Transport, CheckRedirect: stayOnHost, Timeout: signInTimeout},
	}, nil
}

// context carries the HTTP client to package oauth2.
func (e *endpoint) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, e.http)
}

// exchange exchanges a grant for tokens. A transient error is retried briefly; a
// refusal never is.
func (e *endpoint) exchange(ctx context.Context, grant url.Values) (*oauth2.Token, error) {
	defer e.http.CloseIdleConnections() // the next exchange is about an hour away
	config := clientcredentials.Config{
		ClientID: e.signIn.ClientID, ClientSecret: e.signIn.ClientSecret, TokenURL: e.base + "/token",
		EndpointParams: grant, AuthStyle: oauth2.AuthStyleInParams,
	}
	for attempt := 1; ; attempt++ {
		token, err := config.Token(e.context(ctx))
		if err == nil {
			return token, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failure, retry := judgeSignIn(err, e.signIn.ClientSecret, grant.Get("refresh_token"))
		failure.Attempts = attempt
		if !retry || attempt == signInAttempts {
			return nil, failure
		}
		if err := sleep(ctx, backoff(attempt, e.signIn.Rand)); err != nil {
			return nil, err
		}
	}
}

// accessToken returns the access token of an answer. Package oauth2 computes its end with
// the system's clock, so the end is computed again with ours.
func (e *endpoint) accessToken(token *oauth2.Token) accessToken {
	a := accessToken{value: token.AccessToken}
	if seconds, err := strconv.ParseFloat(fmt.Sprint(token.Extra("expires_in")), 64); err == nil && seconds > 0 {
		a.expires = e.signIn.Now().Add(time.Duration(seconds) * time.Second)
	}
	return a
}

// aadsts finds the code of the identity platform in its prose.
var aadsts = regexp.MustCompile(`AADSTS(\d{4,10})`)

// judgeSignIn turns an error of package oauth2 into a failure. That error quotes the
// whole answer, so only codes are repeated from it. All failures end the run: without a
// token, no customer can be read.
func judgeSignIn(err error, secrets ...string) (failure *billing.Failure, retry bool) {
	failure = &billing.Failure{Class: billing.CredentialFailure, Resource: "sign-in"}
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		err = transportCause(err)
		v := transportVerdict(err, 0)
		if v.class == billing.ConfigurationFailure || errors.Is(err, errRedirected) {
			failure.Class = billing.ConfigurationFailure
		}
		failure.Message = "the sign-in service cannot be reached: " + redact(err.Error(), secrets...)
		return failure, v.retry
	}
	failure.HTTPStatus = refused.Response.StatusCode
	failure.Code = codeOf(refused.ErrorCode)
	if code := signInCode(refused); code != "" {
		failure.Code = "AADSTS" + code
		if advice, ok := signInAdvice[code]; ok {
			failure.Class, failure.Message = advice.class, advice.text
			return failure, false
		}
	}
	status := failure.HTTPStatus
	switch {
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= http.StatusInternalServerError ||
		refused.ErrorCode == "temporarily_unavailable":
		failure.Message = "the sign-in service reports an internal error; try again later"
		return failure, true
	case refused.ErrorCode == "invalid_grant":
		failure.Message = "the refresh token is no longer accepted; sign in again (collector login)"
	case refused.ErrorCode == "invalid_client":
		failure.Message = "the application's secret is not accepted; write a valid one to auth.client_secret_file"
	case refused.ErrorCode == "":
		failure.Class = billing.ConfigurationFailure
		failure.Message = "the answer is not from the sign-in service; check login_url and the proxy"
	default:
		failure.Class = billing.ConfigurationFailure
		failure.Message = "the sign-in is refused; check tenant_id, client_id and the application's permissions"
	}
	return failure, false
}

// signInCode returns the code in a refusal of the identity platform, in digits.
func signInCode(refused *oauth2.RetrieveError) string {
	var body struct {
		Codes []json.Number `json:"error_codes"`
	}
	if json.Unmarshal(plain(refused.Body), &body) == nil && len(body.Codes) > 0 {
		if code, err := strconv.ParseUint(body.Codes[0].String(), 10, 32); err == nil {
			return strconv.FormatUint(code, 10)
		}
	}
	if found := aadsts.FindStringSubmatch(refused.ErrorDescription); found != nil {
		return found[1]
	}
	return ""
}

// signInAdvice explains the codes of the identity platform (API.md 2.3).
var signInAdvice = map[string]struct {
	class billing.FailureClass
	text  string
}{
	"700082":  {billing.CredentialFailure, "the refresh token has expired because it was not used for 90 days; sign in again (collector login)"},
	"700084":  {billing.CredentialFailure, "the refresh token has reached the end of its life; sign in again (collector login)"},
	"70008":   {billing.CredentialFailure, "the refresh token has expired; sign in again (collector login)"},
	"70043":   {billing.CredentialFailure, "a policy of the partner's tenant (sign-in frequency) requires a new sign-in; sign in again (collector login)"},
	"9002313": {billing.CredentialFailure, "the refresh token is damaged or is not a refresh token; sign in again (collector login)"},
	"50173":   {billing.CredentialFailure, "the refresh token was revoked, for example by a new password; sign in again (collector login)"},
	"50076":   {billing.CredentialFailure, "multi-factor authentication is required; sign in again with it (collector login)"},
	"50079":   {billing.CredentialFailure, "the user must set up multi-factor authentication, then sign in again (collector login)"},
	"50078":   {billing.CredentialFailure, "the multi-factor authentication of the sign-in has expired; sign in again with it (collector login)"},
	"53003":   {billing.CredentialFailure, "a conditional access policy of the partner's tenant blocks the sign-in; ask the tenant's administrator to allow it"},
	"53000":   {billing.CredentialFailure, "a conditional access policy of the partner's tenant requires a managed device; ask the tenant's administrator to allow the collector"},
	"50057":   {billing.CredentialFailure, "the user's account is disabled; enable it or sign in as another user (collector login)"},
	"50034":   {billing.CredentialFailure, "the user does not exist in the partner's tenant; sign in as another user (collector login)"},
	"7000215": {billing.CredentialFailure, "the application's secret is wrong; write the secret's value, not its id, to auth.client_secret_file"},
	"7000222": {billing.CredentialFailure, "the application's secret has expired; create a new one and write it to auth.client_secret_file"},
	"7000218": {billing.ConfigurationFailure, "the application is a confidential client and needs auth.client_secret_file"},
	"65001":   {billing.ConfigurationFailure, "the application has no consent for access to Partner Center; consent as an administrator, then sign in (collector login)"},
	"65004":   {billing.ConfigurationFailure, "consent to the application's access to Partner Center was declined"},
	"700016":  {billing.ConfigurationFailure, "the application is unknown in the partner's tenant; check client_id and tenant_id"},
	"90002":   {billing.ConfigurationFailure, "the tenant is unknown; check tenant_id and the cloud"},
	"500011":  {billing.ConfigurationFailure, "Partner Center is unknown in the partner's tenant; check the cloud"},
	"70011":   {billing.ConfigurationFailure, "the scope of the sign-in is not valid; check the cloud"},
}
