package main

import (
	"context"
	"iter"
	"log/slog"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
)

// client is Partner Center as one partner sees it.
type client struct {
	*fetch.Client
	tokens fetch.TokenSource
}

// proveToken obtains an access token, be it from a cache.
func (c *client) proveToken(ctx context.Context) error {
	_, err := c.tokens.Token(ctx)
	return err
}

// newClient wires a partner's client; it makes no request. Unless it is nil, observe is
// told of every request.
func (p *program) newClient(partner config.Partner, what config.Collect, observe func(fetch.Attempt), log *slog.Logger) (*client, error) {
	cloud, err := cloudOf(partner)
	if err != nil {
		return nil, err
	}
	tokens, err := p.tokens(partner, cloud)
	if err != nil {
		return nil, configError(err)
	}
	if partner.Auth.Mode == "app_only" && what.Costs {
		log.Warn("Partner Center refuses service costs to an application alone; use auth.mode app_user, or collect.costs: false for profiles only")
	}
	p.warnOfAge(partner, log)
	c, err := fetch.New(fetch.Options{
		BaseURL:           cloud.BaseURL,
		Tokens:            tokens,
		Locale:            partner.Locale,
		UserAgent:         "partnercost/" + thisBuild().Version,
		Costs:             what.Costs,
		LineItems:         what.LineItems,
		RequestsPerMinute: partner.Limits.RequestsPerMinute,
		Concurrency:       partner.Limits.Concurrency,
		Timeout:           partner.Limits.Timeout,
		MaxRetryAfter:     partner.Limits.MaxRetryAfter,
		Now:               p.now,
		NewID:             p.newID,
		Log:               log,
		Observe:           observe,
	})
	if err != nil {
		return nil, configError(err)
	}
	return &client{Client: c, tokens: tokens}, nil
}

// list yields the ids of the partner's customers.
func (c *client) list(ctx context.Context) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		for customer, err := range c.Customers(ctx) {
			if !yield(customer.ID, err) {
				return
			}
		}
	}
}
