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

// Options configure a Client for one partner. Every field but BaseURL and Tokens has a
// default for its zero value, which its comment states.
type Options struct {
	// BaseURL is the root of the REST API, without /v1: https, or http on a loopback
	// address.
	BaseURL string
	Tokens  TokenSource
	// Locale is the language of texts such as charge types. Default: en-US.
	Locale string
	// UserAgent names the program and its version, such as "partnercost/1.2.0". Default:
	// partnercost.
	UserAgent string

	// Costs and LineItems select what is fetched besides the billing profile. LineItems
	// requires Costs.
	Costs, LineItems bool

	// RequestsPerMinute bounds all requests together. Default: no bound.
	RequestsPerMinute int
	// Concurrency is the number of requests in flight at a time, and of connections that
	// are kept open. A statement has up to two requests in flight. Default: 8.
	Concurrency int
	// Timeout bounds one attempt, its body included. Default: 3 minutes, as in Microsoft's
	// own client (API.md 3.3).
	Timeout time.Duration
	// MaxBody bounds one body in bytes, and the pages of one customer's line items
	// together. Default: 64 MiB. Above 4 MiB one customer is read at a time.
	MaxBody int64
	// Large is the slot of the one customer whose answers may exceed 4 MiB. Clients that
	// share it read one such customer at a time. Default: a slot of this client's own.
	Large Large
	// MaxRetryAfter caps how long the service may ask to wait. Default: 5 minutes.
	MaxRetryAfter time.Duration
	// Attempts bounds how often one request may fail; being throttled does not count.
	// Default: 5.
	Attempts int
	// Patience bounds how long one statement is retried; no attempt begins later. Default:
	// 15 minutes.
	Patience time.Duration

	// Transport carries the requests. Default: a transport for HTTP/1.1 and TLS 1.2 or
	// later, with a pool sized for Concurrency.
	Transport http.RoundTripper
	// Now returns the time. Default: the system's clock.
	Now func() time.Time
	// NewID returns the ids of requests. Default: random UUIDs.
	NewID func() string
	// Rand returns numbers from 0 up to 1, for the waits between attempts. Default:
	// math/rand.
	Rand func() float64
	// Log receives recovered errors, never secrets or personal data. Default: no log.
	Log *slog.Logger
	// Observe is called after every attempt, from several goroutines. Default: no call.
	Observe func(Attempt)
}

// Attempt is one request that was sent, for metrics.
type Attempt struct {
	// Endpoint is the path with {id} for the customer, such as "customers/{id}/profiles/billing".
	Endpoint string
	// Class is "2xx", "3xx", "4xx", "5xx", or "none" without a complete answer.
	Class string
	// Duration is from sending to the last byte of the answer.
	Duration time.Duration
	// Retried means that this attempt was not the first of its request.
	Retried bool
	// Throttled means that the answer was 429.
	Throttled bool
}

// Client reads one partner's Partner Center. It is safe for concurrent use.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
	pacer   *pacer
	log     *slog.Logger
	// foreign means that the service is not Partner Center: it has no list of customers
	// with which to test a token, and needs other headers.
	foreign bool

	// The headers that all requests share.
	userAgent, application, locale []string

	standing standing
	// large is held by the customer whose answers may be large (see room).
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

// BeginGently has the client begin at half pace: the service may still count the requests
// of another process, whose work it takes up.
func (c *Client) BeginGently() { c.pacer.halve() }

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }
