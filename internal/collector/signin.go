package collector

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"partnercost/internal/config"
	"partnercost/internal/fetch"
)

// refreshTokenWarning is the age from which a warning is given. A refresh token is
// replaced at each use and expires after 90 days (API.md 2.3), so an old one means that
// it is not used.
const refreshTokenWarning = 75 * 24 * time.Hour

// CloudOf returns the partner's cloud, with the addresses from the configuration. An
// error is a ConfigError.
func CloudOf(partner config.Partner) (fetch.Cloud, error) {
	cloud, err := fetch.CloudNamed(partner.Cloud)
	if err != nil {
		return fetch.Cloud{}, &ConfigError{err}
	}
	cloud.BaseURL = cmp.Or(partner.BaseURL, cloud.BaseURL)
	cloud.LoginURL = cmp.Or(partner.Auth.LoginURL, cloud.LoginURL)
	return cloud, nil
}

// SignInOf returns how the partner's tokens are obtained.
func SignInOf(partner config.Partner, cloud fetch.Cloud, now func() time.Time) fetch.SignIn {
	scope := cloud.UserScope()
	if partner.Auth.Mode == "app_only" {
		scope = cloud.AppScope()
	}
	return fetch.SignIn{
		LoginURL: cloud.LoginURL, TenantID: partner.Auth.TenantID, ClientID: partner.Auth.ClientID,
		ClientSecret: partner.Auth.ClientSecret.Reveal(), Scope: cmp.Or(partner.Auth.Scope, scope), Now: now,
	}
}

// tokens returns the partner's source of access tokens.
func (c *Collector) tokens(partner config.Partner, cloud fetch.Cloud) (fetch.TokenSource, error) {
	switch partner.Auth.Mode {
	case "app_user":
		store, err := c.TokenStore(partner)
		if err != nil {
			return nil, err
		}
		return fetch.NewRefreshTokenSource(SignInOf(partner, cloud, c.Now), store, partner.Auth.RefreshToken.Reveal())
	case "app_only":
		return fetch.NewAppOnlySource(SignInOf(partner, cloud, c.Now))
	}
	return fetch.StaticToken(partner.Auth.Token.Reveal()), nil
}

// warnOfAge warns of a refresh token that will expire soon.
func warnOfAge(partner string, age time.Duration, log *slog.Logger) {
	log.Warn("the refresh token has not been replaced for a long time and expires after 90 days: sign in again",
		slog.Int("age_days", days(age)), slog.String("command", "collector login --partner "+partner))
}

// SignInState is the state of a partner's sign-in. Its JSON form is part of the output
// of "collector status".
type SignInState struct {
	Partner string `json:"partner"`
	Mode    string `json:"auth_mode"`
	// Store is the place of the refresh token; "" without one.
	Store string `json:"refresh_token_store,omitempty"`
	// AgeDays and DaysLeft are those of the refresh token; nil without one, or if its age is
	// unknown.
	AgeDays  *int `json:"refresh_token_age_days"`
	DaysLeft *int `json:"refresh_token_days_left"`
	Warning  bool `json:"refresh_token_warning"`
}

// String says how many days the refresh token has left, and what to do.
func (s SignInState) String() string {
	switch {
	case s.Mode != "app_user":
		return "not used (mode " + s.Mode + ")"
	case s.AgeDays == nil && s.Store != "file":
		return "none, or not known to this login; sign in with: collector login --partner " + s.Partner
	case s.AgeDays == nil:
		return "none; sign in with: collector login --partner " + s.Partner
	case s.Warning:
		return fmt.Sprintf("WARNING: %d days left; sign in with: collector login --partner %s", *s.DaysLeft, s.Partner)
	}
	return fmt.Sprintf("%d days left", *s.DaysLeft)
}

// SignInStateOf returns the state of the partner's refresh token. The map issued holds,
// by partner, when the tokens that are not in files were issued.
func SignInStateOf(partner config.Partner, issued map[string]time.Time, now time.Time) SignInState {
	s := SignInState{Partner: partner.Name, Mode: partner.Auth.Mode}
	if s.Mode == "app_user" {
		s.Store = partner.Auth.RefreshTokenStore
	}
	if issued := refreshTokenIssued(partner, issued, now); !issued.IsZero() {
		age := now.Sub(issued)
		old, left := days(age), max(0, days(fetch.RefreshTokenLife-age))
		s.AgeDays, s.DaysLeft, s.Warning = &old, &left, age >= refreshTokenWarning
	}
	return s
}

// SignInStates returns the states of all partners' refresh tokens. It calls issued only
// if a token is not in a file. If issued fails, the age of these tokens is unknown, and
// the error is returned beside the states.
func SignInStates(partners []config.Partner, now time.Time, issued func() (map[string]time.Time, error)) ([]SignInState, error) {
	var known map[string]time.Time
	var err error
	if slices.ContainsFunc(partners, SharesToken) {
		known, err = issued()
	}
	states := []SignInState{}
	for _, partner := range partners {
		states = append(states, SignInStateOf(partner, known, now))
	}
	return states, err
}

// refreshTokenIssued returns when the partner's refresh token was issued; the zero time
// if there is none.
func refreshTokenIssued(partner config.Partner, issued map[string]time.Time, now time.Time) time.Time {
	switch {
	case partner.Auth.Mode != "app_user":
		return time.Time{}
	case SharesToken(partner):
		return issued[partner.Name]
	}
	age, err := fetch.RefreshTokenAge(partner.Auth.RefreshTokenFile, now)
	if err != nil {
		return time.Time{}
	}
	return now.Add(-age)
}

// SharesToken reports whether the partner's refresh token is stored where other machines
// can use it.
func SharesToken(partner config.Partner) bool {
	return partner.Auth.Mode == "app_user" && partner.Auth.RefreshTokenStore != "" && partner.Auth.RefreshTokenStore != "file"
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }
