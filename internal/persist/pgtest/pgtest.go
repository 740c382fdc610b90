// Package pgtest gives tests real PostgreSQL databases: one per test, cloned from a
// migrated template, and tells which rows a step has written.
//
// The server is the one at COLLECTOR_TEST_DATABASE_URL; else a private one from server
// binaries on this machine; else one in Docker. COLLECTOR_TEST_POSTGRES=local or
// docker insists on one of the latter two. Without any a test is skipped, or fails
// when CI is set. Each test process starts its own server when the first test asks
// for a database; TestMain must end it:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/persist"
)

// Environment variables.
const (
	databaseURL = "COLLECTOR_TEST_DATABASE_URL"
	rung        = "COLLECTOR_TEST_POSTGRES"
	keep        = "COLLECTOR_TEST_KEEP"
)

// databases creates the databases of one test process.
type databases struct {
	ladder ladder
	prefix string // of all names, so that processes can share a server

	startServer sync.Once
	server      *server
	serverErr   error

	migrateTemplate sync.Once
	templateErr     error

	create sync.Mutex // guards made; also, PostgreSQL cannot clone one template twice at the same time
	made   int
}

func newDatabases(l ladder) *databases {
	return &databases{ladder: l, prefix: "collector_test_" + strings.ToLower(rand.Text()[:10])}
}

var (
	process = newDatabases(ladder{getenv: os.Getenv, local: startLocal, docker: startDocker})
	running bool // Run has been called
)

// Run runs the tests of a package and ends the server if one was started. It returns
// the exit code for os.Exit.
func Run(m *testing.M) int {
	running = true
	code := m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := process.close(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "end the PostgreSQL of the tests:", err)
		return max(code, 1)
	}
	return code
}

// New returns the URL of a fresh database with the current schema and its roles. It is dropped when
// the test ends, unless the test failed and COLLECTOR_TEST_KEEP is set. Keeping it requires a
// server that outlives the tests: see COLLECTOR_TEST_DATABASE_URL.
func New(t testing.TB) string {
	t.Helper()
	requireRun(t)
	return process.new(t, process.template)
}

// NewEmpty is New without the schema.
func NewEmpty(t testing.TB) string {
	t.Helper()
	requireRun(t)
	return process.new(t, func(context.Context) (string, error) { return "template0", nil })
}

func requireRun(t testing.TB) {
	t.Helper()
	if !running {
		t.Fatal("nothing ends the PostgreSQL of these tests; add to the package: func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }")
	}
}

func (d *databases) new(t testing.TB, template func(context.Context) (string, error)) string {
	t.Helper()
	d.startServer.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // an image may have to be pulled
		defer cancel()
		d.server, d.serverErr = d.ladder.open(ctx)
	})
	if errors.Is(d.serverErr, errNoServer) && d.ladder.getenv("CI") == "" {
		t.Skip(d.serverErr)
	}
	if d.serverErr != nil {
		t.Fatal(d.serverErr)
	}
	name, err := d.clone(t.Context(), template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() && d.ladder.getenv(keep) != "" {
			t.Logf("kept the database %s", name)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.drop(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return d.server.database(name)
}

func (d *databases) clone(ctx context.Context, template func(context.Context) (string, error)) (string, error) {
	source, err := template(ctx)
	if err != nil {
		return "", err
	}
	d.create.Lock()
	defer d.create.Unlock()
	d.made++
	name := fmt.Sprintf("%s_%d", d.prefix, d.made)
	return name, d.execute(ctx, "CREATE DATABASE "+name+" TEMPLATE "+source)
}

func (d *databases) drop(ctx context.Context, name string) error {
	return d.execute(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

// template returns the name of a migrated database, which the first call creates. The
// database outlives the test that happens to come first, so the test's context is
// ignored.
func (d *databases) template(context.Context) (string, error) {
	name := d.prefix + "_template"
	d.migrateTemplate.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.execute(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
			d.templateErr = err
			return
		}
		if err := persist.Prepare(ctx, d.server.database(name)); err != nil {
			d.templateErr = fmt.Errorf("migrate the template of the test databases: %w", err)
		}
	})
	return name, d.templateErr
}

// execute runs one statement in the server's maintenance database.
func (d *databases) execute(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, d.server.url.String())
	if err != nil {
		return fmt.Errorf("connect to the PostgreSQL of the tests: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// close drops the template, and ends the server if this process started it.
func (d *databases) close(ctx context.Context) error {
	if d.server == nil {
		return nil
	}
	return errors.Join(d.drop(ctx, d.prefix+"_template"), d.server.stop(ctx))
}

// server is a PostgreSQL server on which databases can be created.
type server struct {
	url  *url.URL // the maintenance database, with a user who may create databases
	stop func(context.Context) error
}

func (s *server) database(name string) string {
	u := *s.url
	u.Path = "/" + name
	return u.String()
}
