package persist_test

import (
	"context"
	"crypto/rand"
	stdsql "database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

// openings are the ways in which a command connects to a database.
var openings = map[string]func(context.Context, string) error{
	"store": func(ctx context.Context, url string) error {
		store, err := persist.Open(ctx, persist.Options{URL: url, MaxConnections: 2})
		if err == nil {
			store.Close()
		}
		return err
	},
	"migrator": func(ctx context.Context, url string) error {
		m, err := persist.OpenMigrator(ctx, url)
		if err == nil {
			err = m.Close()
		}
		return err
	},
	"reader": func(ctx context.Context, url string) error {
		r, err := finance.Open(url)
		if err != nil {
			return err
		}
		tx, err := r.Begin(ctx, time.Minute)
		if err == nil {
			err = tx.Rollback()
		}
		return errors.Join(err, r.Close())
	},
}

// wantRefusal checks that an error contains some texts and that waiting does not help
// against it.
func wantRefusal(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("not refused")
	}
	if errors.Is(err, billing.ErrUnavailable) {
		t.Errorf("the refusal passes for an outage: %v", err)
	}
	for _, words := range says {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("the refusal does not say %q: %v", words, err)
		}
	}
}

func TestADatabaseOfAnotherEncodingIsRefused(t *testing.T) {
	t.Parallel()
	admin := &fixture{t: t, url: pgtest.NewEmpty(t)}
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} { // dropped when all subtests have ended
		name := strings.ToLower("collector_test_" + encoding + "_" + rand.Text())
		admin.exec(admin.session(), "CREATE DATABASE "+name+" ENCODING '"+encoding+"' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
		t.Cleanup(func() {
			conn, err := pgx.Connect(context.Background(), admin.url)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close(context.Background()) }()
			if _, err := conn.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
				t.Error(err)
			}
		})
		u, err := url.Parse(admin.url)
		if err != nil {
			t.Fatal(err)
		}
		u.Path = "/" + name
		for opening, open := range openings {
			t.Run(encoding+" "+opening, func(t *testing.T) {
				t.Parallel()
				wantRefusal(t, open(t.Context(), u.String()), encoding, "ENCODING 'UTF8'")
			})
		}
	}
}

func TestNamesStayWholeWhateverEncodingTheSessionHas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, alter, query string }{
		{name: "of the database", alter: "ALTER DATABASE %s SET client_encoding = 'LATIN1'"},
		{name: "of the connection string", query: "client_encoding=LATIN1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			plain := b.url
			u, err := url.Parse(b.url)
			if err != nil {
				t.Fatal(err)
			}
			if c.alter != "" {
				b.exec(b.session(), fmt.Sprintf(c.alter, strings.TrimPrefix(u.Path, "/")))
			}
			u.RawQuery = c.query
			b.store.Close()
			b.url = u.String()
			b.open()
			s := statement(customerA, nil)
			s.Profile.CompanyName = "Größe"
			b.collect(s)
			inBytes := (&fixture{t: t, url: plain}).query(`SELECT encode(convert_to(company_name, 'UTF8'), 'hex') AS name FROM finance.customers`)
			wantLines(t, "the name as stored", inBytes, fmt.Sprintf("%x", "Größe"))

			r, err := finance.Open(b.url)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			if err := grantRoles(t, b.url); err != nil {
				t.Fatal(err)
			}
			tx, err := r.Begin(t.Context(), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			var name string
			if err := tx.QueryRowContext(t.Context(), `SELECT company_name FROM finance.customers`).Scan(&name); err != nil {
				t.Fatal(err)
			}
			if name != "Größe" {
				t.Errorf("the reader reads %q", name)
			}
		})
	}
}

// TestMigrationsUseNothingOfOthers: where a database lets other users create functions,
// none of theirs may run with the owner's rights.
func TestMigrationsUseNothingOfOthers(t *testing.T) {
	t.Parallel()
	b := &fixture{t: t, url: pgtest.NewEmpty(t)}
	u, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	trap := func(signature, returns string) string {
		return "CREATE FUNCTION evil." + signature + " RETURNS " + returns + " LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$"
	}
	b.exec(b.session(), "CREATE SCHEMA evil", trap("current_database()", "name"), trap("format(text, name)", "text"), trap("current_setting(text)", "text"),
		trap("date_trunc(text, timestamptz)", "timestamptz"), trap("count(text)", "bigint"), trap("to_char(timestamptz, text)", "text"),
		trap("lower(text)", "text"), trap("round(numeric, integer)", "numeric"),
		"ALTER DATABASE "+strings.TrimPrefix(u.Path, "/")+" SET search_path = evil, pg_catalog, public")
	m, err := persist.OpenMigrator(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	if err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.GrantRoles(t.Context()); err != nil {
		t.Error(err)
	}
	wantLines(t, "what was made of traps", b.query(`SELECT DISTINCT d.objid::regclass AS view FROM pg_depend d JOIN pg_proc p ON p.oid = d.refobjid
		WHERE d.refclassid = 'pg_proc'::regclass AND p.pronamespace = 'evil'::regnamespace`))
}

// TestTheScriptOfTheRolesUsesNothingOfOthers: an administrator runs the script in their
// own session.
func TestTheScriptOfTheRolesUsesNothingOfOthers(t *testing.T) {
	t.Parallel()
	b := &fixture{t: t, url: pgtest.New(t)}
	conn := b.session()
	b.exec(conn, `CREATE FUNCTION public.format(text, name) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$`, persist.RolesScript())
}

func TestAPoolerThatKeepsSessionsApart(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.store.Close()
	through := pgtest.Pooler(t, b.url, "pool_mode = session")
	b.url = through.String()
	b.open()
	wantOutcomes(t, b.collect(statement(customerA, both(recurring(9, "10")))), billing.OutcomeStored)
	_, release, err := b.store.LockPartner(t.Context(), "contoso")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, _, err := b.store.LockPartner(t.Context(), "contoso"); !errors.Is(err, persist.ErrLocked) {
		t.Errorf("a second lock: error %v, want ErrLocked", err)
	}
	if err := openings["migrator"](t.Context(), b.url); err != nil {
		t.Error(err)
	}

	// The pooler may not know a parameter of the connection string.
	unknown := *through
	unknown.RawQuery += "&work_mem=64MB"
	for _, opening := range []string{"store", "migrator"} {
		wantRefusal(t, openings[opening](t.Context(), unknown.String()), "pooler", "work_mem", "ignore_startup_parameters")
	}
}

func TestAPoolerThatMixesSessionsIsRefused(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]string{
		"transaction":               {"pool_mode = transaction"},
		"transaction and ignorance": {"pool_mode = transaction", "ignore_startup_parameters = lock_timeout, search_path, jit, random_page_cost"},
		"transaction in turn":       {"pool_mode = transaction", "server_round_robin = 1", "min_pool_size = 2"},
		"statement":                 {"pool_mode = statement"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			through := pgtest.Pooler(t, pgtest.New(t), settings...).String()
			for _, opening := range []string{"store", "migrator"} {
				wantRefusal(t, openings[opening](t.Context(), through), "pooler in transaction or statement mode", "in session mode")
			}
		})
	}
}

// Readers work in transactions that make their own settings, so the session of each
// transaction does not matter. No other session has these settings afterwards.
func TestReadersNeedNoSessionOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := recurring(9, "10")
	b.collect(statement(customerA, both(r), item(r, "FEE", "10")))
	b.alter("SET timezone = ''Asia/Tokyo''")
	b.alter("SET datestyle = ''German''")
	b.alter("SET search_path = public")
	through := pgtest.Pooler(t, b.url, "pool_mode = transaction", "server_round_robin = 1", "min_pool_size = 3").String()
	reader, direct := b.reader(through), b.reader(b.url)
	const settings = `SELECT concat_ws(' ', current_user, current_setting('search_path'), current_setting('timezone'), current_setting('datestyle'),
		current_setting('transaction_read_only'), current_setting('transaction_isolation'), current_setting('statement_timeout'))`
	var open []*stdsql.Tx
	for range 3 { // side by side, so that each has another server process
		tx, err := reader.Begin(t.Context(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		open = append(open, tx)
	}
	for range 2 {
		for i, tx := range open {
			var got string
			if err := tx.QueryRowContext(t.Context(), settings).Scan(&got); err != nil || got != `finance_reader  UTC ISO, YMD on repeatable read 1min` {
				t.Errorf("transaction %d has %q, %v", i, got, err)
			}
		}
	}
	for _, tx := range open {
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
	}
	for range 3 {
		want, err := direct.Explain(t.Context(), "contoso", customerA, "2026-10")
		if err != nil {
			t.Fatal(err)
		}
		got, err := reader.Explain(t.Context(), "contoso", customerA, "2026-10")
		if err != nil || len(got.Costs) == 0 {
			t.Fatalf("%d costs explained, %v", len(got.Costs), err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("through the pooler (-direct +pooler):\n%s", diff)
		}
		status, err := direct.Status(t.Context(), night(2), 10)
		if err != nil {
			t.Fatal(err)
		}
		pooled, err := reader.Status(t.Context(), night(2), 10)
		if diff := cmp.Diff(status, pooled); err != nil || diff != "" {
			t.Errorf("through the pooler (-direct +pooler):\n%s%v", diff, err)
		}
	}
	config, err := pgx.ParseConfig(through)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	other, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.Background()) }()
	for range 4 { // once for each server process
		var got string
		err := other.QueryRow(t.Context(), `SELECT concat_ws(' ', current_user = session_user, current_setting('search_path'), current_setting('timezone'),
			current_setting('default_transaction_read_only'), current_setting('statement_timeout'), current_setting('jit'))`).Scan(&got)
		if err != nil || got != "t public Asia/Tokyo off 0 on" {
			t.Errorf("another client finds %q, %v", got, err)
		}
	}
}
