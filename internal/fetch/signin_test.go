package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
	"partnercost/internal/partnersim"
)

// platform is an identity platform for tests that records the requests.
type platform struct {
	mu     sync.Mutex
	forms  []url.Values
	answer http.HandlerFunc
}

func newPlatform(t *testing.T, answer http.HandlerFunc) (*platform, fetch.SignIn) {
	t.Helper()
	p := &platform{answer: answer}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, fetch.SignIn{
		LoginURL: server.URL, TenantID: "tenant", ClientID: "client", ClientSecret: "planted-secret", Scope: "res/user_impersonation",
		Rand: func() float64 { return 0 },
	}
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	p.forms = append(p.forms, r.PostForm)
	p.mu.Unlock()
	if r.URL.Path != "/tenant/oauth2/v2.0/token" && !strings.HasSuffix(r.URL.Path, "devicecode") {
		http.NotFound(w, r)
		return
	}
	p.answer(w, r)
}

// all returns the requests so far.
func (p *platform) all() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.forms)
}

// issues answers with numbered tokens, with the given life as written.
func issues(life string) http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n++
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":%s,"access_token":"access-%d","refresh_token":"refresh-%d"}`, life, n, n)
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func TestRefreshTokenIsRotated(t *testing.T) {
	t.Parallel()

	for _, life := range []string{`3599`, `"3599"`} {
		p, signIn := newPlatform(t, issues(life))
		file := filepath.Join(t.TempDir(), "token")
		source, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(file), " seed\n")
		if err != nil {
			t.Fatal(err)
		}
		// Many callers need a token; one request is made.
		var group errgroup.Group
		for range 20 {
			group.Go(func() error {
				token, err := source.Token(t.Context())
				if err == nil && token != "access-1" {
					err = errors.New(token)
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if content(t, file) != "refresh-1" {
			t.Errorf("%q is kept", content(t, file))
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		// Many callers are refused; again one request is made.
		for range 20 {
			group.Go(func() error {
				token, err := source.Refresh(t.Context(), "access-1")
				if err == nil && token != "access-2" {
					err = errors.New(token)
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		// Another process, a new one, begins where the file is, and not with the seed.
		other, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(file), "seed")
		if err != nil {
			t.Fatal(err)
		}
		if token, err := other.Token(t.Context()); err != nil || token != "access-3" {
			t.Errorf("%s, %v", token, err)
		}
		var used []string
		for _, form := range p.all() {
			used = append(used, form.Get("grant_type")+" "+form.Get("refresh_token")+" "+form.Get("client_id")+" "+form.Get("client_secret")+" "+form.Get("scope"))
		}
		same := " client planted-secret res/user_impersonation offline_access"
		if diff := cmp.Diff([]string{"refresh_token seed" + same, "refresh_token refresh-1" + same, "refresh_token refresh-2" + same}, used); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		left, err := os.ReadDir(filepath.Dir(file))
		if err != nil || len(left) != 2 { // the token and its lock
			t.Errorf("%v, %v", left, err)
		}
	}
}

func TestRefreshTokenSurvivesTwoProcesses(t *testing.T) {
	t.Parallel()

	// This platform accepts only the newest refresh token, more strictly than the real one.
	var mu sync.Mutex
	newest := 0
	_, signIn := newPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.PostForm.Get("refresh_token") != fmt.Sprint("r", newest) {
			says(400, `{"error":"invalid_grant","error_codes":[50173]}`)(w, r)
			return
		}
		newest++
		says(200, fmt.Sprintf(`{"access_token":"a%d","refresh_token":"r%d","expires_in":3600}`, newest, newest))(w, r)
	})
	file := filepath.Join(t.TempDir(), "token")
	var group errgroup.Group
	for range 8 {
		group.Go(func() error { // each with a lock of its own, as a process has
			source, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(file), "r0")
			if err != nil {
				return err
			}
			token, err := source.Token(t.Context())
			if err != nil {
				return err
			}
			_, err = source.Refresh(t.Context(), token)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, file); got != "r16" {
		t.Errorf("%s is kept, want r16", got)
	}
}

func TestSignInFailures(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("ada@contoso.example planted-refresh ", 5)
	tests := []struct {
		name     string
		answer   http.HandlerFunc
		class    billing.FailureClass
		code     string
		requests int
		words    []string
	}{
		{name: "expired", answer: says(400, `{"error":"invalid_grant","error_description":"AADSTS700082: `+long+`","error_codes":[700082]}`), class: billing.CredentialFailure, code: "AADSTS700082", requests: 1, words: []string{"90 days", "collector login"}},
		{name: "MFA, only in prose", answer: says(400, `{"error":"invalid_grant","error_description":"AADSTS50076: `+long+`"}`), class: billing.CredentialFailure, code: "AADSTS50076", requests: 1, words: []string{"multi-factor"}},
		{name: "a code nobody knows", answer: says(401, `{"error":"invalid_grant","error_description":"AADSTS99999: `+long+`"}`), class: billing.CredentialFailure, code: "AADSTS99999", requests: 1, words: []string{"no longer accepted"}},
		{name: "secret", answer: says(401, `{"error":"invalid_client","error_codes":[7000222]}`), class: billing.CredentialFailure, code: "AADSTS7000222", requests: 1, words: []string{"secret has expired"}},
		{name: "tenant", answer: says(400, `{"error":"invalid_request","error_codes":[90002]}`), class: billing.ConfigurationFailure, code: "AADSTS90002", requests: 1, words: []string{"tenant_id"}},
		{name: "not the platform", answer: says(404, `<html>`+long), class: billing.ConfigurationFailure, requests: 1, words: []string{"login_url"}},
		{name: "trouble", answer: says(503, long), class: billing.CredentialFailure, requests: 4, words: []string{"try again later"}},
		{name: "resets", answer: hangUp, class: billing.CredentialFailure, requests: 4, words: []string{"cannot be reached"}},
		{name: "elsewhere", answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example", http.StatusTemporaryRedirect)
		}, class: billing.ConfigurationFailure, requests: 1, words: []string{"elsewhere.example"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, signIn := newPlatform(t, test.answer)
			source, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(filepath.Join(t.TempDir(), "token")), "planted-refresh")
			if err != nil {
				t.Fatal(err)
			}
			for range 3 { // later callers receive the same answer, without a request
				_, err = source.Token(t.Context())
				checkFailure(t, err, test.class, test.code, test.words...)
			}
			if said := fmt.Sprintf("%v %+v", err, err); strings.Contains(said, "planted") || strings.Contains(said, "ada@") {
				t.Errorf("a secret stands in %q", said)
			}
			if len(p.all()) != test.requests {
				t.Errorf("%d requests, want %d", len(p.all()), test.requests)
			}
		})
	}
}

func TestSignInRecoversFromTrouble(t *testing.T) {
	t.Parallel()

	_, signIn := newPlatform(t, inTurn(says(500, ""), hangUp, issues("3600")))
	signIn.Scope = "res/.default"
	source, err := fetch.NewAppOnlySource(signIn)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := source.Token(t.Context()); err != nil || token != "access-1" {
		t.Errorf("%s, %v", token, err)
	}
}

func TestAppOnlySource(t *testing.T) {
	t.Parallel()

	p, signIn := newPlatform(t, issues("3600"))
	signIn.Scope = "res/.default"
	source, err := fetch.NewAppOnlySource(signIn)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := source.Token(t.Context()); err != nil || token != "access-1" {
		t.Errorf("%s, %v", token, err)
	}
	want := url.Values{"grant_type": {"client_credentials"}, "client_id": {"client"}, "client_secret": {"planted-secret"}, "scope": {"res/.default"}}
	if diff := cmp.Diff([]url.Values{want}, p.all()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestRefreshTokenFileTrouble(t *testing.T) {
	t.Parallel()

	p, signIn := newPlatform(t, issues("3600"))
	token := func(file, seed string) error {
		source, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(file), seed)
		if err != nil {
			return err
		}
		_, err = source.Token(t.Context())
		return err
	}
	checkFailure(t, token(filepath.Join(t.TempDir(), "token"), ""), billing.CredentialFailure, "", "collector login")
	checkFailure(t, token(filepath.Join(t.TempDir(), "no folder", "token"), "seed"), billing.ConfigurationFailure, "", "cannot be stored")
	checkFailure(t, token(t.TempDir(), "seed"), billing.ConfigurationFailure, "", "cannot be stored")
	if len(p.all()) != 0 {
		t.Errorf("%d requests with a token that could not be kept", len(p.all()))
	}

	// A link stays a link.
	folder := t.TempDir()
	link, target := filepath.Join(folder, "link"), filepath.Join(folder, "target")
	if err := os.WriteFile(target, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := token(link, ""); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || content(t, target) != "refresh-1" {
		t.Errorf("%v, %v, %q", info.Mode(), err, content(t, target))
	}
}

// Using the old token invalidates it, so no exchange begins before the new token is
// known to be storable. The file's name is so long that its directory has room for the
// lock but not for a new file beside it.
func TestNoExchangeWithoutAPlaceForTheNewToken(t *testing.T) {
	t.Parallel()

	p, signIn := newPlatform(t, issues("3600"))
	file := filepath.Join(t.TempDir(), strings.Repeat("x", 255-len(".lock")))
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(file), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.Token(t.Context())
	checkFailure(t, err, billing.ConfigurationFailure, "", "cannot be stored")
	err = fetch.DeviceLogin(t.Context(), signIn, fetch.TokenFile(file), func(string, string) { t.Error("a user was asked to sign in") })
	checkFailure(t, err, billing.ConfigurationFailure, "", "cannot be stored")
	if len(p.all()) != 0 || content(t, file) != "old" {
		t.Errorf("%d requests; %q is kept", len(p.all()), content(t, file))
	}
}

// Two names of one file share one lock.
func TestLockIsThatOfTheFileALinkLeadsTo(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()
	file, link := filepath.Join(folder, "token"), filepath.Join(folder, "link")
	if err := os.Symlink("token", link); err != nil {
		t.Fatal(err)
	}
	asked, answer := make(chan struct{}, 2), make(chan struct{})
	issue := issues("3600")
	p, signIn := newPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-answer
		issue(w, r)
	})
	first, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(file), "seed")
	if err != nil {
		t.Fatal(err)
	}
	second, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(link), "seed")
	if err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.Go(func() error {
		_, err := first.Token(t.Context())
		return err
	})
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := second.Token(ctx); !errors.Is(err, context.DeadlineExceeded) || len(p.all()) != 1 {
		t.Errorf("by its other name the token was used meanwhile: %v, %d requests", err, len(p.all()))
	}
	close(answer)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestLockIsWaitedForWithAContext(t *testing.T) {
	t.Parallel()

	_, signIn := newPlatform(t, issues("3600"))
	file := filepath.Join(t.TempDir(), "token")
	held, err := os.Create(file + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	source, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(file), "seed")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := source.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(t.Context()); err != nil {
		t.Error(err)
	}
}

// inMemory is a platform without a network, for waits that take no time.
type inMemory func(form url.Values) (status int, body string)

func (p inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	status, answer := p(form)
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: r,
	}, nil
}

func TestTokenIsRenewedEarly(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		n, down := 0, false
		source, err := fetch.NewAppOnlySource(fetch.SignIn{
			LoginURL: "https://login.example", TenantID: "t", ClientID: "c", Scope: "s",
			Transport: inMemory(func(url.Values) (int, string) {
				if n++; down {
					return 503, ""
				}
				return 200, fmt.Sprintf(`{"access_token":"a%d","expires_in":3600}`, n)
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		expect := func(want string) {
			t.Helper()
			if token, err := source.Token(t.Context()); err != nil || token != want {
				t.Errorf("%s, %v, want %s", token, err, want)
			}
		}
		expect("a1")
		time.Sleep(54 * time.Minute)
		expect("a1")
		time.Sleep(2 * time.Minute)
		expect("a2")
		// While the platform is down, a token is used until its end.
		down = true
		time.Sleep(56 * time.Minute)
		expect("a2")
		asked := n
		expect("a2")
		if n != asked {
			t.Error("the platform is asked again at once")
		}
		time.Sleep(5 * time.Minute)
		_, err = source.Token(t.Context())
		checkFailure(t, err, billing.CredentialFailure, "", "try again later")
		down = false
		time.Sleep(2 * time.Minute)
		if _, err := source.Token(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestDeviceLogin(t *testing.T) {
	t.Parallel()

	sim := partnersim.New(partnersim.Options{Login: partnersim.Login{PollInterval: time.Second, ApprovePolls: 1}})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "token")
	signIn := fetch.SignIn{LoginURL: server.URL, TenantID: "t", ClientID: "c", Scope: "https://api.partnercenter.microsoft.com/user_impersonation"}
	shown := ""
	err := fetch.DeviceLogin(t.Context(), signIn, fetch.TokenFile(file), func(address, code string) { shown = address + " " + code })
	if err != nil || !strings.Contains(shown, "/simulator/approve ") {
		t.Fatalf("%v, shown %q", err, shown)
	}
	source, err := fetch.NewRefreshTokenSource(signIn, fetch.TokenFile(file), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDeviceLoginFailures(t *testing.T) {
	t.Parallel()

	for refusal, want := range map[string]string{
		`{"error":"expired_token"}`:                           "the code expired",
		`{"error":"authorization_declined"}`:                  "was declined",
		`{"error":"invalid_client","error_codes":[7000218]}`:  "auth.client_secret_file",
		`{"access_token":"a","expires_in":3600}`:              "no refresh token",
		`{"error":"slow_down","error_description":"planted"}`: "the code expired",
	} {
		synctest.Test(t, func(t *testing.T) {
			err := fetch.DeviceLogin(t.Context(), fetch.SignIn{
				LoginURL: "https://login.example", TenantID: "t", ClientID: "c", Scope: "s",
				Transport: inMemory(func(form url.Values) (int, string) {
					if form.Get("device_code") == "" {
						if form.Get("scope") != "s offline_access openid" {
							t.Errorf("scope %q", form.Get("scope"))
						}
						return 200, `{"device_code":"planted","user_code":"U","verification_uri":"https://login.example/device","expires_in":900,"interval":5}`
					}
					if strings.Contains(refusal, "error") {
						return 400, refusal
					}
					return 200, refusal
				}),
			}, fetch.TokenFile(filepath.Join(t.TempDir(), "token")), func(string, string) {})
			var f *billing.Failure
			if !errors.As(err, &f) || !strings.Contains(f.Message, want) || strings.Contains(err.Error(), "planted") {
				t.Errorf("%s: %v, want %q", refusal, err, want)
			}
			time.Sleep(time.Minute) // package oauth2 leaves a body open, which ends with its timeout
		})
	}
}

func TestSignInRefusesBadSettings(t *testing.T) {
	t.Parallel()

	_, err := fetch.NewAppOnlySource(fetch.SignIn{LoginURL: "http://login.example"})
	for _, want := range []string{"login_url", "tenant_id", "client_id", "scope"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if _, err := fetch.NewRefreshTokenSource(fetch.SignIn{LoginURL: "https://l.example", TenantID: "t", ClientID: "c", Scope: "s"}, fetch.TokenFile(""), "seed"); err == nil {
		t.Error("no file is no error")
	}
}

func TestClouds(t *testing.T) {
	t.Parallel()

	for name, want := range map[string]string{
		"global": "https://api.partnercenter.microsoft.com https://login.microsoftonline.com https://api.partnercenter.microsoft.com/user_impersonation",
		"usgov":  "https://api.partnercenter.microsoft.com https://login.microsoftonline.us https://api.partnercenter.microsoft.com/user_impersonation",
		"china":  "https://partner.partnercenterapi.microsoftonline.cn https://login.partner.microsoftonline.cn https://partner.partnercenterapi.microsoftonline.cn/user_impersonation",
	} {
		c, err := fetch.CloudNamed(name)
		if got := c.BaseURL + " " + c.LoginURL + " " + c.UserScope(); err != nil || got != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		if c.AppScope() != c.Resource+"/.default" {
			t.Errorf("%s: %s", name, c.AppScope())
		}
	}
	if _, err := fetch.CloudNamed("germany"); err == nil {
		t.Error("germany is gone")
	}
}
