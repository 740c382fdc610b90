package fetch

import (
	"context"
	"net/http"
	"sync"
	"time"

	"partnercost/internal/billing"
)

// standing records what the answers so far prove about the partner's sign-in and role.
// It distinguishes a refusal that concerns one customer from one that would meet every
// customer.
type standing struct {
	// turn lets one goroutine at a time try a token, so that the others learn from the
	// result.
	turn chan struct{}

	mu sync.Mutex
	// accepted and refused are the tokens of the newest request that proved a token good,
	// and of the newest trial that proved one bad.
	accepted, refused     string
	acceptedAt, refusedAt time.Time
	// renewed is the token that was obtained because another one was refused. wasGood
	// reports whether it was ever accepted; older tokens may remain valid beside it for a
	// while.
	renewed string
	wasGood bool
	// doubts counts refusals in a row that may concern one customer or the whole partner.
	doubts int

	// served are the endpoints that were read for at least one customer. condemned counts
	// for each endpoint the refusals in a row with a code that condemns the sign-in or the
	// configuration.
	served    map[string]bool
	condemned map[string]int

	// admitted means that a resource of a customer was read. Until then withoutRole counts
	// the customers of whom no resource could be read for lack of a role.
	admitted    bool
	withoutRole int
}

const (
	// roleRefusalsToGiveUp is how many customers must be refused for lack of a role, before any
	// customer was read, for the run to end: by then the role is missing for all of them
	// (API.md 3.6).
	roleRefusalsToGiveUp = 5
	// doubtsAtMost is how many unproven refusals of tokens in a row are blamed on single
	// customers.
	doubtsAtMost = 10
	// accidentsAtMost is how many refusals of one request prove nothing: one of a token
	// that expired on the way, and one that does not come again.
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

// serve notes that an endpoint was read for a customer.
func (s *standing) serve(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.served == nil {
		s.served = map[string]bool{}
	}
	s.served[endpoint] = true
	delete(s.condemned, endpoint)
}

// condemn notes a refusal with a condemning code. It reports whether anything was read
// for any customer, and whether the endpoint was refused too often in a row for the
// refusals to concern single customers. Answers of other endpoints prove nothing about
// this one.
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

// renew notes a token that replaces a refused one.
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

// wasAccepted reports whether a renewed token was accepted before.
func (s *standing) wasAccepted(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewed == token && s.wasGood
}

// doubt notes a refusal for which no proof shows whom it concerns, and reports whether
// there are too many of them.
func (s *standing) doubt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts++
	return s.doubts >= doubtsAtMost
}

// proof is what is known about a token.
type proof int

const (
	unproven proof = iota
	proven
	disproven
)

// known returns what the requests sent at since or later prove about a token. A refused
// token stays refused.
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

// try tests a token with a request that concerns no customer, unless a request sent at
// since or later has tested it already.
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
	case a.status == http.StatusForbidden: // the service recognised the caller, so the token is good
		c.standing.accept(token, a.sent)
		return proven, nil
	case a.status == http.StatusUnauthorized:
		c.standing.refuse(token, a.sent)
		return disproven, nil
	}
	return unproven, nil
}

// probe sends a request that concerns no customer, in a single attempt. The error is
// that of ctx.
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

// afterRefusal decides how a request continues whose token was refused. It returns nil
// when the request should be sent again with the token that is current then, and
// otherwise its failure or the error of ctx. The refusal came at the time arrived;
// refusals counts those of this request.
//
// A refusal ends the run only when it is proven to concern the whole partner: the token
// that replaces the refused one is refused too, in a request that concerns no customer.
// The refusal of a token that is no longer current proves nothing, because the token
// expired on the way. If other requests are accepted with the same token, a repeated
// refusal concerns this request alone. Those requests must have been sent after the
// refusal arrived, because the token may have expired between two requests.
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
		// A token that was renewed after a refusal is as new as a token can be.
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
			// If another token replaced it meanwhile, this one expired.
			if newest, err := c.options.Tokens.Token(ctx); err != nil || newest == current {
				return t.failure
			}
		}
	}
	return nil
}

// aloneRefused returns a refusal that concerns one customer.
func aloneRefused(f *billing.Failure, message string) *billing.Failure {
	alone := *f
	alone.Class, alone.Message = billing.Refused, message
	return &alone
}

// afterCondemnation decides on a refusal whose code condemns the sign-in or the
// configuration. Such a refusal ends the run when it is proven to concern the whole
// partner: no customer has been read yet, and a request that concerns no customer is
// refused too. Many such refusals of one endpoint in a row also end the run. Any other
// concerns this customer alone.
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

// admit watches the first customers. When no resource of any of them can be read for
// lack of a role, the role is at fault and not the customers. admit returns the failure
// that then ends the run.
func (s *standing) admit(st billing.Statement) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case st.Profile != nil || st.Costs != nil || st.Same != nil:
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
