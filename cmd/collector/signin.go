package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"partnercost/internal/config"
	"partnercost/internal/fetch"
)

// refreshTokenWarning is the age from which a refresh token is a reason to worry: it
// is replaced at each use and dies at 90 days (API.md 2.3).
const refreshTokenWarning = 75 * 24 * time.Hour

// cloudOf is the partner's cloud with the addresses that the configuration gives it.
func cloudOf(partner config.Partner) (fetch.Cloud, error) {
	cloud, err := fetch.CloudNamed(partner.Cloud)
	if err != nil {
		return fetch.Cloud{}, configError(err)
	}
	cloud.BaseURL = cmp.Or(partner.BaseURL, cloud.BaseURL)
	cloud.LoginURL = cmp.Or(partner.Auth.LoginURL, cloud.LoginURL)
	return cloud, nil
}

// signIn is how the partner's tokens are obtained.
func (p *program) signIn(partner config.Partner, cloud fetch.Cloud) fetch.SignIn {
	scope := cloud.UserScope()
	if partner.Auth.Mode == "app_only" {
		scope = cloud.AppScope()
	}
	return fetch.SignIn{
		LoginURL: cloud.LoginURL, TenantID: partner.Auth.TenantID, ClientID: partner.Auth.ClientID,
		ClientSecret: partner.Auth.ClientSecret.Reveal(), Scope: cmp.Or(partner.Auth.Scope, scope), Now: p.now,
	}
}

// tokens is the partner's source of access tokens.
func (p *program) tokens(partner config.Partner, cloud fetch.Cloud) (fetch.TokenSource, error) {
	switch partner.Auth.Mode {
	case "app_user":
		return fetch.NewRefreshTokenSource(p.signIn(partner, cloud), partner.Auth.RefreshTokenFile, partner.Auth.RefreshToken.Reveal())
	case "app_only":
		return fetch.NewAppOnlySource(p.signIn(partner, cloud))
	}
	return fetch.StaticToken(partner.Auth.Token.Reveal()), nil
}

// warnOfAge warns of a refresh token that will die soon.
func (p *program) warnOfAge(partner config.Partner, log *slog.Logger) {
	if partner.Auth.Mode != "app_user" {
		return
	}
	if age, err := fetch.RefreshTokenAge(partner.Auth.RefreshTokenFile, p.now()); err == nil && age >= refreshTokenWarning {
		log.Warn("the refresh token has not been replaced for long and dies at 90 days: sign in again",
			slog.Int("age_days", days(age)), slog.String("command", "collector login --partner "+partner.Name))
	}
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// signInState tells how a partner's sign-in stands, for status.
type signInState struct {
	Partner string `json:"partner"`
	Mode    string `json:"auth_mode"`
	// AgeDays and DaysLeft are of the refresh token; null without one.
	AgeDays  *int `json:"refresh_token_age_days"`
	DaysLeft *int `json:"refresh_token_days_left"`
	Warning  bool `json:"refresh_token_warning"`
}

func (p *program) signInStates(partners []config.Partner) []signInState {
	states := []signInState{}
	for _, partner := range partners {
		s := signInState{Partner: partner.Name, Mode: partner.Auth.Mode}
		if partner.Auth.Mode == "app_user" {
			if age, err := fetch.RefreshTokenAge(partner.Auth.RefreshTokenFile, p.now()); err == nil {
				old, left := days(age), max(0, days(fetch.RefreshTokenLife-age))
				s.AgeDays, s.DaysLeft, s.Warning = &old, &left, age >= refreshTokenWarning
			}
		}
		states = append(states, s)
	}
	return states
}

// refreshToken is a state in words.
func (s signInState) refreshToken() string {
	switch {
	case s.Mode != "app_user":
		return "not used (mode " + s.Mode + ")"
	case s.AgeDays == nil:
		return "none; sign in with: collector login --partner " + s.Partner
	case s.Warning:
		return fmt.Sprintf("WARNING: %d days left; sign in with: collector login --partner %s", *s.DaysLeft, s.Partner)
	}
	return fmt.Sprintf("%d days left", *s.DaysLeft)
}
