package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"partnercost/internal/localpg"
	"partnercost/internal/persist"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func open(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func schemaVersion(t *testing.T, databaseURL string) persist.SchemaState {
	t.Helper()
	m, err := persist.OpenMigrator(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	state, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestNewHasTheCurrentSchema(t *testing.T) {
	t.Parallel()
	if err := schemaVersion(t, New(t)).Check(); err != nil {
		t.Error(err)
	}
}

func TestNewEmptyHasNoSchema(t *testing.T) {
	t.Parallel()
	databaseURL := NewEmpty(t)
	conn := open(t, databaseURL)
	var tables int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')").Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if version := schemaVersion(t, databaseURL).Version; tables != 0 || version != 0 {
		t.Errorf("got %d tables and schema version %d, want none", tables, version)
	}
}

func TestDatabasesAreSeparate(t *testing.T) {
	t.Parallel()
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			conn := open(t, New(t))
			execute(t, conn, "CREATE TABLE mine (n int)") // fails if another test has used the database
		})
	}
}

func exists(t *testing.T, databaseURL string) bool {
	t.Helper()
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	conn := open(t, process.server.url.String())
	var found bool
	if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", config.Database).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	databaseURL := NewEmpty(r)
	open(t, databaseURL) // the connection stays open, as after a failing test
	if !exists(t, databaseURL) {
		t.Error("the database does not exist during its test")
	}
	for _, f := range r.cleanups {
		f()
	}
	if exists(t, databaseURL) {
		t.Error("the database outlived its test")
	}
}

// recorder is a test that may fail or skip.
type recorder struct {
	testing.TB

	said            string
	failed, skipped bool
	cleanups        []func()
}

func (r *recorder) Helper()                    {}
func (r *recorder) Failed() bool               { return r.failed }
func (r *recorder) Cleanup(f func())           { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Logf(f string, args ...any) { r.said += fmt.Sprintf(f, args...) }
func (r *recorder) Skip(args ...any) {
	r.said, r.skipped = fmt.Sprint(args...), true
	panic(r)
}

func (r *recorder) Fatal(args ...any) {
	r.said, r.failed = fmt.Sprint(args...), true
	panic(r)
}

// watch runs f as a test up to the point where it fails or skips.
func (r *recorder) watch(f func(testing.TB)) {
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
	}()
	f(r)
}

func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestDatabaseOfAFailedTestIsKept(t *testing.T) {
	t.Parallel()
	NewEmpty(t) // the server runs from here on
	for _, test := range []struct {
		name      string
		failed    bool
		keep      string
		wantExist bool
	}{
		{"failed", true, "1", true},
		{"failed without the variable", true, "", false},
		{"passed", false, "1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDatabases(ladder{
				getenv: environment(map[string]string{keep: test.keep}),
				local: func(context.Context) (*server, error) {
					return &server{url: process.server.url}, nil
				},
			})
			r := &recorder{TB: t}
			databaseURL := d.new(r, func(context.Context) (string, error) { return "template0", nil })
			r.failed = test.failed
			for _, f := range r.cleanups {
				f()
			}
			if got := exists(t, databaseURL); got != test.wantExist {
				t.Errorf("after the test the database exists: %t, want %t", got, test.wantExist)
			}
			if kept := strings.Contains(r.said, "kept the database"); kept != test.wantExist {
				t.Errorf("it said %q", r.said)
			}
			if err := d.drop(t.Context(), fmt.Sprintf("%s_%d", d.prefix, d.made)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLadder checks where the server comes from, and the result of a test when there is
// none.
func TestLadder(t *testing.T) {
	t.Parallel()
	var (
		none    = fmt.Errorf("%w: looked everywhere", localpg.ErrNoBinaries)
		broken  = errors.New("initdb: exit status 1")
		nowhere = errors.New("no Docker")
	)
	type outcome struct {
		Tried           string // rungs, in order
		Skipped, Failed bool
	}
	tests := []struct {
		name          string
		env           map[string]string
		local, docker error // nil: the rung would start
		want          outcome
		says          string
	}{
		{name: "binaries", want: outcome{Tried: "local"}},
		{name: "Docker after no binaries", local: none, want: outcome{Tried: "local docker"}},
		{name: "binaries that do not start", local: broken, want: outcome{Tried: "local", Failed: true}, says: "exit status 1"},
		{name: "nothing", local: none, docker: nowhere, want: outcome{Tried: "local docker", Skipped: true}, says: "no Docker"},
		{name: "nothing in CI", env: map[string]string{"CI": "true"}, local: none, docker: nowhere, want: outcome{Tried: "local docker", Failed: true}, says: "looked everywhere"},
		{name: "Docker forced", env: map[string]string{rung: "docker"}, want: outcome{Tried: "docker"}},
		{name: "Docker forced in vain", env: map[string]string{rung: "docker"}, docker: nowhere, want: outcome{Tried: "docker", Failed: true}, says: "no Docker"},
		{name: "binaries forced", env: map[string]string{rung: "local", databaseURL: "postgres://x/y"}, want: outcome{Tried: "local"}},
		{name: "binaries forced in vain", env: map[string]string{rung: "local"}, local: none, want: outcome{Tried: "local", Failed: true}, says: "looked everywhere"},
		{name: "an unknown rung", env: map[string]string{rung: "podman"}, want: outcome{Failed: true}, says: `"podman": it must be local, docker or unset`},
		{name: "a given server", env: map[string]string{databaseURL: "postgres://u:p@db.example/costs"}},
		{name: "not a URL", env: map[string]string{databaseURL: "host=db password=hunter2"}, want: outcome{Failed: true}, says: databaseURL + " must be a URL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var tried []string
			try := func(name string, err error) func(context.Context) (*server, error) {
				return func(context.Context) (*server, error) {
					tried = append(tried, name)
					if err != nil {
						return nil, err
					}
					return &server{}, nil
				}
			}
			d := newDatabases(ladder{getenv: environment(test.env), local: try("local", test.local), docker: try("docker", test.docker)})
			r := &recorder{TB: t}
			started := errors.New("a server was there")
			r.watch(func(tb testing.TB) {
				d.new(tb, func(context.Context) (string, error) { return "", started })
			})
			if r.said == started.Error() {
				r.said, r.failed = "", false
			}
			got := outcome{Tried: strings.Join(tried, " "), Skipped: r.skipped, Failed: r.failed}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !strings.Contains(r.said, test.says) || strings.Contains(r.said, "hunter2") {
				t.Errorf("it said %q, want %q and no password", r.said, test.says)
			}
		})
	}
}

func TestGivenServerKeepsItsParameters(t *testing.T) {
	t.Parallel()
	s, err := external("postgres://u:p@db.example:5433/costs?sslmode=require")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.database("one"), "postgres://u:p@db.example:5433/one?sslmode=require"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
