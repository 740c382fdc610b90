package partnersim

import (
	"cmp"
	"time"
)

// Options say which partner is simulated and how the service behaves. The zero value
// of every field is usable.
type Options struct {
	// Customers is the number of customers, which may be large: none is kept in memory.
	Customers int
	// Seed selects the invented data; equal seeds give equal data.
	Seed uint64
	// Start lies in the calendar month whose one-time purchases are the most recent ones
	// at first; September 2026 when zero.
	Start time.Time
	// LineItemsPerCustomer is their average number; 6 when zero.
	LineItemsPerCustomer int
	// NoCosts is the share of customers without costs: 0.1 when zero, none when
	// negative.
	NoCosts float64
	// NoAccess is the share of customers that are listed but answer 403 with code 20002.
	NoAccess float64

	// AccessToken is accepted besides the tokens that the login issues; "simulator" when
	// empty. It counts as an app+user token and never expires.
	AccessToken string
	// Anonymous answers every request: a missing or unknown token is accepted.
	Anonymous bool
	Login     Login

	// Paging is how the list of customers refers to its next page.
	Paging Paging
	// LargestPage is the largest number of entries of a page, of customers and of line
	// items. When 0 a page holds 500 customers, and line items have one page, as
	// documented.
	LargestPage int
	// SpentToken ends the list as some clients have seen it: the last page carries a token
	// too, and a request with it is answered with 400 and code 2000.
	SpentToken bool
	// Gzip compresses answers for clients that accept it. The recorded service did not.
	Gzip bool

	// Latency, and a random time up to LatencyJitter, pass before each answer of the REST
	// API.
	Latency, LatencyJitter time.Duration
	// MaxRequestsPerSecond is the rate above which requests are answered with 429; 0 is no
	// limit.
	MaxRequestsPerSecond float64
	Faults               Faults
	// Oddities are in force at first; see Simulator.SetOddities.
	Oddities []Oddity

	// Invoices makes the partner receive invoices; without it there are none.
	Invoices *Invoices

	// Clock returns the time for tokens and for the request limit; time.Now when nil.
	Clock func() time.Time
}

// Login says which clients get tokens, and which tokens.
type Login struct {
	// Tenant, ClientID and ClientSecret are the accepted values; any value when empty.
	Tenant, ClientID, ClientSecret string
	// RefreshToken is accepted besides the tokens that were issued; "simulator" when
	// empty.
	RefreshToken string
	// RequestsPerToken is how many requests may use access tokens since the last one was
	// issued; then all tokens expire. There is no such limit when 0.
	RequestsPerToken int
	// AccessTokenLifetime is an hour when zero, RefreshTokenLifetime 90 days.
	AccessTokenLifetime, RefreshTokenLifetime time.Duration
	// ApprovePolls is how often a device sign-in is answered with authorization_pending
	// before it approves itself: once when zero, without end when negative. POST
	// /simulator/approve approves it earlier.
	ApprovePolls int
	// PollInterval is the interval between polls that a device is told; 5 s when zero.
	PollInterval time.Duration
	// WithoutMFA issues user tokens without the claim of multi-factor authentication,
	// which EnforceMFA refuses with 401 and code 900421.
	WithoutMFA, EnforceMFA bool
}

// Paging is a form in which the service refers to the next page (API.md 4).
type Paging int

// The forms of paging that have been seen.
const (
	// PageByLink sends links.next with /v1 and its header, as since 2021.
	PageByLink Paging = iota
	// PageByUnversionedLink sends links.next without /v1, as before.
	PageByUnversionedLink
	// PageByBodyToken sends a continuationToken beside the items and no link.
	PageByBodyToken
)

func (o Options) withDefaults() Options {
	if o.Start.IsZero() {
		o.Start = time.Date(2026, time.September, 1, 0, 0, 0, 0, time.UTC)
	}
	o.Start = time.Date(o.Start.Year(), o.Start.Month(), 1, 0, 0, 0, 0, time.UTC)
	o.Customers = max(0, o.Customers)
	o.LineItemsPerCustomer = cmp.Or(max(0, o.LineItemsPerCustomer), 6)
	o.NoCosts = cmp.Or(o.NoCosts, 0.1)
	o.AccessToken = cmp.Or(o.AccessToken, "simulator")
	o.Login.RefreshToken = cmp.Or(o.Login.RefreshToken, "simulator")
	o.Login.AccessTokenLifetime = cmp.Or(o.Login.AccessTokenLifetime, time.Hour)
	o.Login.RefreshTokenLifetime = cmp.Or(o.Login.RefreshTokenLifetime, 90*24*time.Hour)
	o.Login.ApprovePolls = cmp.Or(o.Login.ApprovePolls, 1)
	o.Login.PollInterval = cmp.Or(o.Login.PollInterval, 5*time.Second)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}
