package main_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/localpg"
	"partnercost/internal/partnersim"
)

// Follows the chapter on backups in docs/operations.md: a database is dumped, restored into
// a new server and checked. Deriving everything again from the archive changes nothing.
func TestBackupIsRestored(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 20, Seed: 41})
	// Servers and pg_dump are of one installation, because pg_dump must have the version of
	// the server.
	s.useDatabase(privateServer(t).URL("postgres"))
	s.collector(t, "migrate", "up").want(t, 0)
	s.collector(t, "run").want(t, 0)
	s.sim.Advance(partnersim.Step{Restate: 0.5})
	s.collector(t, "run").want(t, 0)
	s.sim.Advance(partnersim.Step{OneTimeMonths: 1, RecurringMonths: 1})
	s.collector(t, "run").want(t, 0)
	before, values := s.finance(t, nil), s.values(t)

	dump := filepath.Join(s.dir, "costs.dump")
	postgres(t, "pg_dump", "--format=custom", "--file="+dump, "--dbname="+s.url)
	s.useDatabase(privateServer(t).URL("postgres"))
	postgres(t, "pg_restore", "--no-owner", "--no-privileges", "--dbname="+s.url, dump)
	s.collector(t, "migrate", "up").want(t, 0)
	s.collector(t, "check").want(t, 0)
	if diff := cmp.Diff(before, s.finance(t, nil)); diff != "" {
		t.Errorf("finance (-before the backup +restored):\n%s", diff)
	}
	s.collector(t, "backfill", "--replay").want(t, 0)
	if diff := cmp.Diff(values, s.values(t)); diff != "" {
		t.Errorf("the facts (-before the backup +replayed):\n%s", diff)
	}
	if got := s.one(t, `SELECT sum(rows_changed) FROM finance.runs WHERE kind = 'replay'`); got != "0" {
		t.Errorf("the replay changed %s rows", got)
	}
	s.collector(t, "run").want(t, 0) // the next run works, with the roles of the new server
}

// privateServer starts a PostgreSQL for this test alone.
func privateServer(t *testing.T) *localpg.Server {
	t.Helper()
	server, err := localpg.Start(t.Context(), localpg.Options{})
	if errors.Is(err, localpg.ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skip("a server of its own needs its binaries:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server
}

// postgres runs a client program of the newest installation.
func postgres(t *testing.T, program string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program); len(installed) > 0 {
		path, err = installed[len(installed)-1], nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// finance returns the rows of every view of finance, in the columns that it had before.
// New columns come last.
func (s *site) finance(t *testing.T, had map[string]string) map[string][][]string {
	t.Helper()
	said := map[string][][]string{}
	for view, columns := range s.financeColumns(t) {
		if had != nil {
			columns = had[view]
		}
		if columns == "" {
			continue // the view is new
		}
		said[view] = s.query(t, `SELECT row(`+columns+`)::text FROM finance.`+view+` ORDER BY 1`)
	}
	for view := range had {
		if _, ok := said[view]; !ok {
			t.Errorf("finance.%s is gone", view)
		}
	}
	return said
}

// financeColumns returns the columns of every view of finance.
func (s *site) financeColumns(t *testing.T) map[string]string {
	t.Helper()
	columns := map[string]string{}
	for _, row := range s.query(t, `SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position)
		FROM information_schema.columns WHERE table_schema = 'finance' GROUP BY table_name`) {
		columns[row[0]] = row[1]
	}
	return columns
}
