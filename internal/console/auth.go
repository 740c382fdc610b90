package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"

	"partnercost/internal/loopback"
)

// How often a password may be tried: by one address, and by all together, so that
// many addresses are no way around it. A successful sign-in resets the count.
const (
	triesOfOne   = 5
	triesOfAll   = 20
	nextTryOfOne = 12 * time.Second
	nextTryOfAll = 3 * time.Second
	// rememberedAddresses bounds the memory of the above.
	rememberedAddresses = 4096
)

// authenticator decides which requests are let in. Without a password the console listens
// on a loopback address only, and the name by which it was called must be one too: a page
// of somebody else's whose name suddenly means 127.0.0.1 must not read it.
type authenticator struct {
	passwordFile string
	now          func() time.Time

	// secret keys what is remembered of the last good password.
	secret []byte
	mu     sync.Mutex
	known  []byte
	all    *rate.Limiter
	of     map[netip.Prefix]*rate.Limiter
}

func newAuthenticator(o Options) (*authenticator, error) {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("console.listen: %q is not an address and a port such as 127.0.0.1:8080", o.Listen)
	}
	if !loopback.Host(host) {
		if o.PasswordFile == "" {
			return nil, fmt.Errorf("console.listen: %s can be reached from other machines and asks for no password: "+
				"write a password file with collector console passwd and name it in console.password_file, or listen on 127.0.0.1", o.Listen)
		}
		if !o.TLS && !o.BehindProxy {
			return nil, fmt.Errorf("console.listen: %s can be reached from other machines, and without HTTPS others can read the password: "+
				"set console.tls_cert_file and console.tls_key_file, or put a reverse proxy in front and set console.behind_proxy, or listen on 127.0.0.1", o.Listen)
		}
	}
	a := &authenticator{
		passwordFile: o.PasswordFile, now: o.Now, secret: []byte(rand.Text()),
		all: rate.NewLimiter(rate.Every(nextTryOfAll), triesOfAll), of: map[netip.Prefix]*rate.Limiter{},
	}
	if o.PasswordFile != "" {
		if _, err := a.hash(); err != nil {
			return nil, fmt.Errorf("console.password_file: %w", err)
		}
	}
	return a, nil
}

// hash reads the password file anew each time, so that a new password counts at once
// and the old one no longer.
func (a *authenticator) hash() ([]byte, error) {
	content, err := os.ReadFile(a.passwordFile)
	if err != nil {
		return nil, fmt.Errorf("%w; write it with collector console passwd", err)
	}
	hash := []byte(strings.TrimSpace(string(content)))
	if _, err := bcrypt.Cost(hash); err != nil {
		return nil, fmt.Errorf("%s holds no bcrypt hash; write it with collector console passwd", a.passwordFile)
	}
	return hash, nil
}

// refusal is why somebody does not come in.
type refusal struct {
	status int
	text   string
}

var errTooMany = errors.New("too many attempts")

// refuses returns why a request may not be answered; nil lets it in.
func (a *authenticator) refuses(r *http.Request) *refusal {
	if a.passwordFile == "" {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !loopback.Host(host) {
			return &refusal{http.StatusMisdirectedRequest, "Open the console at the address on which it listens, such as 127.0.0.1 or localhost. " +
				"Behind a reverse proxy, configure the proxy to send this address as the Host, or set console.password_file."}
		}
		return nil
	}
	_, password, given := r.BasicAuth()
	if !given {
		return &refusal{http.StatusUnauthorized, "The console needs its password. Any user name is accepted."}
	}
	switch err := a.check(r.RemoteAddr, password); {
	case errors.Is(err, errTooMany):
		return &refusal{http.StatusTooManyRequests, "Too many wrong passwords. Try again in a minute."}
	case err != nil:
		return &refusal{http.StatusUnauthorized, "The password is wrong."}
	}
	return nil
}

// check compares in constant time. bcrypt is slow on purpose, and a browser sends the
// password with each request: the last good one is remembered by a keyed hash.
func (a *authenticator) check(remote, password string) error {
	hash, err := a.hash()
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, a.secret)
	mac.Write(hash)
	mac.Write([]byte{0})
	mac.Write([]byte(password))
	sum := mac.Sum(nil)

	a.mu.Lock()
	known := hmac.Equal(sum, a.known)
	allowed := known || a.allowed(remote)
	a.mu.Unlock()
	switch {
	case known:
		return nil
	case !allowed:
		return errTooMany
	}
	if err := bcrypt.CompareHashAndPassword(hash, []byte(password)); err != nil {
		return err
	}
	a.mu.Lock()
	a.known = sum
	a.mu.Unlock()
	return nil
}

// allowed counts an attempt. The caller holds the lock.
func (a *authenticator) allowed(remote string) bool {
	now := a.now()
	if len(a.of) >= rememberedAddresses {
		clear(a.of) // the bound on all stays
	}
	from := neighbours(remote)
	if a.of[from] == nil {
		a.of[from] = rate.NewLimiter(rate.Every(nextTryOfOne), triesOfOne)
	}
	return a.of[from].AllowN(now, 1) && a.all.AllowN(now, 1)
}

// neighbours are the addresses that count as one: of IPv6, a subscriber has 2^64.
func neighbours(remote string) netip.Prefix {
	address, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip := address.Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.Prefix(bits) // both numbers fit
	return prefix
}
