package main_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

var updateRelease = flag.Bool("update-release", false, "write testdata/release.copy from the schema of this program: when a release is made")

// released is a database that the last release filled: the tables of the schema collector
// in the format of COPY. The first line is the schema version.
const released = "testdata/release.copy"

// mayDiffer are the views whose rows a migration changes, and why. The changelog tells
// finance about them.
var mayDiffer = map[string]string{}

// This program migrates a database of the last release. The rows of the views of finance
// do not change.
func TestUpgradeKeepsWhatFinanceSees(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 6, Seed: 51})
	if *updateRelease {
		for _, step := range []partnersim.Step{{}, {Restate: 0.5}, {OneTimeMonths: 1, RecurringMonths: 1}, {Restate: 0.3, OneTimeMonths: 1}} {
			s.sim.Advance(step)
			s.collector(t, "run").want(t, 0)
		}
		s.keepRelease(t)
	}
	content, err := os.ReadFile(released)
	if err != nil {
		t.Fatal(err)
	}
	header, tables, _ := strings.Cut(string(content), "\n")
	version, err := strconv.Atoi(strings.TrimPrefix(header, "schema version "))
	if err != nil {
		t.Fatal(err)
	}

	s.useDatabase(pgtest.NewEmpty(t))
	s.collector(t, "migrate", "up").want(t, 0)
	newest, err := strconv.Atoi(s.one(t, `SELECT version FROM public.collector_schema_migrations`))
	if err != nil {
		t.Fatal(err)
	}
	if newest > version {
		migrator, err := persist.OpenMigrator(t.Context(), s.url)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(migrator.Down(t.Context(), newest-version, true), migrator.Close()); err != nil {
			t.Fatal(err)
		}
	}
	s.fill(t, tables)
	had := s.financeColumns(t)
	before := s.finance(t, had)
	if len(before["costs"]) == 0 || len(before["cost_changes"]) == 0 || len(before["line_items"]) == 0 {
		t.Fatal("the release stored nothing that could be compared")
	}

	s.collector(t, "migrate", "up").want(t, 0)
	after := s.finance(t, had)
	for view, why := range mayDiffer {
		if why == "" || before[view] == nil {
			t.Errorf("mayDiffer: finance.%s has no reason, or the release did not have it", view)
		}
		delete(before, view)
		delete(after, view)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("finance (-release +migrated):\n%s", diff)
	}

	// A replay derives the same rows from the archive as the release did.
	s.collector(t, "backfill", "--replay").want(t, 0)
	if got := s.one(t, `SELECT sum(rows_changed) FROM finance.runs WHERE kind = 'replay'`); got != "0" {
		t.Errorf("a replay changes %s rows of what the release stored", got)
	}
}

// storedTables returns the tables of the schema collector, each with its columns that are
// not generated.
func (s *site) storedTables(t *testing.T) [][]string {
	t.Helper()
	return s.query(t, `SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position)
		FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
		WHERE table_schema = 'collector' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER' GROUP BY 1 ORDER BY 1`)
}

// keepRelease writes the fixture.
func (s *site) keepRelease(t *testing.T) {
	t.Helper()
	conn := connect(t, s.url)
	var b bytes.Buffer
	fmt.Fprintf(&b, "schema version %s\n", s.one(t, `SELECT version FROM public.collector_schema_migrations`))
	for _, table := range s.storedTables(t) {
		fmt.Fprintf(&b, "COPY collector.%s (%s) FROM STDIN\n", table[0], table[1])
		if _, err := conn.PgConn().CopyTo(t.Context(), &b, fmt.Sprintf(`COPY collector.%s (%s) TO STDOUT`, table[0], table[1])); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\\.\n")
	}
	if err := os.MkdirAll("testdata", 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(released, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fill stores the fixture unchanged, without triggers and foreign keys.
func (s *site) fill(t *testing.T, tables string) {
	t.Helper()
	conn := connect(t, s.url)
	if _, err := conn.Exec(t.Context(), `SET session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	for _, table := range s.storedTables(t) { // removes the rows that migrations insert
		if _, err := conn.Exec(t.Context(), `DELETE FROM collector.`+table[0]); err != nil {
			t.Fatal(err)
		}
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(tables, "\\.\n"), "\n\\.\n") {
		lines := strings.SplitAfterN(part, "\n", 2)
		var rows io.Reader = strings.NewReader("")
		if len(lines) > 1 && lines[1] != "" {
			rows = strings.NewReader(strings.TrimSuffix(lines[1], "\n") + "\n")
		}
		if _, err := conn.PgConn().CopyFrom(t.Context(), rows, strings.TrimSpace(lines[0])); err != nil {
			t.Fatalf("%s: %v", lines[0], err)
		}
	}
	// Identity columns continue after the stored rows.
	for _, column := range s.query(t, `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'collector' AND is_identity = 'YES'`) {
		statement := fmt.Sprintf(`SELECT setval(pg_get_serial_sequence('collector.%[1]s', '%[2]s'), coalesce(max(%[2]s), 0) + 1, false) FROM collector.%[1]s`, column[0], column[1])
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return conn
}
