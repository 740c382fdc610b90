package collector

import (
	"context"
	"errors"
	"strconv"

	"partnercost/internal/billing"
	"partnercost/internal/config"
)

// Check is the result of one check.
type Check struct {
	// About names what was checked.
	About string
	// Err says why the check failed.
	Err error
	// Found says what was found; it counts only without an Err.
	Found string
	// Note means that Found is information, neither good nor bad.
	Note bool
}

// checks reports checks of one partner.
type checks struct {
	partner string
	report  func(Check)
}

func (c checks) made(about string, err error, found string) {
	c.report(Check{About: "partner " + c.partner + ": " + about, Err: err, Found: found})
}

func (c checks) note(about, found string) {
	c.report(Check{About: "partner " + c.partner + ": " + about, Found: found, Note: true})
}

// CheckPartner checks the partner's credentials, reads every endpoint once, for its
// first customer, and checks the partner's name in the database if there is one. It
// writes nothing. Each check is reported as soon as it is made.
func (c *Collector) CheckPartner(ctx context.Context, partner config.Partner, report func(Check)) {
	checks, what := checks{partner.Name, report}, c.Config.Collect
	if c.Store != nil {
		checks.made("name", c.Store.CheckPartner(ctx, partner.Name, partner.Auth.TenantID), "no other name of this tenant")
	}
	client, err := c.NewClient(partner, nil, c.Log)
	checks.made("credentials", err, "present (mode "+partner.Auth.Mode+")")
	if err != nil {
		return
	}
	defer client.Close()
	// A given token has not been used yet, so it is not known to be accepted.
	token := "issued"
	if partner.Auth.Mode == "token" {
		token = "given; the reads below tell whether it is accepted"
	}
	checks.made("token", client.SignIn(ctx), token)
	compliant, told, err := client.MFA(ctx)
	switch {
	case err == nil && told && !compliant:
		err = errors.New("the sign-in was made without multi-factor authentication, which Partner Center requires; sign in again: collector login --partner " + partner.Name)
		checks.made("multi-factor authentication", err, "")
	case err == nil && told:
		checks.made("multi-factor authentication", nil, "confirmed by Partner Center")
	case err == nil:
		checks.note("multi-factor authentication", "not reported by Partner Center")
	}
	if !partner.Customers.Discover {
		compareLists(ctx, checks, partner, client)
	}
	if partner.Invoices.Enabled {
		c.checkInvoices(ctx, checks, partner, client)
	}
	id, err := FirstCustomer(ctx, partner, client)
	checks.made("customers", err, "the first is "+string(id))
	if err != nil {
		return
	}
	s, err := client.Statement(ctx, id)
	defer s.Release()
	if err == nil && s.Failure != nil {
		err = s.Failure
	}
	missing := func(there bool) error {
		if there {
			return nil
		}
		return err
	}
	checks.made("billing profile", missing(s.Profile != nil), "read")
	if !what.Costs {
		return
	}
	checks.made("cost summary", missing(s.Costs != nil), "read: "+describeCosts(s))
	if what.LineItems {
		checks.made("line items", missing(s.LineItems != nil), "read: "+strconv.Itoa(len(s.LineItems)))
	}
}

func describeCosts(s billing.Statement) string {
	if s.NoCosts() {
		return "no costs"
	}
	if s.Costs == nil {
		return "nothing"
	}
	return strconv.Itoa(len(s.Costs.Details)) + " details"
}
