// Package partnersim simulates Microsoft Partner Center over HTTP: the list of customers, billing
// profiles, the most recent service costs with their line items, the token endpoints of the
// identity platform, invoices and their exports, and their faults. All data is invented from a
// seed; the behaviour follows API.md. The package serves the demo, tests and benchmarks, and knows
// nothing of the client under test.
package partnersim

import (
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"partnercost/internal/billing"
)

// Simulator is a Partner Center for one partner. It is an http.Handler and safe for
// concurrent use.
type Simulator struct {
	options  Options
	world    *world
	login    *login
	mux      *http.ServeMux
	tokens   sealer
	limiter  *rate.Limiter
	counters counters

	requests atomic.Uint64
	faults   atomic.Pointer[Faults]
	oddities atomic.Pointer[oddities]

	// advancing serialises steps; requests only read the pointer.
	advancing sync.Mutex
	calendar  atomic.Pointer[calendar]

	// exports are the exports of Microsoft Graph; nil when there are no invoices.
	exports *exports
}

// New returns a simulator at the start of its calendar.
func New(options Options) *Simulator {
	options = options.withDefaults()
	root := seed(options.Seed)
	s := &Simulator{
		options: options,
		world: &world{
			seed:             root,
			identities:       newIdentities(root),
			customers:        uint64(options.Customers),
			start:            options.Start,
			itemsPerCustomer: options.LineItemsPerCustomer,
			noCosts:          options.NoCosts,
			noAccess:         options.NoAccess,
		},
		tokens: newSealer(root),
	}
	s.login = newLogin(options, s.tokens, &s.counters)
	s.counters.served = make([]atomic.Uint64, (options.Customers+63)/64)
	if options.MaxRequestsPerSecond > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(options.MaxRequestsPerSecond), max(1, int(options.MaxRequestsPerSecond)))
	}
	s.faults.Store(&options.Faults)
	s.SetOddities(options.Oddities...)
	s.calendar.Store(&calendar{})
	if options.Invoices != nil {
		s.exports = newExports()
	}
	s.mux = http.NewServeMux()
	s.login.routes(s.mux)
	s.controlRoutes(s.mux)
	return s
}

// ServeHTTP answers for the REST API, for the login host and for the controls below
// /simulator/.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Only these paths go through the ServeMux. It would redirect malformed paths that the
	// real service refuses, such as /v1//v1/customers.
	if strings.HasPrefix(r.URL.Path, "/simulator/") || strings.Contains(r.URL.Path, "/oauth2/") {
		s.mux.ServeHTTP(w, r)
		return
	}
	if s.exports != nil && s.exports.owns(r.URL.Path) {
		s.serveExports(w, r)
		return
	}
	s.serveAPI(w, r)
}

// CustomerIDs yields the ids of the customers that the list names now, in its order.
func (s *Simulator) CustomerIDs() iter.Seq[string] {
	cal := s.calendar.Load()
	return func(yield func(string) bool) {
		for index := range s.world.customers {
			if s.world.present(index, cal) && !yield(s.world.identities.id(index)) {
				return
			}
		}
	}
}

// index returns the position of a customer in the list, absent customers included.
func (s *Simulator) index(id string) (uint64, bool) {
	parsed, err := billing.ParseCustomerID(id)
	if err != nil {
		return 0, false
	}
	return s.world.find(parsed)
}

// Expected returns the true data of a customer at present, with exact amounts and regardless of
// oddities; false when there is no such customer. A customer without a relationship has only a
// Failure of class billing.NoAccess. A customer without costs has a summary without details, or
// with zero totals. FetchedAt, Documents and Findings are not set.
func (s *Simulator) Expected(id string) (billing.Statement, bool) {
	index, ok := s.index(id)
	if !ok {
		return billing.Statement{}, false
	}
	return s.world.statement(s.world.customer(index), s.calendar.Load()), true
}

// Advance moves the calendar. A request sees the calendar before or after the complete
// step, never in between.
func (s *Simulator) Advance(step Step) Change {
	s.advancing.Lock()
	defer s.advancing.Unlock()
	before := s.calendar.Load()
	after := before.after(step)
	change := Change{
		OneTimeMonth:   s.world.start.AddDate(0, after.oneTime, 0).Format(monthForm),
		RecurringMonth: s.world.start.AddDate(0, after.recurring, 0).Format(monthForm),
	}
	if step.Restate > 0 || step.Leave > 0 {
		change.Restated, change.Left = s.world.compare(before, after, step)
	}
	s.calendar.Store(after)
	return change
}

const monthForm = "2006-01"

// SetFaults replaces the rates of faults.
func (s *Simulator) SetFaults(f Faults) { s.faults.Store(&f) }

// ExpireAccessTokens expires every access token issued so far. The fixed one of the
// options stays valid.
func (s *Simulator) ExpireAccessTokens() { s.login.accessGeneration.Add(1) }

// RevokeRefreshTokens makes every refresh token issued so far, and the one of the
// options, answer invalid_grant with AADSTS700082.
func (s *Simulator) RevokeRefreshTokens() { s.login.refreshGeneration.Add(1) }

// pause waits for the latency of the service. It returns false when the client is gone.
func (s *Simulator) pause(r *http.Request, request uint64) bool {
	wait := s.options.Latency
	if s.options.LatencyJitter > 0 {
		wait += time.Duration(fraction(s.world.seed.hash(topicJitter, request)) * float64(s.options.LatencyJitter))
	}
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
