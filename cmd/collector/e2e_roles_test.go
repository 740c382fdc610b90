package main_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"partnercost/internal/localpg"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

// as makes every execution from now on use this login.
func (s *site) as(t *testing.T, url string) {
	t.Helper()
	s.env = append(s.env, "COLLECTOR_DATABASE_URL="+url)
}

// everyday executes whatever a collector does but migrate.
func (s *site) everyday(t *testing.T) {
	t.Helper()
	id := slices.Sorted(s.sim.CustomerIDs())[0]
	s.savedAnswers(t, map[string]string{id + "/profile.json": `{"companyName":"Example"}`})
	for _, args := range [][]string{
		{"check"},
		{"run", "--dry-run"},
		{"run"},
		{"run", "--resume"},
		{"run", "--customer", id},
		{"backfill"},
		{"backfill", "--missing"},
		{"backfill", "--replay"},
		{"backfill", "--from", "saved"},
		{"status"},
		{"report"},
		{"report", "coverage"},
		{"report", "monthly-totals"},
		{"erase", "--customer", id, "--dry-run"},
		{"erase", "--customer", id, "--company-name"},
	} {
		s.collector(t, args...).want(t, 0)
	}
	s.sim.Advance(partnersim.Step{Restate: 1, OneTimeMonths: 1, RecurringMonths: 1})
	s.collector(t, "run").want(t, 0)
}

func TestTheWriterRoleIsEnough(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 10, Seed: 71})
	s.env = append(s.env, "COLLECTOR_DATABASE_MIGRATE_URL="+s.url)
	s.collector(t, "migrate", "up").want(t, 0)
	s.as(t, pgtest.Login(t, s.url, "collector_writer"))
	s.everyday(t)

	s.configure(t, "    customers:\n      discover: true\n", "console:\n  listen: 127.0.0.1:0\n")
	s.exec(t, `UPDATE collector.runs SET started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days'`)
	s.daemon(t, "run ended")().want(t, 0) // it makes up for the missed run
	if got := s.one(t, `SELECT count(*) FILTER (WHERE kind = 'daily') || ' ' || bool_and(status = 'succeeded') FROM finance.runs`); got != "1 true" {
		t.Errorf("the runs of the writer: %v", s.query(t, runsOfAllStates))
	}

	// Without the role nothing of this works, and the schema stays as it is.
	s.as(t, pgtest.Login(t, s.url, ""))
	s.collector(t, "run").want(t, 1)
	s.as(t, pgtest.Login(t, s.url, "finance_reader"))
	s.collector(t, "run").want(t, 1)
}

// TestTheScriptForAnAdministrator needs a server of its own: roles belong to a server,
// and on that of the other tests there may be these two already.
func TestTheScriptForAnAdministrator(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// The server's account must be able to enter the directory when the test runs as root.
	for _, path := range []string{dir, dir + "/.."} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	server, err := localpg.Start(t.Context(), localpg.Options{Dir: dir})
	if errors.Is(err, localpg.ErrNoBinaries) {
		t.Skip("a server of one's own needs PostgreSQL server binaries:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := newSite(t, partnersim.Options{Customers: 5, Seed: 72})
	maintenance := server.URL("postgres")
	for _, statement := range []string{"CREATE ROLE owner LOGIN PASSWORD 'owner'", "CREATE DATABASE costs OWNER owner"} {
		if _, err := openDB(t, maintenance).ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	admin := server.URL("costs")
	owner, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	owner.User = url.UserPassword("owner", "owner")
	s.useDatabase(admin)
	s.env = append(s.env, "COLLECTOR_DATABASE_MIGRATE_URL="+owner.String())

	said := s.collector(t, "migrate", "up").want(t, 0).says(t, "an administrator runs there").stderr
	_, script, found := strings.Cut(said, "runs there:\n")
	if !found {
		t.Fatalf("no script in:\n%s", said)
	}
	for range 2 { // again is harmless
		s.exec(t, script)
	}
	s.as(t, pgtest.Login(t, admin, "collector_writer"))
	s.everyday(t)
	reader := &site{url: pgtest.Login(t, admin, "finance_reader")}
	if got := reader.one(t, `SELECT count(*) FROM finance.customers`); got != "5" {
		t.Errorf("the reader sees %s customers, want 5", got)
	}
	// Now that the roles are there, the owner needs nobody.
	if r := s.collector(t, "migrate", "up").want(t, 0); strings.Contains(r.stderr, "administrator") {
		t.Errorf("the roles are there, yet migrate up says:\n%s", r.stderr)
	}
}
