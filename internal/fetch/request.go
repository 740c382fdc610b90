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

// request is one resource to read, in as many attempts as it takes.
type request struct {
	// endpoint is the path with {id} for the customer, and resource is the part of it that
	// failures name.
	endpoint, resource string
	url                *url.URL
	// payload is sent with POST, as JSON; without one the request is a GET.
	payload []byte
	// anonymous requests carry no token and none of Partner Center's headers: their address
	// is a secret that grants access by itself.
	anonymous bool
	// header holds the headers that a link in an answer requires.
	header map[string]string
	// within is the collection that links to further pages must not leave, below the
	// version: a path, or with a trailing slash all paths below it.
	within string
	// token is the access token to send; the current one if empty.
	token string
	// room must be taken before an answer may be large; if nil, answers may be large
	// without it.
	room *room
	// until is when retrying ends; if zero, the client's patience decides.
	until time.Time
	// decode reads the body of an answer with a success status. If it fails because the
	// body is not the document, the request is repeated.
	decode func(body []byte) error
}

// answer is the final answer to a request.
type answer struct {
	status                   int
	header                   http.Header
	body                     []byte
	requestID, correlationID string
	sent, arrived            time.Time
	// good means a complete answer with 200 or 204. A 204 has no body, which is never a
	// valid document.
	good bool
	// refusal is set when the status is not a success.
	refusal refusal
}

// document returns the answer in the form in which it is archived.
func (a *answer) document(kind billing.DocumentKind) billing.Document {
	return billing.Document{
		Kind: kind, Body: a.body, HTTPStatus: a.status, RequestID: a.requestID, CorrelationID: a.correlationID,
	}
}

// get sends a request until it is answered or its budget is spent. The error is a
// *billing.Failure, or that of ctx. The answer is returned with the error if there is
// one.
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
		if !a.good { // a good answer has given up its place already, with its last byte
			c.pacer.release(false)
		}
		if ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
		if errors.Is(t.failure.Err, errNoRoom) { // breaking off at 4 MiB does not count as a failed attempt
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
		if !t.throttled { // being throttled does not count either: only the time limit ends it
			faults++
		}
		if !t.retry || faults >= c.options.Attempts || c.options.Now().Add(wait).After(r.until) {
			return a, t.failure
		}
		c.log.LogAttrs(ctx, slog.LevelDebug, "request failed and is sent again",
			slog.String("endpoint", r.endpoint), slog.Int("attempt", attempt), slog.Duration("wait", wait),
			slog.Int("status", a.status), slog.String("code", t.failure.Code),
			slog.String("request_id", a.requestID), slog.String("correlation_id", a.correlationID))
		if !t.throttled { // a throttled request waits in the pacer, with all others
			if err := sleep(ctx, wait); err != nil {
				return answer{}, err
			}
		}
		if !t.unknown {
			requestID = c.options.NewID()
		}
	}
}

// failedAttempt says why an attempt failed and what may be done about it.
type failedAttempt struct {
	verdict
	failure *billing.Failure
	// token is the access token that was sent.
	token string
	// unknown means that no complete answer arrived, so the effect of the request is
	// unknown. A repetition then carries the same MS-RequestId (API.md 3.1).
	unknown bool
}

// attempt sends a request once. It succeeded if the returned failure is nil. A good
// answer gives up its place in the pacer before it is decoded. After any other answer
// the caller gives up the place, so that it can delay all requests first if necessary.
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
		runtime.Gosched() // lets the next request leave before this answer is decoded
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

// exchange sends one request and reads the complete answer into a. An error means that
// no complete answer arrived.
func (c *Client) exchange(ctx context.Context, r request, token string, a *answer) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	sent := c.newRequest(r, token, a).WithContext(ctx)
	response, err := c.http.Do(sent)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok { // url.Error would repeat the address
			err = wrapped.Err
		}
		return c.explainTimeout(ctx, err)
	}
	defer response.Body.Close()
	a.status, a.header = response.StatusCode, response.Header
	limit := c.options.MaxBody
	if !a.isSuccess() {
		limit = min(limit, 64<<10) // enough for an error body
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

// isSuccess reports whether the body can be more than an error.
func (a *answer) isSuccess() bool {
	return a.status == http.StatusOK || a.status == http.StatusAccepted
}

// newRequest builds the HTTP request for one attempt.
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

// explainTimeout describes the timeout of an attempt in words.
func (c *Client) explainTimeout(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no complete answer within %s: %w", c.options.Timeout, context.DeadlineExceeded)
	}
	return err
}

// errTooLarge marks a body that exceeds its limit.
var errTooLarge = errors.New("the answer is too large")

// readBody reads a body of at most limit bytes, into one allocation when its size is
// known. Of a larger body it returns the beginning and errTooLarge. Before it reads
// more than smallAnswers bytes it calls more, whose error ends the reading. The body is
// read to its end, so that the connection can be used again.
func readBody(response *http.Response, limit int64, more func() error) ([]byte, error) {
	const trusted = 1 << 20 // larger Content-Length values are not trusted
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

// transportVerdict judges why no complete answer arrived; status is 0 when not even a
// status line did.
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

// withoutToken returns the failure of a request for which there is no access token. It
// keeps what the source of tokens says, and takes the rest from refused, the failure
// that made a new token necessary.
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
