package fetch

import (
	"context"
	"net/http"
	"sync"
	"time"

	"partnercost/internal/billing"
)

// standing is what the answers so far prove about the partner's sign-in and role. By
// it a refusal that one customer meets is told from one that all would meet.
type standing struct {
	// turn admits one goroutine to trying a token, so that the others learn from it.
	turn chan struct{}

	mu sync.Mutex
	// accepted and refused are the tokens of the newest request that proved one to be
	// good, and of the newest trial that proved one to be bad.
	accepted, refused     string
	acceptedAt, refusedAt time.Time
	// renewed is the token that was obtained because another one was refused, and wasGood
	// whether it was ever accepted: older ones may be good beside it for a while.
	renewed string
	wasGood bool
	// doubts counts refusals in a row that may be one customer's or everybody's.
	doubts int

	// served are the endpoints that were read for somebody, and condemned counts by
	// endpoint the refusals with a condemning code in a row.
	served    map[string]bool
	condemned map[string]int

	// admitted: a resource of a customer was read. Until then withoutRole counts the
	// customers of whom none could be for lack of a role.
	admitted    bool
	withoutRole int
}

const (
	// roleRefusalsToGiveUp is how many customers must be refused for lack of a role, before any
	// was not, for the run to end: by then the role is missing for all of them
	// (API.md 3.6).
	roleRefusalsToGiveUp = 5
	// doubtsAtMost is how many refusals of tokens are taken for those of single customers
	// when nothing proves it.
	doubtsAtMost = 10
	// accidentsAtMost is how many refusals of one request are nobody's fault: one of a
	// token that died on the way, and one that comes once.
	accidentsAtMost = 2
)

// accept notes that the service accepted a token.
func (s *standing) accept(token string, sent time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts = 0
	s.wasGood = s.wasGood || token == s.renewed
	if !sent.Before(s.acceptedAt) {
		s.accepted, s.acceptedAt = token, sent
	}
}

// serve notes that an endpoint was read.
func (s *standing) serve(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.served == nil {
		s.served = map[string]bool{}
	}
	s.served[endpoint] = true
	delete(s.condemned, endpoint)
}

// condemn notes a refusal with a condemning code, and reports whether anything was read
// for somebody, and whether too many of the endpoint were refused in a row for them to
// be single customers. What other endpoints answer tells nothing of this one.
func (s *standing) condemn(endpoint string) (served, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.condemned == nil {
		s.condemned = map[string]int{}
	}
	s.condemned[endpoint]++
	return len(s.served) > 0, s.condemned[endpoint] >= doubtsAtMost
}

// refuse notes that a trial of a token was refused.
func (s *standing) refuse(token string, sent time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused, s.refusedAt = token, sent
}

// renew notes a token that takes the place of a refused one.
func (s *standing) renew(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renewed != token {
		s.renewed, s.wasGood = token, false
	}
}

func (s *standing) isRenewed(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewed == token
}

// wasAccepted reports whether a renewed token is known to have been good.
func (s *standing) wasAccepted(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewed == token && s.wasGood
}

// doubt notes a refusal of which nothing proves whose it is, and reports whether
// there are too many of them.
func (s *standing) doubt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts++
	return s.doubts >= doubtsAtMost
}

// proof is what is known of a token.
type proof int

const (
	unproven proof = iota
	proven
	disproven
)

// known is what requests that were sent at a time or later prove about a token. One
// that was refused stays so.
func (s *standing) known(token string, since time.Time) proof {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.refused == token && !(s.accepted == token && s.acceptedAt.After(s.refusedAt)):
		return disproven
	case s.accepted == token && !s.acceptedAt.Before(since):
		return proven
	}
	return unproven
}

// try proves a token by a request that says nothing about any customer, unless one
// that was sent at a time or later has proved it already.
func (c *Client) try(ctx context.Context, token string, since time.Time) (proof, error) {
	select {
	case c.standing.turn <- struct{}{}:
		defer func() { <-c.standing.turn }()
	case <-ctx.Done():
		return unproven, ctx.Err()
	}
	if known := c.standing.known(token, since); known != unproven || c.foreign {
		return known, nil
	}
	a, err := c.probe(ctx, token)
	switch {
	case err != nil:
		return unproven, err
	case a.good:
		return proven, nil
	case a.status == http.StatusForbidden: // who it is was seen, and what they may do
		c.standing.accept(token, a.sent)
		return proven, nil
	case a.status == http.StatusUnauthorized:
		c.standing.refuse(token, a.sent)
		return disproven, nil
	}
	return unproven, nil
}

// probe sends, once, a request that says nothing about any customer. The error is that
// of ctx.
func (c *Client) probe(ctx context.Context, token string) (answer, error) {
	if err := c.pacer.acquire(ctx); err != nil {
		return answer{}, err
	}
	r := request{
		endpoint: customersEndpoint, resource: "customers", url: c.address("/customers"), token: token,
		decode: func([]byte) error { return nil },
	}
	r.url.RawQuery = "size=1"
	a, _ := c.attempt(ctx, r, c.options.NewID(), false)
	if !a.good { // else its place was given up with the last byte
		c.pacer.release(false)
	}
	return a, ctx.Err()
}

// afterRefusal decides what becomes of a request whose token was refused. It returns
// nothing when the request is worth sending again with the token that is current
// then, and else its failure or the error of ctx. The refusal arrived at a time, and
// refusals counts those of this request.
//
// A refusal ends the run only when it is proven to be everybody's: a token in its
// place is refused too, in a request that concerns no customer. That of a token that
// is not current any more proves nothing: it died on the way. That of one with which
// others are accepted is this request's, if it comes again; they must have been sent
// after it arrived, because the token may have died between two requests.
func (c *Client) afterRefusal(ctx context.Context, t *failedAttempt, arrived time.Time, refusals int) error {
	alone := func(p proof) error {
		if p != proven && c.standing.doubt() {
			return t.failure
		}
		return aloneRefused(t.failure, "the access token is refused for this customer and accepted for others; check in Partner Center that the user may read this customer")
	}
	if refusals > c.options.Attempts {
		return alone(unproven)
	}
	current, err := c.options.Tokens.Token(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return withoutToken(err, t.failure)
	}
	if current == t.token {
		// What was renewed after a refusal is as fresh as any.
		if c.standing.isRenewed(current) {
			p, err := c.try(ctx, current, arrived)
			if err != nil {
				return err
			}
			if p == proven && refusals <= accidentsAtMost {
				return nil
			}
			if p != disproven {
				return alone(p)
			}
		}
		current, err = c.options.Tokens.Refresh(ctx, t.token)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			p, tryErr := c.try(ctx, t.token, arrived)
			switch {
			case tryErr != nil:
				return tryErr
			case p == disproven:
				return withoutToken(err, t.failure)
			}
			return alone(p)
		}
		c.standing.renew(current)
	}
	if c.standing.isRenewed(current) {
		p, err := c.try(ctx, current, time.Time{})
		switch {
		case err != nil:
			return err
		case p == disproven && !c.standing.wasAccepted(current):
			// Unless another one took its place meanwhile: then it died of age.
			if newest, err := c.options.Tokens.Token(ctx); err != nil || newest == current {
				return t.failure
			}
		}
	}
	return nil
}

// aloneRefused is a refusal that concerns one customer.
func aloneRefused(f *billing.Failure, message string) *billing.Failure {
	alone := *f
	alone.Class, alone.Message = billing.Refused, message
	return &alone
}

// afterCondemnation decides what a refusal means whose code condemns the sign-in or the
// configuration. It ends the run when it is proven to be everybody's: nothing was read
// for anybody yet, and a request that concerns no customer is refused too. Many such
// refusals of one endpoint in a row end it all the same. Any other is this customer's.
func (c *Client) afterCondemnation(ctx context.Context, r request, t *failedAttempt) error {
	served, all := c.standing.condemn(r.endpoint)
	if all {
		return t.failure
	}
	if !served {
		a, err := c.probe(ctx, t.token)
		switch {
		case err != nil:
			return err
		case a.status == http.StatusUnauthorized, a.refusal.status != 0 && a.refusal.verdict().class.EndsRun():
			return t.failure
		}
	}
	return aloneRefused(t.failure, "the service refuses this customer, which does not prove that it refuses all: "+t.failure.Message)
}

// admit watches the first customers: when none of their resources can be read for
// want of a role, it is the role that is wrong and not the customers. It returns the
// failure that then ends the run.
func (s *standing) admit(st billing.Statement) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case st.Profile != nil || st.Costs != nil:
		s.admitted = true
	case st.Failure != nil && st.Failure.Class == billing.RoleMissing && !s.admitted:
		s.withoutRole++
	}
	if s.admitted || s.withoutRole < roleRefusalsToGiveUp {
		return nil
	}
	ending := *st.Failure
	ending.Class = billing.ConfigurationFailure
	ending.Message = "none of the first customers can be read: " + st.Failure.Message
	return &ending
}
