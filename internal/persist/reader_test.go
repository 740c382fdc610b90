package persist_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

// asReader runs f in a reader's transaction of a login and returns its error.
func asReader(t *testing.T, databaseURL, statement string) error {
	t.Helper()
	reader, err := persist.NewReader(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	tx, err := reader.Begin(t.Context(), 200*time.Millisecond)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), statement)
	return err
}

func TestReaderReadsTheViewsOnlyWhoeverLogsIn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := grantRoles(t, b.url); err != nil {
		t.Fatal(err)
	}
	b.collect(statement(customerA, both(recurring(9, "10"))))
	// The owner and a superuser give up as much as a login that may collect.
	for who, login := range map[string]string{"owner": b.url, "writer": b.login("collector_writer"), "reader": b.login("finance_reader")} {
		if err := asReader(t, login, "SELECT * FROM finance.costs, finance.month_totals, finance.top_movers, finance.stale_months"); err != nil {
			t.Errorf("%s: %v", who, err)
		}
		for statement, want := range map[string]string{
			"SELECT 1 FROM collector.billing_profiles":             "42501",
			"SELECT 1 FROM collector.payloads":                     "42501",
			"SELECT collector.refresh_stale_month('contoso')":      "42501",
			"CREATE TEMPORARY TABLE t ()":                          "25006",
			"UPDATE finance.runs SET partner = 'x'":                "42501",
			"SELECT pg_sleep(10)":                                  "57014",
			"SELECT count(*) FROM generate_series(1, 10000000000)": "57014",
		} {
			if err := asReader(t, login, statement); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s: error %v, want SQLSTATE %s", who, statement, err, want)
			}
		}
	}
}

func TestReaderNeverFallsBackToMoreRights(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := grantRoles(t, b.url); err != nil {
		t.Fatal(err)
	}
	err := asReader(t, b.login(""), "SELECT 1")
	if err == nil || !strings.Contains(err.Error(), "GRANT finance_reader") {
		t.Errorf("a login that is no member: error %v, want one that says what to grant", err)
	}
	if _, err := persist.NewReader("postgres://collector:hunter2@localhost:port/costs"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a bad URL: error %v", err)
	}
	err = asReader(t, "postgres://collector:hunter2@127.0.0.1:1/costs", "SELECT 1")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an unreachable server: error %v", err)
	}
}

// execute runs a statement at a database, with the rights of its URL.
func (b *bench) execute(url, statement string) {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(b.t.Context(), statement); err != nil {
		b.t.Fatal(err)
	}
}

// An owner who is no superuser migrates, grants the roles and reads as one of them. Since
// PostgreSQL 16, having created a role does not allow to become it.
func TestOwnerBecomesReader(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := grantRoles(t, b.url); err != nil {
		t.Fatal(err)
	}
	login, err := url.Parse(b.login(""))
	if err != nil {
		t.Fatal(err)
	}
	owner := pgx.Identifier{login.User.Username()}.Sanitize()
	b.execute(b.url, `ALTER ROLE `+owner+` CREATEROLE`)
	if b.query(`SELECT current_setting('server_version_num')::integer >= 160000 AS roles_have_options`)[0] == "true" {
		b.execute(b.url, `GRANT finance_reader, collector_writer TO `+owner+` WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`)
	}
	empty := pgtest.NewEmpty(t) // dropped before its owner is
	database, err := url.Parse(empty)
	if err != nil {
		t.Fatal(err)
	}
	b.execute(empty, `ALTER DATABASE `+strings.TrimPrefix(database.Path, "/")+` OWNER TO `+owner)
	login.Path = database.Path
	m, err := persist.OpenMigrator(t.Context(), login.String())
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(m.Up(t.Context()), m.GrantRoles(t.Context()), m.Close())
	if err != nil {
		t.Fatal(err)
	}
	if err := asReader(t, login.String(), "SELECT 1 FROM finance.costs"); err != nil {
		t.Error(err)
	}
	if err := asReader(t, login.String(), "SELECT 1 FROM collector.payloads"); err == nil || !strings.Contains(err.Error(), "42501") {
		t.Errorf("the owner reads more than the views: error %v", err)
	}
}
