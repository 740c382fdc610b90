package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"time"

	"partnercost/internal/billing"
)

// request is one resource to read, however many attempts it takes.
type request struct {
	// endpoint is the path with {id} for the customer, and resource is the part of it
	// that a failure names.
	endpoint, resource string
	url                *url.URL
	// payload is sent with POST, as JSON; without one the request is a GET.
	payload []byte
	// anonymous requests carry no token and nothing that is Partner Center's: what they may
	// read is in their address, which is a secret.
	anonymous bool
	// header holds what a link in an answer asks to be sent.
	header map[string]string
	// within is the collection that links to further pages must stay in, below the
	// version: a path, or with a slash at its end all paths below it.
	within string
	// token is the access token to send; if empty, the current one.
	token string
	// room is where an answer may be large; if nil, anywhere.
	room *room
	// until is when retrying ends; if zero, when the client's patience does.
	until time.Time
	// decode reads the body of an answer with the status of a success. What is not the
	// document is asked for again.
	decode func(body []byte) error
}

// answer is what the service said in the end.
type answer struct {
	status                   int
	header                   http.Header
	body                     []byte
	requestID, correlationID string
	sent, arrived            time.Time
	// good: a whole answer with 200 or 204. The latter is empty, which no document is.
	good bool
	// refusal is set when the status is no success.
	refusal refusal
}

// document is the answer as it is kept.
func (a *answer) document(kind billing.DocumentKind) billing.Document {
	return billing.Document{
		Kind: kind, Body: a.body, HTTPStatus: a.status, RequestID: a.requestID, CorrelationID: a.correlationID,
	}
}

// get sends a request until it is answered or its budget is spent. The error is a
// *billing.Failure, or that of ctx; the answer comes along when there is one.
func (c *Client) get(ctx context.Context, r request) (answer, error) {
	requestID := c.options.NewID()
	if r.until.IsZero() {
		r.until = c.options.Now().Add(c.options.Patience)
	}
	faults, refusals := 0, 0
	for attempt := 1; ; attempt++ {
		if err := c.pacer.acquire(ctx); err != nil {
			return answer{}, err
		}
		a, t := c.attempt(ctx, r, requestID, attempt > 1)
		if t == nil {
			return a, nil
		}
		wait, asked := retryAfter(&a, c.options.MaxRetryAfter)
		switch {
		case asked:
		case t.throttled:
			wait = throttledWait(attempt, c.options.Rand)
		default:
			wait = backoff(attempt, c.options.Rand)
		}
		if t.throttled && c.pacer.throttle(a.sent, wait) {
			c.log.LogAttrs(ctx, slog.LevelWarn, "throttled, all requests wait",
				slog.String("endpoint", r.endpoint), slog.Duration("wait", wait), slog.String("correlation_id", a.correlationID))
		}
		if !a.good { // else its place was given up with the last byte
			c.pacer.release(false)
		}
		if ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
		if errors.Is(t.failure.Err, errNoRoom) { // what is broken off at 4 MiB is no failed attempt
			if err := r.room.wait(ctx); err != nil {
				return answer{}, err
			}
			continue
		}
		t.failure.Attempts = attempt
		if t.refresh && !r.anonymous {
			refusals++
			if err := c.afterRefusal(ctx, t, a.arrived, refusals); err != nil {
				return a, err
			}
			requestID = c.options.NewID()
			continue
		}
		if t.failure.Class.EndsRun() && t.failure.Code != "" && r.endpoint != customersEndpoint {
			return a, c.afterCondemnation(ctx, r, t)
		}
		if !t.throttled { // which is no fault of this request: it ends with the patience alone
			faults++
		}
		if !t.retry || faults >= c.options.Attempts || c.options.Now().Add(wait).After(r.until) {
			return a, t.failure
		}
		c.log.LogAttrs(ctx, slog.LevelDebug, "request failed and is sent again",
			slog.String("endpoint", r.endpoint), slog.Int("attempt", attempt), slog.Duration("wait", wait),
			slog.Int("status", a.status), slog.String("code", t.failure.Code),
			slog.String("request_id", a.requestID), slog.String("correlation_id", a.correlationID))
		if !t.throttled { // else the pacer makes it wait, with everyone else
			if err := sleep(ctx, wait); err != nil {
				return answer{}, err
			}
		}
		if !t.unknown {
			requestID = c.options.NewID()
		}
	}
}

// failedAttempt says why an attempt did not succeed, and what may be done about it.
type failedAttempt struct {
	verdict
	failure *billing.Failure
	// token is the one that was sent.
	token string
	// unknown: no whole answer arrived, so that nobody knows what became of the request.
	// A repetition then carries the same MS-RequestId (API.md 3.1).
	unknown bool
}

// attempt sends a request once. It is a success when there is no trouble. A good
// answer gives up its place with the pacer before it is decoded; after any other the
// caller does, once everyone has been held up if need be.
func (c *Client) attempt(ctx context.Context, r request, requestID string, again bool) (answer, *failedAttempt) {
	a := answer{requestID: requestID, correlationID: c.options.NewID()}
	token, err := r.token, error(nil)
	if token == "" && !r.anonymous {
		token, err = c.options.Tokens.Token(ctx)
	}
	failed := func(v verdict, message string, err error) *failedAttempt {
		return &failedAttempt{verdict: v, token: token, failure: &billing.Failure{
			Class: v.class, Resource: r.resource, HTTPStatus: a.status, Message: message, Err: err,
			RequestID: a.requestID, CorrelationID: a.correlationID,
		}}
	}
	if err != nil {
		return a, &failedAttempt{failure: withoutToken(err, &billing.Failure{Resource: r.resource})}
	}

	a.sent = c.options.Now()
	err = c.exchange(ctx, r, token, &a)
	a.arrived = c.options.Now()
	c.options.Observe(Attempt{
		Endpoint: r.endpoint, Class: statusClass(a.status, err), Duration: a.arrived.Sub(a.sent),
		Retried: again, Throttled: a.status == http.StatusTooManyRequests,
	})
	a.good = err == nil && (a.status == http.StatusOK || a.status == http.StatusNoContent || a.status == http.StatusAccepted && r.payload != nil)
	if a.good {
		if !r.anonymous {
			c.standing.accept(token, a.sent)
		}
		c.pacer.release(true)
		runtime.Gosched() // the request that takes the place leaves before this answer is decoded
	}
	if err != nil {
		err = transportCause(err)
		v := transportVerdict(err, a.status)
		t := failed(v, v.advice+": "+redact(err.Error(), token), err)
		t.unknown = true
		return a, t
	}
	if a.good {
		if err := r.decode(a.body); err != nil {
			v := verdict{class: billing.BadAnswer, retry: errors.Is(err, errNotJSON) || errors.Is(err, ErrNotDocument)}
			return a, failed(v, redact(err.Error(), token), nil)
		}
		c.standing.serve(r.endpoint)
		return a, nil
	}
	a.refusal = readRefusal(a.status, a.body)
	v := a.refusal.verdict()
	t := failed(v, v.advice, nil)
	t.failure.Code = codeOf(a.refusal.code)
	t.failure.Said = redact(a.refusal.message, token)
	return a, t
}

// exchange sends one request and reads the whole answer into a. An error means
// that no whole answer arrived.
func (c *Client) exchange(ctx context.Context, r request, token string, a *answer) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	sent := c.newRequest(r, token, a).WithContext(ctx)
	response, err := c.http.Do(sent)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok { // it repeats the address, which says nothing new
			err = wrapped.Err
		}
		return c.explainTimeout(ctx, err)
	}
	defer response.Body.Close()
	a.status, a.header = response.StatusCode, response.Header
	limit := c.options.MaxBody
	if !a.isSuccess() {
		limit = min(limit, 64<<10) // of an error, that is plenty
	}
	more := func() error { return nil }
	if r.room != nil {
		more = r.room.try
	}
	a.body, err = readBody(response, limit, more)
	if errors.Is(err, errTooLarge) && !a.isSuccess() {
		err = nil
	}
	if err != nil {
		return c.explainTimeout(ctx, err)
	}
	return nil
}

// isSuccess reports whether the body is more than an error's.
func (a *answer) isSuccess() bool {
	return a.status == http.StatusOK || a.status == http.StatusAccepted
}

// newRequest is one attempt of a request.
func (c *Client) newRequest(r request, token string, a *answer) *http.Request {
	header := http.Header{"User-Agent": c.userAgent}
	switch {
	case r.anonymous:
		header["Accept"] = []string{"*/*"}
	case c.foreign:
		header["Accept"], header["Authorization"] = []string{"application/json"}, []string{"Bearer " + token}
		header["Client-Request-Id"] = []string{a.requestID}
	default:
		header["Accept"], header["Authorization"] = []string{"application/json"}, []string{"Bearer " + token}
		header["X-Locale"], header["Ms-Partnercenter-Application"] = c.locale, c.application
		header["Ms-Requestid"], header["Ms-Correlationid"] = []string{a.requestID}, []string{a.correlationID}
	}
	for key, value := range r.header {
		header.Set(key, value)
	}
	request := &http.Request{Method: http.MethodGet, URL: r.url, Host: r.url.Host, Header: header}
	if r.payload != nil {
		request.Method, request.ContentLength = http.MethodPost, int64(len(r.payload))
		request.Body = io.NopCloser(bytes.NewReader(r.payload))
		header["Content-Type"] = []string{"application/json"}
	}
	return request
}

// explainTimeout puts the timeout of an attempt in words.
func (c *Client) explainTimeout(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no complete answer within %s: %w", c.options.Timeout, context.DeadlineExceeded)
	}
	return err
}

// errTooLarge marks a body that exceeds its limit.
var errTooLarge = errors.New("the answer is too large")

// readBody reads a body of at most limit bytes, in one piece when its size is known;
// of a larger one it returns the beginning and errTooLarge. More than smallAnswers
// are read only if more has no objection. The body is read to its end, so that the
// connection can be used again.
func readBody(response *http.Response, limit int64, more func() error) ([]byte, error) {
	const trusted = 1 << 20 // a size up to which a header is believed
	if size := response.ContentLength; size >= 0 && size <= min(limit, trusted) {
		body := make([]byte, size)
		_, err := io.ReadFull(response.Body, body)
		if errors.Is(err, io.EOF) && size > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && size > 0 {
			return nil, err
		}
		return body, nil
	}
	var body bytes.Buffer
	body.Grow(8 << 10)
	if _, err := body.ReadFrom(io.LimitReader(response.Body, min(limit, smallAnswers)+1)); err != nil {
		return nil, err
	}
	if body.Len() > smallAnswers {
		if err := more(); err != nil {
			return nil, err
		}
		if _, err := body.ReadFrom(io.LimitReader(response.Body, limit+1-int64(body.Len()))); err != nil {
			return nil, err
		}
	}
	if int64(body.Len()) > limit {
		return body.Bytes()[:limit], fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	return body.Bytes(), nil
}

// transportVerdict judges why no whole answer arrived; status is 0 when not even its
// beginning did.
func transportVerdict(err error, status int) verdict {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return verdict{class: billing.ConfigurationFailure, advice: "the server's certificate cannot be verified; check base_url, and that this machine trusts the certificate authority of the server or the proxy"}
	case errors.Is(err, errRedirected):
		return verdict{class: billing.BadAnswer, advice: "redirected"}
	case errors.Is(err, errTooLarge):
		return verdict{class: billing.BadAnswer, advice: "the answer was not read"}
	case status != 0:
		return verdict{class: billing.ServerFailure, retry: true, advice: "the answer is incomplete"}
	}
	return verdict{class: billing.ServerFailure, retry: true, advice: "no answer"}
}

// withoutToken is the failure of a request for which there is no access token. What
// the source of tokens tells is kept; what it does not know is taken from refused,
// the failure that made it necessary.
func withoutToken(err error, refused *billing.Failure) *billing.Failure {
	var known *billing.Failure
	if !errors.As(err, &known) {
		known = &billing.Failure{Class: billing.CredentialFailure, Message: "no access token: " + redact(err.Error()), Err: err}
	}
	failure := *known
	failure.Resource = refused.Resource
	failure.RequestID, failure.CorrelationID, failure.Attempts = refused.RequestID, refused.CorrelationID, refused.Attempts
	return &failure
}

func statusClass(status int, err error) string {
	if err != nil || status == 0 {
		return "none"
	}
	return string(rune('0'+status/100)) + "xx"
}
