package main_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"partnercost/internal/localpg"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

// everyday executes all commands of a collector except migrate.
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
	s.daemon(t, "run ended")().want(t, 0) // it catches up on the missed run
	if got := s.one(t, `SELECT count(*) FILTER (WHERE kind = 'daily') || ' ' || bool_and(status = 'succeeded') FROM finance.runs`); got != "1 true" {
		t.Errorf("the runs of the writer: %v", s.query(t, runsOfAllStates))
	}

	// Without the role none of this works, and the schema is unchanged.
	s.as(t, pgtest.Login(t, s.url, ""))
	s.collector(t, "run").want(t, 1)
	s.as(t, pgtest.Login(t, s.url, "finance_reader"))
	s.collector(t, "run").want(t, 1)
	s.exec(t, `GRANT SELECT ON public.collector_schema_migrations TO PUBLIC`)
	s.collector(t, "check").want(t, 1).says(t, "FAIL  rights in the database", "GRANT collector_writer TO")
}

// The commands that read need a login that is finance_reader or may become it, and the
// variable with the URL of the database. They need no other right and no configuration
// file.
func TestTheReaderRoleIsEnoughToRead(t *testing.T) {
	t.Parallel()
	s, customer, month := restatedSite(t, 73)
	owner := s.url
	s.exec(t, `UPDATE collector.billing_profiles SET company_name = '`+hostileName+`'`)
	if err := os.Remove(s.dir + "/collector.yaml"); err != nil {
		t.Fatal(err)
	}
	may := pgtest.Login(t, owner, "")
	u, err := url.Parse(may)
	if err != nil {
		t.Fatal(err)
	}
	s.exec(t, `ALTER ROLE `+u.User.Username()+` NOINHERIT; GRANT finance_reader TO `+u.User.Username())
	for who, login := range map[string]string{"is": pgtest.Login(t, owner, "finance_reader"), "may become": may} {
		t.Logf("the login %s finance_reader", who)
		s.as(t, login)
		s.collector(t, "report").want(t, 0).says(t, "monthly-totals")
		s.collector(t, "migrate", "status").want(t, 1).says(t, "database.migrate_url")
		for _, format := range []string{"table", "csv", "json"} {
			for _, report := range []string{"costs-by-customer", "coverage", "findings", "line-items", "monthly-totals", "restatements", "runs", "top-movers"} {
				s.collector(t, "report", report, "--format", format).want(t, 0)
			}
			s.collector(t, "report", "costs-by-customer", "--format", format).says(t, customer)
		}
		for _, format := range []string{"focus-csv", "csv", "json", "parquet"} {
			if got := s.collector(t, "export", "--format", format, "--period", month, "--partner", "sim").want(t, 0); got.stdout == "" || got.stderr != "" {
				t.Errorf("export as %s is %d bytes, and says %q", format, len(got.stdout), got.stderr)
			}
		}
		var status struct {
			Runs, Partners []map[string]any
			SignIns        []any `json:"sign_ins"`
		}
		decode(t, s.collector(t, "status", "--format", "json").want(t, 0).stdout, &status)
		if len(status.Runs) != 2 || len(status.Partners) != 1 || status.SignIns == nil || len(status.SignIns) != 0 {
			t.Errorf("status %+v, want two runs, one partner, and nothing of sign-ins", status)
		}
		if text := s.collector(t, "status").want(t, 0).says(t, "sim", "succeeded").stdout; strings.Contains(text, "REFRESH TOKEN") {
			t.Errorf("status knows no sign-in, yet says\n%s", text)
		}
		e := s.explain(t, "--customer", customer, "--period", month)
		if len(e.Costs) == 0 || len(e.Bodies) == 0 {
			t.Errorf("explain finds %+v", e)
		}
		raw := s.collector(t, "explain", "--customer", customer, "--period", month, "--raw").want(t, 1).says(t, "no right to read answers")
		if raw.stdout != "" {
			t.Errorf("explain --raw printed\n%s", raw.stdout)
		}
		s.collector(t, "run").want(t, 2)
	}
	s.as(t, pgtest.Login(t, owner, ""))
	s.collector(t, "report", "coverage").want(t, 1).says(t, "GRANT finance_reader")
	s.as(t, "")
	s.collector(t, "report", "coverage").want(t, 2).says(t, "COLLECTOR_DATABASE_URL")
	s.as(t, owner)
	s.collector(t, "report", "coverage", "--config", "typo.yaml").want(t, 2).says(t, "typo.yaml")
	s.collector(t, "migrate", "status").want(t, 0).says(t, "this program needs")
	s.write(t, "collector.yaml", "retention:\n  runs: 48h\n")
	s.collector(t, "report", "coverage").want(t, 0)
	s.collector(t, "run").want(t, 2).says(t, "must have at least one partner")
}

// hostileName is a company name that sets the title of a terminal, clears it, and reverses
// the text after it.
const hostileName = "Evil\x1b]0;owned\a\x1b[2J\u009b31m\u202emoc"

func TestNoNameReachesTheTerminalAsACommand(t *testing.T) {
	t.Parallel()
	s, customer, month := restatedSite(t, 74)
	id := slices.Sorted(s.sim.CustomerIDs())[0]
	s.exec(t, `UPDATE collector.billing_profiles SET company_name = '`+hostileName+`'`)
	s.exec(t, `UPDATE collector.cost_details SET invoice_type = '`+hostileName+`', currency_code = E'\x1b[H' WHERE customer_key = (SELECT customer_key FROM collector.customers WHERE customer_id = '`+customer+`')`)
	s.exec(t, `UPDATE collector.line_items SET offer_name = '`+hostileName+`', charge_type = '`+hostileName+`'`)
	s.exec(t, `UPDATE collector.runs SET error = '`+hostileName+`'`)
	s.savedAnswers(t, map[string]string{id + "/profile.json": `{"companyName":"Example"}`, "evil\x1b[2J/profile.json": `{}`})
	for _, args := range [][]string{
		{"report", "costs-by-customer"},
		{"report", "line-items"},
		{"report", "runs"},
		{"explain", "--customer", customer, "--period", month},
		{"status"},
		{"run", "--dry-run"},
		{"run"},
		{"backfill", "--replay"},
		{"backfill", "--from", "saved"},
	} {
		got := s.collector(t, args...)
		for _, r := range got.stdout + got.stderr {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
				t.Errorf("%v prints %U:\n%q", args, r, got.stdout+got.stderr)
				break
			}
		}
	}
	for _, args := range [][]string{{"report", "costs-by-customer", "--format", "csv"}, {"export", "--format", "csv", "--period", month}} {
		s.collector(t, args...).want(t, 0).says(t, hostileName)
	}
}

// TestTheScriptForAnAdministrator needs a server of its own, because roles belong to a
// server, and that of the other tests may already have them.
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

	// Standard output is pure SQL: it can be redirected to a file and run.
	script := s.collector(t, "migrate", "up").want(t, 0).says(t, "An administrator has to run in this database").stdout
	for range 2 { // running it again is harmless
		s.exec(t, script)
	}
	s.as(t, pgtest.Login(t, admin, "collector_writer"))
	s.everyday(t)
	reader := &site{url: pgtest.Login(t, admin, "finance_reader")}
	if got := reader.one(t, `SELECT count(*) FROM finance.customers`); got != "5" {
		t.Errorf("the reader sees %s customers, want 5", got)
	}
	// When the roles exist, the owner can grant them.
	if r := s.collector(t, "migrate", "up").want(t, 0); strings.Contains(r.stderr, "administrator") {
		t.Errorf("the roles are there, yet migrate up says:\n%s", r.stderr)
	}
}
