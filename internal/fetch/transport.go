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

// newTransport is a transport of its own for a number of connections to one host:
// HTTP/1.1, because one connection for everything would fall with everything; TLS
// 1.2 or later; proxies from the environment, which never apply to loopback.
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

// errRedirected marks a redirect that is not followed. One to another host never is:
// the token would go with it, or a stranger would answer.
var errRedirected = errors.New("is not followed; check base_url, login_url and the proxy")

// redirectsAtMost bounds how often one request is sent on within its host.
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

// errGarbled stands for errors whose words may quote what arrived. net/http does so
// when the answers are out of step with the requests, and what arrived may be a
// billing profile or a token.
var errGarbled = errors.New("the answer cannot be parsed; check base_url, login_url and the proxy")

// transportCause is the part of a transport error that is fit for a log: the part
// whose words are ours, the system's or those of TLS, and errGarbled for any other.
func transportCause(err error) error {
	for _, known := range []error{context.DeadlineExceeded, errRedirected, errTooLarge, errNoRoom} {
		if errors.Is(err, known) {
			return err // worded in this package
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
