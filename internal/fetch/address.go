package fetch

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"

	"partnercost/internal/loopback"
)

// parseBase reads the root address of a service. It accepts plain HTTP for this machine
// only: a token must never cross a network in the clear.
func parseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("is not an address")
	case u.Scheme == "https" && u.Host != "":
	case u.Scheme == "http" && loopback.Host(u.Hostname()):
	case u.Scheme == "http":
		return nil, errors.New("must begin with https:// (http:// is allowed for loopback addresses)")
	default:
		return nil, errors.New("must be an address such as https://api.partnercenter.microsoft.com")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("must hold neither a user, a query nor a fragment")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}, nil
}

// sameHost reports whether two addresses have the same scheme, host and port.
func sameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }

// version matches the beginning of a path that already names a version of the API:
// usually "/v1", in one recording "/v1.0".
var version = regexp.MustCompile(`^/[vV]\d+(\.\d+)?(/|$)`)

// absolute matches the beginning of an address that names its host.
var absolute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// join resolves a link of an answer against the base of the API. Links are relative and
// inconsistent (API.md 4): with and without /v1, sometimes with doubled slashes. An
// absolute link must stay on the host of the base.
func join(base *url.URL, link string) (*url.URL, error) {
	if !absolute.MatchString(link) {
		link = "/" + strings.TrimLeft(link, "/") // "//v1/…" is a path with one slash too many, not a host
	}
	u, err := url.Parse(link)
	if err != nil {
		return nil, errors.New("a link in the answer is not an address")
	}
	if u.IsAbs() && !sameHost(u, base) {
		return nil, fmt.Errorf("a link in the answer leads to another host, %s, and is not followed", printable(u.Host, 64))
	}
	p := path.Clean("/" + u.Path) // collapses doubled slashes
	if under, ok := strings.CutPrefix(p, base.Path); base.Path != "" && ok && strings.HasPrefix(under, "/") {
		p = under
	}
	if !version.MatchString(p) {
		p = "/v1" + p
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path + p, RawQuery: u.RawQuery}, nil
}
