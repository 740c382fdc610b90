package finance_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/finance"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
	"partnercost/internal/sheet"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// asReader runs a statement in a reader's transaction, with a login, and returns the
// error.
func asReader(t *testing.T, databaseURL, statement string) error {
	t.Helper()
	reader, err := finance.Open(databaseURL)
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
	database := pgtest.New(t)
	// The owner and a superuser give up their rights as a login that may collect does.
	for who, login := range map[string]string{"owner": database, "writer": pgtest.Login(t, database, "collector_writer"), "reader": pgtest.Login(t, database, "finance_reader")} {
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
	database := pgtest.New(t)
	err := asReader(t, pgtest.Login(t, database, ""), "SELECT 1")
	if err == nil || !strings.Contains(err.Error(), "GRANT finance_reader") {
		t.Errorf("a login that is no member: error %v, want one that says what to grant", err)
	}
	if _, err := finance.Open("postgres://collector:hunter2@localhost:port/costs"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a bad URL: error %v", err)
	}
	err = asReader(t, "postgres://collector:hunter2@127.0.0.1:1/costs", "SELECT 1")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an unreachable server: error %v", err)
	}
}

// execute runs a statement with the login of the URL.
func execute(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// An owner who is not a superuser migrates, grants the roles and reads as one of them.
// Since PostgreSQL 16, the creator of a role may not become it automatically.
func TestOwnerBecomesReader(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	login, err := url.Parse(pgtest.Login(t, database, ""))
	if err != nil {
		t.Fatal(err)
	}
	owner := pgx.Identifier{login.User.Username()}.Sanitize()
	execute(t, database, `ALTER ROLE `+owner+` CREATEROLE`)
	execute(t, database, `DO $$ BEGIN
		IF current_setting('server_version_num')::integer >= 160000 THEN
			EXECUTE 'GRANT finance_reader, collector_writer TO `+owner+` WITH ADMIN TRUE, INHERIT FALSE, SET FALSE';
		END IF; END $$`)
	empty := pgtest.NewEmpty(t) // is dropped before its owner
	emptyURL, err := url.Parse(empty)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, empty, `ALTER DATABASE `+strings.TrimPrefix(emptyURL.Path, "/")+` OWNER TO `+owner)
	login.Path = emptyURL.Path
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

func open(t *testing.T, databaseURL string) *finance.Reader {
	t.Helper()
	reader, err := finance.Open(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	return reader
}

// A reader may find a database of another version of the program, and roles that are only
// partly set up.
func TestAReaderIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, change, says string }{
		{"an older schema", "DROP VIEW finance.findings CASCADE", "collector migrate status"},
		{"no schema", "DROP SCHEMA finance CASCADE", "collector migrate status"},
		{"a view that was not granted", "REVOKE SELECT ON finance.customers FROM finance_reader", "collector migrate up"},
		{"a schema that was not granted", "REVOKE USAGE ON SCHEMA finance FROM finance_reader", "collector migrate up"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.New(t)
			reader := open(t, pgtest.Login(t, database, "finance_reader"))
			if _, err := reader.Status(t.Context(), time.Now(), 1); err != nil {
				t.Fatal(err)
			}
			execute(t, database, test.change)
			if _, err := reader.Status(t.Context(), time.Now(), 1); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %q in it", err, test.says)
			}
		})
	}
	reader := open(t, "postgres://alice:hunter2@127.0.0.1:1/costs")
	_, err := reader.Status(t.Context(), time.Now(), 1)
	if err == nil || !strings.Contains(err.Error(), `cannot reach the database "costs" on 127.0.0.1:1`) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an unreachable server: error %v", err)
	}
}

func TestTextIsReadWhateverEncodingTheLoginPrefers(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	login := pgtest.Login(t, database, "finance_reader")
	u, err := url.Parse(login)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, database, "ALTER ROLE "+u.User.Username()+" SET client_encoding = LATIN1; ALTER ROLE "+u.User.Username()+" SET datestyle = German; ALTER ROLE "+u.User.Username()+" SET timezone = 'Asia/Tokyo'")
	var out strings.Builder
	query := finance.Report{Name: "text", SQL: "SELECT U&'Gr\\00F6\\00DFe' AS text, timestamptz '2026-10-31 12:00Z' AS at"}
	if _, err := open(t, login).Report(t.Context(), query, finance.Parameters{}, sheet.NewCSV(&out, false)); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "text,at\r\nGröße,2026-10-31 12:00:00+00\r\n"; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
}
