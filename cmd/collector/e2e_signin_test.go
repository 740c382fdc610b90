package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"partnercost/internal/partnersim"
)

const (
	tenant      = "11111111-2222-4333-8444-555555555555"
	application = "99999999-8888-4777-8666-555555555555"
	planted     = "planted-client-secret"
)

// signInSite returns a site whose partner signs in at the simulator.
func signInSite(t *testing.T, o partnersim.Options, mode, rest string) *site {
	t.Helper()
	o.Login.Tenant, o.Login.ClientID, o.Login.ClientSecret = tenant, application, planted
	o.Login.PollInterval = time.Second
	s := newSite(t, o)
	s.env = []string{"COLLECTOR_DATABASE_URL=" + s.url, "COLLECTOR_SIM_CLIENT_SECRET=" + planted}
	s.write(t, "collector.yaml", fmt.Sprintf(`partners:
  - name: sim
    base_url: %[1]s
    auth: {mode: %[2]s, tenant_id: %[3]s, client_id: %[4]s, login_url: %[1]s, refresh_token_file: refresh-token}
    customers: {discover: true}
    limits: {requests_per_minute: 600000}
%[5]s`, s.server.URL, mode, tenant, application, rest))
	return s
}

func (s *site) refreshToken(t *testing.T) string {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(s.dir, "refresh-token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(token))
}

func TestSignInAndRotation(t *testing.T) {
	t.Parallel()
	s := signInSite(t, partnersim.Options{Customers: 40, Seed: 3, Login: partnersim.Login{EnforceMFA: true}}, "app_user", "")
	// Before the first sign-in, a run ends at once and says what to do.
	s.collector(t, "run").want(t, 1).says(t, "collector login")

	s.collector(t, "login", "--partner", "sim", "--log-level", "debug").want(t, 0).says(t, "Open ", "Signed in", "ok    partner sim: multi-factor authentication", "ok    partner sim: line items")
	first := s.refreshToken(t)
	gateway, pushed := heard(t)
	s.collector(t, "run", "--log-level", "debug", "--push-gateway", gateway).want(t, 0)
	if got := pushed(); len(got) != 1 || !strings.Contains(got[0], "partnercost_refresh_token_age_seconds") {
		t.Errorf("pushed %q, want the age of the refresh token in it", got)
	}
	if got := s.one(t, `SELECT DISTINCT "BillingAccountId" FROM finance.focus_1_2`); got != tenant {
		t.Errorf("the billing account is %s, want the partner's tenant %s", got, tenant)
	}
	second := s.refreshToken(t)
	if first == second {
		t.Error("the refresh token was not replaced by its successor")
	}
	info, err := os.Stat(filepath.Join(s.dir, "refresh-token"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the refresh token's file has mode %v, %v, want 0600", info.Mode(), err)
	}
	s.collector(t, "status").want(t, 0).says(t, "89 days left")

	// An old token gives a warning. An expired one ends the run after a handful of requests.
	old := time.Now().Add(-80 * 24 * time.Hour)
	if err := os.Chtimes(filepath.Join(s.dir, "refresh-token"), old, old); err != nil {
		t.Fatal(err)
	}
	s.collector(t, "status").want(t, 0).says(t, "WARNING: 9 days left")
	s.collector(t, "status", "--format", "json").want(t, 0).says(t, `"refresh_token_warning": true`, `"refresh_token_days_left": 9`)
	before := s.sim.Stats().Requests
	s.sim.RevokeRefreshTokens()
	s.collector(t, "run", "--log-level", "debug").want(t, 1).says(t, "AADSTS700082", "collector login", "sign in again")
	after := s.sim.Stats().Requests
	if after["profile"] != before["profile"] || after["token"]-before["token"] > 3 {
		t.Errorf("a dead credential cost %d token and %d profile requests", after["token"]-before["token"], after["profile"]-before["profile"])
	}
}

// If the disk has no space for the next refresh token, the current one is not used up.
func TestSignInIsNotSpentOnAFullDisk(t *testing.T) {
	t.Parallel()
	s := signInSite(t, partnersim.Options{Customers: 2, Seed: 3}, "app_user", "")
	s.collector(t, "login", "--partner", "sim").want(t, 0)
	token, before := s.refreshToken(t), s.sim.Stats().Requests["token"]

	cmd, finish := s.start(t)
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `ulimit -f 0 && exec "$0" run`, binary}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	finish().want(t, 1).says(t, "the refresh token cannot be stored in refresh-token", "file too large")
	if got := s.sim.Stats().Requests["token"]; got != before || s.refreshToken(t) != token {
		t.Errorf("%d exchanges for tokens that could not be kept", got-before)
	}
	s.collector(t, "run").want(t, 0)
}

func TestAccessTokensThatExpireDuringARun(t *testing.T) {
	t.Parallel()
	s := signInSite(t, partnersim.Options{Customers: 300, Seed: 3, Latency: 5 * time.Millisecond}, "app_user", "")
	s.collector(t, "login").want(t, 0)
	cmd, finish := s.start(t, "run")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for s.sim.Stats().Customers < 100 {
		if t.Context().Err() != nil {
			t.Fatal("the run does not get on")
		}
	}
	s.sim.ExpireAccessTokens()
	finish().want(t, 0)
	if got := s.one(t, `SELECT count(*) FROM finance.customers WHERE last_collected_at IS NOT NULL`); got != "300" {
		t.Errorf("%s customers collected, want 300", got)
	}
}

func TestAnApplicationAloneIsRefusedTheCosts(t *testing.T) {
	t.Parallel()
	s := signInSite(t, partnersim.Options{Customers: 40, Seed: 3}, "app_only", "")
	s.collector(t, "run").want(t, 1).says(t, "app_user", "900329")
	// Ten refusals in a row are enough. Requests in flight meanwhile are answered too.
	if got := s.sim.Stats().Requests["summary"]; got > 10+8 {
		t.Errorf("%d requests for costs that an application alone may not read", got)
	}
	profiles := signInSite(t, partnersim.Options{Customers: 40, Seed: 3}, "app_only", "collect: {costs: false}\n")
	profiles.collector(t, "run").want(t, 0)
	if got := profiles.one(t, `SELECT count(*) FROM collector.billing_profiles`); got != "40" {
		t.Errorf("%s profiles, want 40", got)
	}
}

func TestCheckComparesTheConfiguredListWithPartnerCenters(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 4, Seed: 5})
	var ids []string
	for id := range s.sim.CustomerIDs() {
		ids = append(ids, id)
	}
	stranger := "0f0f0f0f-0000-4000-8000-00000000000f"
	s.configure(t, fmt.Sprintf("    customers:\n      ids: [%s, %s, %s]\n      exclude: [%s]\n", ids[0], ids[1], stranger, ids[2]), "")
	r := s.collector(t, "check").want(t, 0).says(t, "1 customers of Partner Center are neither configured nor excluded: "+ids[3], "1 configured customers are not in Partner Center's list: "+stranger)
	if strings.Contains(r.stdout, ids[2]) {
		t.Errorf("an excluded customer counts as missing:\n%s", r.stdout)
	}
	s.configure(t, fmt.Sprintf("    customers:\n      ids: [%s]\n", strings.Join(ids, ", ")), "")
	s.collector(t, "check").want(t, 0).says(t, "the same as Partner Center's")
}
