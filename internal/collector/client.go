package collector

import (
	"log/slog"
	"time"

	"partnercost/internal/config"
	"partnercost/internal/fetch"
	"partnercost/internal/telemetry"
)

// NewClient is Partner Center as one partner sees it. It makes no request. Unless it is
// nil, observe is called for every request. The caller closes the client.
func (c *Collector) NewClient(partner config.Partner, observe func(fetch.Attempt), log *slog.Logger) (*fetch.Client, error) {
	cloud, err := CloudOf(partner)
	if err != nil {
		return nil, err
	}
	tokens, err := c.tokens(partner, cloud)
	if err != nil {
		return nil, &ConfigError{err}
	}
	what := c.Config.Collect
	if partner.Auth.Mode == "app_only" && what.Costs {
		log.Warn("Partner Center refuses service costs to an application without a user; use auth.mode app_user, or collect.costs: false to collect billing profiles only")
	}
	if !SharesToken(partner) { // those tell when they are exchanged
		if state := SignInStateOf(partner, nil, c.Now()); state.Warning {
			warnOfAge(partner.Name, time.Duration(*state.AgeDays)*24*time.Hour, log)
		}
	}
	client, err := fetch.New(fetch.Options{
		BaseURL:           cloud.BaseURL,
		Tokens:            tokens,
		Locale:            partner.Locale,
		UserAgent:         "partnercost/" + c.Version,
		Costs:             what.Costs,
		LineItems:         what.LineItems,
		RequestsPerMinute: partner.Limits.RequestsPerMinute,
		Concurrency:       partner.Limits.Concurrency,
		Large:             c.Large,
		Timeout:           partner.Limits.Timeout,
		MaxRetryAfter:     partner.Limits.MaxRetryAfter,
		Now:               c.Now,
		NewID:             c.NewID,
		Rand:              c.Rand,
		Log:               log,
		Observe:           observe,
	})
	if err != nil {
		return nil, &ConfigError{err}
	}
	return client, nil
}

// countRequests returns an observer that counts a partner's requests.
func countRequests(metrics *telemetry.Metrics, partner string) func(fetch.Attempt) {
	return func(a fetch.Attempt) {
		metrics.Request(partner, a.Endpoint, a.Class, a.Duration, a.Retried, a.Throttled)
	}
}
