package partnersim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"partnercost/internal/partnersim"
)

const (
	tenant   = "11111111-1111-4111-8111-111111111111"
	clientID = "22222222-2222-4222-8222-222222222222"
	audience = "https://api.partnercenter.microsoft.com"
)

// clock is a clock that only the test moves.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func startLogin(t *testing.T, change func(*partnersim.Options)) (*service, *clock) {
	t.Helper()
	time := &clock{now: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)}
	options := partnersim.Options{Customers: 5, NoCosts: -1, Clock: time.read, Login: partnersim.Login{
		Tenant: tenant, ClientID: clientID, ClientSecret: "planted-secret", RefreshToken: "planted-refresh",
	}}
	if change != nil {
		change(&options)
	}
	return start(t, options), time
}

func (s *service) token(version string, form ...string) (int, object) {
	s.t.Helper()
	values := url.Values{"client_id": {clientID}, "client_secret": {"planted-secret"}}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	return s.post("/"+tenant+"/oauth2/"+version, values)
}

func (s *service) post(path string, form url.Values) (int, object) {
	s.t.Helper()
	r := s.do(http.MethodPost, path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if r.err != nil {
		s.t.Fatal(r.err)
	}
	return r.StatusCode, decode[object](s.t, r.body)
}

// reads returns the status and code of the profile and the summary with a token.
func (s *service) reads(token string) [2]string {
	s.t.Helper()
	var got [2]string
	for i, path := range []string{"/profiles/billing", "/servicecosts/mostrecent"} {
		r := s.get("/v1/customers/"+s.ids()[0]+path, "Authorization", "Bearer "+token)
		got[i] = http.StatusText(r.StatusCode)
		if o := decode[object](s.t, r.body); o["code"] != nil {
			got[i] += " " + o["code"].(json.Number).String()
		}
	}
	return got
}

func TestTokenForms(t *testing.T) {
	t.Parallel()
	s, _ := startLogin(t, nil)
	_, first := s.token("token", "grant_type", "refresh_token", "refresh_token", "planted-refresh", "resource", audience, "scope", "openid")
	for name, want := range map[string]any{"expires_in": "3600", "ext_expires_in": "3600", "expires_on": "1788267600", "not_before": "1788264000", "resource": audience, "token_type": "Bearer", "scope": "user_impersonation"} {
		if !cmp.Equal(first[name], want) {
			t.Errorf("version 1: %s is %v, want %q", name, first[name], want)
		}
	}
	_, second := s.token("v2.0/token", "grant_type", "client_credentials", "scope", audience+"/.default")
	if !cmp.Equal(second["expires_in"], any(json.Number("3600"))) || second["refresh_token"] != nil {
		t.Errorf("version 2: %v", second)
	}
	if diff := cmp.Diff([2]string{"OK", "OK"}, s.reads(first.text("access_token"))); diff != "" {
		t.Errorf("a user reads:\n%s", diff)
	}
	if diff := cmp.Diff([2]string{"OK", "Forbidden 900329"}, s.reads(second.text("access_token"))); diff != "" {
		t.Errorf("an application reads:\n%s", diff)
	}
	_, foreign := s.token("token", "grant_type", "client_credentials", "resource", "https://graph.windows.net")
	if diff := cmp.Diff([2]string{"Unauthorized 900420", "Unauthorized 900420"}, s.reads(foreign.text("access_token"))); diff != "" {
		t.Errorf("a token for another service reads:\n%s", diff)
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	s, time := startLogin(t, nil)
	redeem := func(token string) (int, object) {
		return s.token("v2.0/token", "grant_type", "refresh_token", "refresh_token", token, "scope", audience+"/.default")
	}
	token, seen := "planted-refresh", map[string]bool{}
	for range 5 {
		seen[token] = true
		status, answer := redeem(token)
		token = answer.text("refresh_token")
		if status != http.StatusOK || seen[token] {
			t.Fatalf("%d, rotated to a token seen before: %t", status, seen[token])
		}
	}
	for old := range seen {
		if status, _ := redeem(old); status != http.StatusOK {
			t.Errorf("a token that was used is refused with %d; the service keeps it", status)
		}
	}

	time.now = time.now.AddDate(0, 0, 89)
	status, answer := redeem(token)
	if status != http.StatusOK {
		t.Fatalf("after 89 days: %d", status)
	}
	fresh := answer.text("refresh_token")
	time.now = time.now.AddDate(0, 0, 1)
	expired := func(what, token string) {
		t.Helper()
		status, answer := redeem(token)
		if status != http.StatusBadRequest || answer.text("error") != "invalid_grant" || !strings.HasPrefix(answer.text("error_description"), "AADSTS700082: ") {
			t.Errorf("%s: %d %v", what, status, answer)
		}
		for _, name := range []string{"error_codes", "timestamp", "trace_id", "correlation_id"} {
			if answer[name] == nil {
				t.Errorf("%s: the refusal lacks %s", what, name)
			}
		}
	}
	expired("a token of 90 days", token)
	if status, _ := redeem(fresh); status != http.StatusOK {
		t.Errorf("a token of yesterday: %d", status)
	}
	s.RevokeRefreshTokens()
	expired("a revoked token", fresh)
	expired("the first token, revoked", "planted-refresh")
}

func TestAccessTokensExpire(t *testing.T) {
	t.Parallel()
	s, now := startLogin(t, func(o *partnersim.Options) { o.Login.AccessTokenLifetime = time.Minute })
	issue := func() string {
		_, answer := s.token("token", "grant_type", "refresh_token", "refresh_token", "planted-refresh")
		return answer.text("access_token")
	}
	token := issue()
	now.now = now.now.Add(59 * time.Second)
	if diff := cmp.Diff([2]string{"OK", "OK"}, s.reads(token)); diff != "" {
		t.Errorf("within its minute:\n%s", diff)
	}
	now.now = now.now.Add(time.Second)
	dead := [2]string{"Unauthorized", "Unauthorized"}
	if diff := cmp.Diff(dead, s.reads(token)); diff != "" {
		t.Errorf("after its minute:\n%s", diff)
	}
	token = issue()
	s.ExpireAccessTokens()
	if diff := cmp.Diff(dead, s.reads(token)); diff != "" {
		t.Errorf("expired by hand:\n%s", diff)
	}
	if diff := cmp.Diff([2]string{"OK", "OK"}, s.reads(issue())); diff != "" {
		t.Errorf("the next:\n%s", diff)
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	s, _ := startLogin(t, nil)
	good := []string{"grant_type", "client_credentials", "resource", audience}
	for name, tt := range map[string]struct {
		form   []string
		status int
		kind   string
		code   string
	}{
		"wrong secret":    {append([]string{"client_secret", "x"}, good...), 401, "invalid_client", "7000215"},
		"wrong client":    {append([]string{"client_id", tenant}, good...), 400, "unauthorized_client", "700016"},
		"no client":       {append([]string{"client_id", ""}, good...), 400, "invalid_request", "900144"},
		"unknown grant":   {[]string{"grant_type", "password"}, 400, "unsupported_grant_type", "70003"},
		"bad refresh":     {[]string{"grant_type", "refresh_token", "refresh_token", "x"}, 400, "invalid_grant", "9002313"},
		"bad device code": {[]string{"grant_type", "device_code", "code", "x"}, 400, "invalid_grant", "70000"},
	} {
		status, answer := s.token("token", tt.form...)
		codes, _ := answer["error_codes"].([]any)
		if status != tt.status || answer.text("error") != tt.kind || len(codes) != 1 || codes[0] != any(json.Number(tt.code)) {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	if status, answer := s.post("/contoso/oauth2/token", url.Values{"client_id": {clientID}}); status != 400 || answer.text("error") != "invalid_request" {
		t.Errorf("another tenant: %d %v", status, answer)
	}
}

func TestMFA(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		without, enforce bool
		compliant        string
		status           int
	}{
		"present":                  {false, true, "true", 200},
		"missing, not yet refused": {true, false, "false", 200},
		"missing":                  {true, true, "false", 401},
	} {
		s, _ := startLogin(t, func(o *partnersim.Options) { o.Login.WithoutMFA, o.Login.EnforceMFA = tt.without, tt.enforce })
		r := s.get("/v1/customers", "ValidateMfa", "true")
		if r.StatusCode != tt.status || r.Header.Get("isMfaCompliant") != tt.compliant {
			t.Errorf("%s: %d, compliant %q", name, r.StatusCode, r.Header.Get("isMfaCompliant"))
		}
		if r.StatusCode == http.StatusUnauthorized {
			if code := decodeCode(t, r.body); code != "900421" {
				t.Errorf("%s: code %s", name, code)
			}
		}
		if r := s.get("/v1/customers"); r.Header.Get("isMfaCompliant") != "" {
			t.Errorf("%s: told without being asked", name)
		}
		if _, app := s.token("v2.0/token", "grant_type", "client_credentials", "scope", audience+"/.default"); s.get("/v1/customers", "Authorization", "Bearer "+app.text("access_token")).StatusCode != http.StatusOK {
			t.Errorf("%s: an application is refused for want of a human factor", name)
		}
	}
}

func TestDeviceSignIn(t *testing.T) {
	t.Parallel()
	s, now := startLogin(t, func(o *partnersim.Options) { o.Login.ApprovePolls, o.Login.PollInterval = -1, time.Second })
	begin := func(scope string) object {
		status, answer := s.post("/"+tenant+"/oauth2/v2.0/devicecode", url.Values{"client_id": {clientID}, "scope": {scope}})
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, answer)
		}
		return answer
	}
	poll := func(device object) (int, object) {
		return s.post("/"+tenant+"/oauth2/v2.0/token", url.Values{
			"client_id": {clientID}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {device.text("device_code")},
		})
	}
	approve := func(query string) int {
		return s.do(http.MethodPost, "/simulator/approve"+query, "").StatusCode
	}
	device := begin(audience + "/user_impersonation offline_access")
	if device.text("user_code") == "" || device["interval"] != any(json.Number("1")) || device["expires_in"] != any(json.Number("900")) || !strings.Contains(device.text("message"), device.text("user_code")) {
		t.Errorf("device code answer %v", device)
	}
	for range 3 {
		if status, answer := poll(device); status != 400 || answer.text("error") != "authorization_pending" {
			t.Fatalf("before approval: %d %v", status, answer)
		}
	}
	if help := s.get(strings.TrimPrefix(device.text("verification_uri"), s.server.URL)); !strings.Contains(string(help.body), "user_code") {
		t.Errorf("the address says %s", help.body)
	}
	if got := approve("?user_code=NOBODY"); got != http.StatusNotFound {
		t.Errorf("approving an unknown code: %d", got)
	}
	if got := approve("?user_code=" + device.text("user_code")); got != http.StatusOK {
		t.Errorf("approving: %d", got)
	}
	status, answer := poll(device)
	if status != http.StatusOK || answer.text("refresh_token") == "" {
		t.Fatalf("after approval: %d %v", status, answer)
	}
	if diff := cmp.Diff([2]string{"OK", "OK"}, s.reads(answer.text("access_token"))); diff != "" {
		t.Errorf("after signing in:\n%s", diff)
	}
	if status, _ := poll(device); status != http.StatusBadRequest {
		t.Errorf("a code worked twice")
	}

	online := begin(audience + "/user_impersonation")
	approve("")
	if _, answer := poll(online); answer.text("access_token") == "" || answer["refresh_token"] != nil {
		t.Errorf("without offline_access: %v", answer)
	}

	late := begin(audience + "/user_impersonation offline_access")
	now.now = now.now.Add(15 * time.Minute)
	if status, answer := poll(late); status != 400 || answer.text("error") != "expired_token" {
		t.Errorf("too late: %d %v", status, answer)
	}
}

// The flow as an ordinary OAuth library performs it. The library tries both ways of
// sending the secret.
func TestOAuthLibrary(t *testing.T) {
	t.Parallel()
	s, now := startLogin(t, func(o *partnersim.Options) { o.Login.PollInterval = time.Second })
	now.now = time.Now() // the library compares with the real time
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInParams, oauth2.AuthStyleInHeader} {
		config := oauth2.Config{ClientID: clientID, ClientSecret: "planted-secret", Endpoint: oauth2.Endpoint{TokenURL: s.server.URL + "/" + tenant + "/oauth2/token", AuthStyle: style}}
		token, err := config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: "planted-refresh"}).Token()
		if err != nil || token.RefreshToken == "planted-refresh" || !token.Valid() {
			t.Errorf("style %d: %v", style, err)
		}
	}
}
