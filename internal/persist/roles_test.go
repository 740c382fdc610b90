package persist_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

// login creates a login role, a member of the given group, and returns its URL.
func (b *bench) login(group string) string {
	b.t.Helper()
	u, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	name, password := "test_"+rand.Text(), rand.Text()
	conn, err := pgx.Connect(b.t.Context(), b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	sql := "CREATE ROLE " + pgx.Identifier{name}.Sanitize() + " LOGIN PASSWORD '" + password + "'"
	if group != "" {
		sql += " IN ROLE " + group
	}
	if _, err := conn.Exec(b.t.Context(), sql); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), b.url)
		if err != nil {
			b.t.Error(err)
			return
		}
		defer func() { _ = conn.Close(context.Background()) }()
		// A session that was closed drops its temporary tables a moment later.
		for sessions := 1; sessions > 0; {
			err := conn.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", name).Scan(&sessions)
			if err != nil {
				b.t.Error(err)
				return
			}
		}
		if _, err := conn.Exec(context.Background(), "DROP ROLE "+pgx.Identifier{name}.Sanitize()); err != nil {
			b.t.Error(err)
		}
	})
	u.User = url.UserPassword(name, password)
	return u.String()
}

func grantRoles(t *testing.T, databaseURL string) error {
	t.Helper()
	m, err := persist.OpenMigrator(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	return m.GrantRoles(t.Context())
}

func refused(t *testing.T, databaseURL string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range statements {
		_, err := conn.Exec(t.Context(), sql)
		var pgErr *pgconn.PgError
		if !errors.As(err, &pgErr) || pgErr.Code != "42501" {
			t.Errorf("%s: error %v, want insufficient privilege", sql, err)
		}
	}
}

func TestFinanceReaderSeesTheViewsOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := grantRoles(t, b.url); err != nil {
		t.Fatal(err)
	}
	b.collect(statement(customerA, both(recurring(9, "10"))))
	reader := b.login("finance_reader")
	own := &bench{t: t, url: reader}
	for _, view := range b.query(`SELECT relname FROM pg_class WHERE relnamespace = 'finance'::regnamespace AND relkind = 'v'`) {
		own.query(`SELECT count(*) FROM finance.` + view)
	}
	wantLines(t, "costs", own.costs(), "a Recurring 2026-09-12 2026-10-11 USD 10 0 10 0 1")
	refused(t, reader, "SELECT 1 FROM collector.billing_profiles", "SELECT 1 FROM collector.payloads", "DELETE FROM collector.cost_details", "CREATE TABLE finance.t ()", "DROP VIEW finance.costs")
}

func TestCollectorWriterCollectsAndChangesNoSchema(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := grantRoles(t, b.url); err != nil {
		t.Fatal(err)
	}
	writer := &bench{t: t, url: b.login("collector_writer")}
	writer.open()
	defer writer.store.Close()
	r := recurring(9, "10")
	wantOutcomes(t, writer.collect(statement(customerA, both(r), item(r, "FEE", "10"))), billing.Stored)
	wantOutcomes(t, writer.collect(statement(customerA, both(recurring(9, "11")))), billing.Stored)
	if _, err := writer.store.Status(t.Context(), 5); err != nil {
		t.Error(err)
	}
	wantLines(t, "changes", writer.changes(), "Recurring 2026-09-12 2026-10-11 2026-10-11 USD 10 11 1 1 "+run2)
	refused(t, writer.url, "CREATE TABLE collector.t ()", "ALTER TABLE collector.cost_details ADD COLUMN c int", "DROP TABLE collector.payloads",
		"TRUNCATE collector.cost_details", "DROP VIEW finance.costs", "CREATE SCHEMA s", "UPDATE public.collector_schema_migrations SET version = 0")
}

func TestMigratingWithoutTheRightToCreateRoles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	plain := b.login("")
	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	u, err := url.Parse(plain)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "GRANT SELECT ON public.collector_schema_migrations TO "+pgx.Identifier{u.User.Username()}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	err = grantRoles(t, plain)
	if _, dropErr := conn.Exec(t.Context(), "DROP OWNED BY "+pgx.Identifier{u.User.Username()}.Sanitize()); dropErr != nil {
		t.Error(dropErr)
	}
	if !errors.Is(err, persist.ErrMayNotGrant) {
		t.Errorf("error %v, want ErrMayNotGrant", err)
	}
}
