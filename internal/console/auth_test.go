package console_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"partnercost/internal/console"
)

const password = "a long enough password"

var errNoDatabase = errors.New("this test has no database")

func noDatabase(context.Context, time.Duration) (*sql.Tx, error) { return nil, errNoDatabase }

// passwordFile holds a password whose hash is quick to compare.
func passwordFile(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, append(hash, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestNewRefusesToStandOpen(t *testing.T) {
	t.Parallel()
	file := passwordFile(t, password)
	notAHash := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(notAHash, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		options console.Options
		want    string
	}{
		{"loopback", console.Options{Listen: "127.0.0.1:8080"}, ""},
		{"loopback 6", console.Options{Listen: "[::1]:8080"}, ""},
		{"loopback by name", console.Options{Listen: "localhost:8080"}, ""},
		{"loopback with a password", console.Options{Listen: "127.0.0.1:8080", PasswordFile: file}, ""},
		{"all", console.Options{Listen: ":8080"}, "collector console passwd"},
		{"all in full", console.Options{Listen: "0.0.0.0:8080", TLS: true}, "console.password_file"},
		{"a network", console.Options{Listen: "192.0.2.7:8080", PasswordFile: file}, "console.tls_cert_file"},
		{"a name", console.Options{Listen: "costs.example.com:443", PasswordFile: file}, "console.behind_proxy"},
		{"a network with TLS", console.Options{Listen: "192.0.2.7:8080", PasswordFile: file, TLS: true}, ""},
		{"a network behind a proxy", console.Options{Listen: ":8080", PasswordFile: file, BehindProxy: true}, ""},
		{"no such file", console.Options{Listen: "127.0.0.1:8080", PasswordFile: "/nonexistent/password"}, "collector console passwd"},
		{"not a hash", console.Options{Listen: "127.0.0.1:8080", PasswordFile: notAHash}, "no bcrypt hash"},
		{"no port", console.Options{Listen: "127.0.0.1"}, "not an address and a port"},
	}
	for _, test := range tests {
		test.options.Begin, test.options.Now = noDatabase, func() time.Time { return today }
		_, err := console.New(test.options)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		case err != nil && strings.Contains(err.Error(), password):
			t.Errorf("%s: the error tells the password", test.name)
		}
	}
}

// clock can be set while a handler runs.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return today.Add(time.Duration(c.at.Load())) }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }
func newHandler(t *testing.T, file string, c *clock) http.Handler {
	t.Helper()
	handler, err := console.New(console.Options{Listen: "127.0.0.1:8080", PasswordFile: file, Begin: noDatabase, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// ask returns the status of a request for a page that needs no database.
func ask(handler http.Handler, remote, password string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "http://costs.example.com/nothing", nil)
	r.RemoteAddr = remote
	if password != "" {
		r.SetBasicAuth("anybody", password)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestPasswordIsAskedFor(t *testing.T) {
	t.Parallel()
	file := passwordFile(t, password)
	handler := newHandler(t, file, &clock{})
	const here = "192.0.2.1:1000"
	if w := ask(handler, here, ""); w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("without a password: %d, %q", w.Code, w.Header().Get("WWW-Authenticate"))
	}
	if w := ask(handler, here, "a wrong password"); w.Code != http.StatusUnauthorized {
		t.Errorf("with a wrong one: %d", w.Code)
	}
	if w := ask(handler, here, password); w.Code != http.StatusNotFound {
		t.Errorf("with the right one: %d, want to get as far as 404", w.Code)
	}
	// A new password counts at once, and the old one no longer.
	if err := console.WritePassword(file, "another long password"); err != nil {
		t.Fatal(err)
	}
	if w := ask(handler, here, password); w.Code != http.StatusUnauthorized {
		t.Errorf("with the old one: %d", w.Code)
	}
	if w := ask(handler, here, "another long password"); w.Code != http.StatusNotFound {
		t.Errorf("with the new one: %d", w.Code)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if w := ask(handler, here, "another long password"); w.Code != http.StatusUnauthorized {
		t.Errorf("when the file is gone: %d", w.Code)
	}
}

func TestAttemptsAreLimited(t *testing.T) {
	t.Parallel()
	c := &clock{}
	handler := newHandler(t, passwordFile(t, password), c)
	if w := ask(handler, "192.0.2.9:1", password); w.Code != http.StatusNotFound {
		t.Fatalf("the right password: %d", w.Code)
	}
	tries := func(remote string, atMost int) int {
		for n := range atMost {
			w := ask(handler, remote, "wrong")
			if w.Code == http.StatusTooManyRequests {
				if w.Header().Get("Retry-After") == "" {
					t.Error("429 without Retry-After")
				}
				return n
			}
		}
		return atMost
	}
	if n := tries("192.0.2.1:1", 50); n != 5 {
		t.Errorf("one address had %d attempts, want 5", n)
	}
	if w := ask(handler, "192.0.2.1:2", password); w.Code != http.StatusNotFound {
		t.Errorf("whose password was good before, from another port: %d", w.Code)
	}
	if n := tries("[2001:db8::1]:1", 50); n != 5 {
		t.Errorf("a subscriber of IPv6 had %d attempts, want 5", n)
	}
	if n := tries("[2001:db8::ffff]:1", 50); n != 0 {
		t.Errorf("the same subscriber had %d more", n)
	}
	total := 0
	for _, remote := range []string{"192.0.2.11:1", "192.0.2.12:1", "192.0.2.13:1", "192.0.2.14:1"} {
		total += tries(remote, 50)
	}
	if total != 20-1-5-5 {
		t.Errorf("all others had %d attempts, want what is left of 20", total)
	}
	c.pass(12 * time.Second)
	if n := tries("192.0.2.1:1", 50); n != 1 {
		t.Errorf("after a wait one address had %d attempts, want 1", n)
	}
}

func TestLoopbackAnswersToItsOwnNamesOnly(t *testing.T) {
	t.Parallel()
	handler := newHandler(t, "", &clock{})
	for host, want := range map[string]int{
		"127.0.0.1:8080": http.StatusNotFound, "localhost:8080": http.StatusNotFound, "localhost": http.StatusNotFound, "[::1]:8080": http.StatusNotFound,
		"[::1]": http.StatusNotFound, "127.8.9.1": http.StatusNotFound,
		"rebound.example.com:8080": http.StatusMisdirectedRequest, "localhost.example.com": http.StatusMisdirectedRequest, "192.0.2.1": http.StatusMisdirectedRequest,
		"127.0.0.1.example.com": http.StatusMisdirectedRequest, "": http.StatusMisdirectedRequest,
	} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "http://x/nothing", nil)
		r.Host = host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	t.Parallel()
	handler := newHandler(t, passwordFile(t, password), &clock{})
	for _, signedIn := range []string{"", password} {
		w := ask(handler, "192.0.2.1:1", signedIn)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
}

func TestOnlyGetAndHead(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newHandler(t, "", &clock{}))
	defer server.Close()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "PROPFIND"} {
		a := fetch(t, method, server.URL+"/")
		if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
	}
	if a := fetch(t, http.MethodHead, server.URL+"/nothing"); a.status != http.StatusNotFound || a.body != "" {
		t.Errorf("HEAD: %d with %q", a.status, a.body)
	}
	if a := fetch(t, http.MethodGet, server.URL+"/"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, errNoDatabase.Error()) {
		t.Errorf("without a database: %d\n%s", a.status, a.body)
	}
}

func TestPagesHaveNothingInline(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("assets/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, forbidden := range []string{"<script", "<style", " style=", " onclick", " onload", "javascript:", "http://", "https://", "//"} {
			if strings.Contains(string(content), forbidden) {
				t.Errorf("%s has %q", file, forbidden)
			}
		}
	}
}

func TestWritePassword(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	for _, bad := range []string{"", "too short", strings.Repeat("x", 73)} {
		if err := console.WritePassword(file, bad); !errors.Is(err, console.ErrPassword) {
			t.Errorf("%q: error %v, want ErrPassword", bad, err)
		}
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Error("a bad password left a file")
	}
	for range 2 {
		if err := console.WritePassword(file, password); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := bcrypt.CompareHashAndPassword([]byte(strings.TrimSpace(string(content))), []byte(password)); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v, %v; want the file alone", left, err)
	}
}
