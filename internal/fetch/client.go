package fetch

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Options say how a Client speaks to one partner's Partner Center. The zero value
// of every field but BaseURL and Tokens stands for what is named with it.
type Options struct {
	// BaseURL is the root of the REST API, without /v1: https, or http on a loopback
	// address.
	BaseURL string
	Tokens  TokenSource
	// Locale is the language of texts such as charge types: en-US.
	Locale string
	// UserAgent names the program and its version, such as "partnercost/1.2.0": partnercost.
	UserAgent string

	// Costs and LineItems say what is fetched besides the billing profile. There are no
	// line items without costs.
	Costs, LineItems bool

	// RequestsPerMinute bounds all requests together; 0 is no bound.
	RequestsPerMinute int
	// Concurrency is the number of requests in flight at a time, and of connections
	// kept: 8. A statement has up to two in flight.
	Concurrency int
	// Timeout bounds one attempt, its body included: 3 minutes, as in Microsoft's own
	// client (API.md 3.3).
	Timeout time.Duration
	// MaxBody bounds one body in bytes, and the pages of one customer's line items
	// together: 64 MiB. Above 4 MiB one customer is read at a time.
	MaxBody int64
	// Large is what clients share of which one at a time may read more than 4 MiB of a
	// customer: each has its own.
	Large Large
	// MaxRetryAfter caps how long the service may ask to wait: 5 minutes.
	MaxRetryAfter time.Duration
	// Attempts bounds how often one request fails, being throttled aside: 5.
	Attempts int
	// Patience bounds how long one statement is retried; no attempt begins later: 15
	// minutes.
	Patience time.Duration

	// Transport carries the requests: one of our own for HTTP/1.1 and TLS 1.2 or later,
	// with a pool sized for Concurrency.
	Transport http.RoundTripper
	// Now tells the time: the system's clock.
	Now func() time.Time
	// NewID makes the ids of requests: random UUIDs.
	NewID func() string
	// Rand draws from 0 up to 1 for the waits between attempts: math/rand.
	Rand func() float64
	// Log receives recovered errors, and never secrets or personal data: none.
	Log *slog.Logger
	// Observe is called after every attempt, from several goroutines: nobody.
	Observe func(Attempt)
}

// Attempt is one request that was sent, for metrics.
type Attempt struct {
	// Endpoint is the path with {id} for the customer, such as "customers/{id}/profiles/billing".
	Endpoint string
	// Class is "2xx", "3xx", "4xx", "5xx", or "none" without a whole answer.
	Class string
	// Duration is from sending to the last byte of the answer.
	Duration time.Duration
	// Retried: this attempt was not the first of its request.
	Retried bool
	// Throttled: the answer was 429.
	Throttled bool
}

// Client reads one partner's Partner Center. It is for concurrent use.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
	pacer   *pacer
	log     *slog.Logger
	// foreign says that the service is not Partner Center: it has no list of customers to
	// prove a token by, and headers of its own.
	foreign bool

	// The headers that are the same in all requests.
	userAgent, application, locale []string

	standing standing
	// large is taken by the customer whose answers may be large (room).
	large Large
}

// New returns a client, or an error that names every unusable option.
func New(o Options) (*Client, error) {
	var problems []error
	base, err := parseBase(o.BaseURL)
	if err != nil {
		problems = append(problems, fmt.Errorf("base_url %w", err))
	}
	if o.Tokens == nil {
		problems = append(problems, errors.New("the source of access tokens is missing"))
	}
	if o.RequestsPerMinute < 0 {
		problems = append(problems, errors.New("requests_per_minute is negative"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("the configuration of the Partner Center client is not valid: %w", err)
	}
	o = o.withDefaults()
	application, _, _ := strings.Cut(o.UserAgent, "/")
	return &Client{
		options: o, base: base, log: o.Log,
		http:      &http.Client{Transport: o.Transport, CheckRedirect: stayOnHost},
		pacer:     newPacer(o.RequestsPerMinute, o.Concurrency, o.Now),
		large:     o.Large,
		standing:  standing{turn: make(chan struct{}, 1)},
		userAgent: []string{o.UserAgent}, application: []string{application}, locale: []string{o.Locale},
	}, nil
}

func (o Options) withDefaults() Options {
	o.Locale = cmp.Or(o.Locale, "en-US")
	o.UserAgent = cmp.Or(o.UserAgent, "partnercost")
	o.Concurrency = cmp.Or(max(0, o.Concurrency), 8)
	o.Timeout = cmp.Or(o.Timeout, 3*time.Minute)
	o.MaxBody = cmp.Or(o.MaxBody, 64<<20)
	o.MaxRetryAfter = cmp.Or(o.MaxRetryAfter, 5*time.Minute)
	o.Attempts = cmp.Or(o.Attempts, 5)
	o.Patience = cmp.Or(o.Patience, 15*time.Minute)
	if o.Large == nil {
		o.Large = NewLarge()
	}
	if o.Transport == nil {
		o.Transport = newTransport(o.Concurrency)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Attempt) {}
	}
	return o
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }
