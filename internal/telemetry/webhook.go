package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// attemptWithin bounds one request to a monitoring service, because the end of a run
// waits for it.
const attemptWithin = 5 * time.Second

// pauses are the waits between the attempts of a delivery.
var pauses = []time.Duration{time.Second, 3 * time.Second}

// destination is an address whose user, password, path and query may be secrets, so
// none of them is put into an error.
type destination struct{ *url.URL }

// parseDestination reads an address. The error does not quote it.
func parseDestination(address string) (destination, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return destination{}, errors.New("it is not an address such as https://host/path")
	}
	return destination{u}, nil
}

// String returns as much of the address as may be shown.
func (d destination) String() string { return d.Scheme + "://" + d.Host }

// refusal is the error of an answer other than 2xx.
type refusal struct {
	status int
	said   string
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("it answered %d %s", r.status, http.StatusText(r.status))
	if r.status >= 300 && r.status < 400 {
		text += ", a redirection, which is not followed: use its target address"
	}
	if r.said != "" {
		text += ": " + r.said
	}
	return text
}

// final reports whether the same request would be refused again.
func (r *refusal) final() bool {
	return r.status < 500 && r.status != http.StatusRequestTimeout && r.status != http.StatusTooManyRequests
}

// webhook sends a request once. Its errors contain no address, so that they can be
// shown. It implements push.HTTPDoer.
type webhook struct {
	client *http.Client
	// quote makes errors repeat the beginning of a refusal's body.
	quote bool
}

func newWebhook(quote bool) webhook {
	return webhook{quote: quote, client: &http.Client{
		Timeout: attemptWithin,
		// The next delivery is hours away, so no connection is kept.
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		// A redirection would send the secret to a host that is not in the configuration.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Do sends the request; an answer other than 2xx is an error.
func (w webhook) Do(request *http.Request) (*http.Response, error) {
	response, err := w.client.Do(request) //nolint:gosec // the address comes from the operator
	if err != nil {
		// The text around the cause contains the address.
		if around, ok := errors.AsType[*url.Error](err); ok {
			err = around.Err
		}
		return nil, err
	}
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	refused := &refusal{status: response.StatusCode}
	if w.quote {
		body, _ := io.ReadAll(io.LimitReader(response.Body, textBytes)) // a part of the body is enough, even after an error
		refused.said = conceal(fit(string(body)), request.URL)
	}
	return nil, refused
}

// conceal removes the possibly secret parts of an address from a text.
func conceal(text string, u *url.URL) string {
	password, _ := u.User.Password()
	for _, part := range []string{u.EscapedPath(), u.Path, u.RawQuery, password} {
		if len(part) > 1 {
			text = strings.ReplaceAll(text, part, "[redacted]")
		}
	}
	return text
}

// deliver makes attempts until one succeeds, one is refused finally, or no pause is left.
func deliver(ctx context.Context, pauses []time.Duration, attempt func(context.Context) error) error {
	for n := 1; ; n++ {
		err := attempt(ctx)
		refused, answered := errors.AsType[*refusal](err)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case answered && refused.final():
			return err
		case n > len(pauses):
			return fmt.Errorf("%w (after %d attempts)", err, n)
		}
		timer := time.NewTimer(pauses[n-1])
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// Ping informs a dead-man's switch with a GET of its address. It tries three times within
// about twenty seconds. The path of the address may be a secret, so it is not in the
// error.
func Ping(ctx context.Context, address string) error { return ping(ctx, address, pauses) }

func ping(ctx context.Context, address string, pauses []time.Duration) error {
	to, err := parseDestination(address)
	if err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	hook := newWebhook(false) // the answer of a switch may repeat the address
	err = deliver(ctx, pauses, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, to.URL.String(), http.NoBody)
		if err != nil {
			return errors.New("the address cannot be requested") // the cause may quote the address
		}
		response, err := hook.Do(request)
		if err != nil {
			return err
		}
		return response.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("ping %s: %w", to, err)
	}
	return nil
}
