package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"partnercost/internal/partnersim"
)

// A sign-in that is stored in the database serves every process, and is in no file.
func TestSignInIntoTheDatabase(t *testing.T) {
	t.Parallel()
	s := signInSite(t, partnersim.Options{Customers: 4, Seed: 42}, "app_user", "")
	s.collector(t, "login").want(t, 0).says(t, "stored in refresh-token")
	token := s.refreshToken(t)
	s.write(t, "seal-key", "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\n")
	s.write(t, "collector.yaml", fmt.Sprintf(`partners:
  - name: sim
    base_url: %[1]s
    auth: {tenant_id: %[2]s, client_id: %[3]s, login_url: %[1]s, refresh_token_store: database, seal_key_file: seal-key, refresh_token_file: refresh-token}
    customers: {discover: true}
    limits: {requests_per_minute: 600000}
`, s.server.URL, tenant, application))

	s.collector(t, "run").want(t, 1).says(t, "the database does not hold a refresh token yet", "collector login")
	moved := s.collector(t, "credentials", "move", "--log-level", "debug").want(t, 0).says(t, "sim: the refresh token is moved from ", " to the database.")
	if strings.Contains(moved.stdout+moved.stderr, token) {
		t.Error("the moved token is printed")
	}
	if _, err := os.Stat(filepath.Join(s.dir, "refresh-token")); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	s.collector(t, "credentials", "move").want(t, 0).says(t, "no refresh token to move")

	s.collector(t, "run").want(t, 0)
	s.collector(t, "check").want(t, 0)
	if got := s.one(t, `SELECT revision FROM collector.refresh_tokens`); got != "2" {
		t.Errorf("the token was replaced %s times, want 2: the run exchanges it, and the check shares what it got", got)
	}
	s.collector(t, "status").want(t, 0).says(t, "89 days left")
	s.collector(t, "login").want(t, 0).says(t, "stored in the database")
	s.collector(t, "run").want(t, 0)
}
