package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// newTransport returns a separate transport for a number of connections to one host. It
// uses HTTP/1.1, because with HTTP/2 all requests would fail with their one connection;
// TLS 1.2 or later; and proxies from the environment, which never apply to loopback.
func newTransport(connections int) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   15 * time.Second,
		Protocols:             protocols,
		MaxIdleConns:          connections,
		MaxIdleConnsPerHost:   connections,
		MaxConnsPerHost:       connections,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// errRedirected marks a redirect that is not followed. A redirect to another host is
// never followed: the token would go to that host, and its answer could not be trusted.
var errRedirected = errors.New("is not followed; check base_url, login_url and the proxy")

// redirectsAtMost bounds how often one request is redirected within its host.
const redirectsAtMost = 5

func stayOnHost(next *http.Request, via []*http.Request) error {
	switch {
	case !sameHost(next.URL, via[0].URL):
		return fmt.Errorf("to another host, %s, which %w", printable(next.URL.Host, 64), errRedirected)
	case len(via) > redirectsAtMost:
		return fmt.Errorf("%d times, which %w", len(via), errRedirected)
	}
	return nil
}

// errGarbled replaces errors whose text may quote received data. net/http quotes it
// when the answers are out of step with the requests, and the data may be a billing
// profile or a token.
var errGarbled = errors.New("the answer cannot be parsed; check base_url, login_url and the proxy")

// transportCause returns the part of a transport error that may be logged: the part
// whose text comes from us, from the operating system or from TLS, and errGarbled for
// any other error.
func transportCause(err error) error {
	for _, known := range []error{context.DeadlineExceeded, errRedirected, errTooLarge, errNoRoom} {
		if errors.Is(err, known) {
			return err // an error of this package
		}
	}
	for _, find := range []func(error) error{
		as[*tls.CertificateVerificationError], as[tls.RecordHeaderError], as[tls.AlertError], as[*net.OpError], as[*net.DNSError],
	} {
		if cause := find(err); cause != nil {
			return cause
		}
	}
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF, net.ErrClosed, context.Canceled, http.ErrSchemeMismatch} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errGarbled
}

// as finds an error of a type in err.
func as[E error](err error) error {
	if found, ok := errors.AsType[E](err); ok {
		return found
	}
	return nil
}
