package persist_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

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

// plantedProfile returns a profile in which every field except company name and country
// says "planted".
func plantedProfile() *billing.Profile {
	const p = "planted"
	return &billing.Profile{
		ID: p, FirstName: p, LastName: p, Email: p, Culture: p, Language: p, CompanyName: "Tailspin Toys", OrganizationRegistrationID: p,
		Address: billing.Address{
			ID: p, Country: "US", Region: p, City: p, State: p, District: p, AddressLine1: p, AddressLine2: p, AddressLine3: p, PostalCode: p,
			FirstName: p, MiddleName: p, LastName: p, PhoneNumber: p, EmailAddress: p,
		},
	}
}

func TestFinanceReaderSeesTheViewsOnly(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.liveThreeNights()
	personal := statement(customerA, both(recurring(9, "10")), item(recurring(9, "10"), "FEE", "10"))
	personal.Profile = plantedProfile()
	b.collect(personal)
	renamed := personal
	renamed.Profile = plantedProfile()
	renamed.Profile.LastName = "planted anew"
	b.collect(renamed)
	own := &fixture{t: t, url: pgtest.Login(t, b.url, "finance_reader")}
	for _, view := range b.query(`SELECT relname FROM pg_class WHERE relnamespace = 'finance'::regnamespace AND relkind IN ('v', 'm')`) {
		for _, row := range own.query(`SELECT * FROM finance.` + view) {
			if strings.Contains(row, "planted") {
				t.Errorf("finance.%s shows personal data: %s", view, row)
			}
		}
		refused(t, own.url, "DROP VIEW finance."+view)
	}
	// Whatever the columns contain, no view uses a personal one.
	wantLines(t, "personal columns that views are made from", b.query(`SELECT DISTINCT r.ev_class::regclass AS view, a.attrelid::regclass AS of, a.attname
		FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
			AND (d.refobjid IN ('collector.billing_profile_history'::regclass, 'collector.payloads'::regclass) AND a.attname IN ('profile', 'body')
				OR d.refobjid = 'collector.billing_profiles'::regclass AND a.attname NOT IN ('customer_key', 'company_name', 'country',
					'statement_id', 'run_id', 'first_collected_at', 'last_changed_at', 'revisions'))`))
	for _, table := range append(b.query(`SELECT format('collector.%I', relname) FROM pg_class WHERE relnamespace = 'collector'::regnamespace AND relkind IN ('r', 'v', 'm')`),
		"public.collector_schema_migrations") {
		refused(t, own.url, "SELECT 1 FROM "+table, "DELETE FROM "+table, "DROP TABLE "+table)
	}
	wantLines(t, "what the reader may write", own.query(`SELECT oid::regclass FROM pg_class
		WHERE relkind IN ('r', 'v', 'm') AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
			AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')`))
	refused(t, own.url, "DELETE FROM finance.runs", "UPDATE finance.runs SET error = 'x'", "CREATE TABLE finance.t ()", "CREATE TABLE collector.t ()", "CREATE TABLE public.t ()", "CREATE SCHEMA s",
		"SELECT nextval('collector.customers_customer_key_seq')")
}

func TestCollectorWriterCollectsAndChangesNoSchema(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	writer := &fixture{t: t, url: pgtest.Login(t, b.url, "collector_writer")}
	writer.open()
	defer writer.store.Close()
	r := recurring(9, "10")
	wantOutcomes(t, writer.collect(statement(customerA, both(r), item(r, "FEE", "10"))), billing.OutcomeStored)
	wantOutcomes(t, writer.collect(statement(customerA, both(recurring(9, "11")))), billing.OutcomeStored)
	if _, err := writer.store.Coverage(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := writer.reader(writer.url).Status(t.Context(), night(3), 5); err != nil {
		t.Error(err)
	}
	wantLines(t, "changes", writer.changes(), "Recurring 2026-09-12 2026-10-11 2026-10-11 USD 10 11 1 1 "+run2)
	statements := []string{"CREATE SCHEMA s", "UPDATE public.collector_schema_migrations SET version = 0", "DROP SCHEMA finance CASCADE", "DROP SCHEMA collector CASCADE"}
	for _, schema := range []string{"collector", "finance", "public"} {
		statements = append(statements, "CREATE TABLE "+schema+".t ()", "CREATE VIEW "+schema+".v AS SELECT 1", "CREATE FUNCTION "+schema+".f() RETURNS int LANGUAGE sql RETURN 1")
	}
	for _, table := range b.query(`SELECT format('%s %s', CASE relkind WHEN 'r' THEN 'TABLE' ELSE 'VIEW' END, oid::regclass) FROM pg_class
		WHERE relnamespace IN ('collector'::regnamespace, 'finance'::regnamespace, 'public'::regnamespace) AND relkind IN ('r', 'v')`) {
		statements = append(statements, "ALTER "+table+" RENAME TO other", "DROP "+table+" CASCADE")
	}
	refused(t, writer.url, append(statements, "TRUNCATE collector.cost_details", "ALTER TABLE collector.cost_details ADD COLUMN c int",
		"CREATE INDEX ON collector.cost_details (tax)", "CREATE OR REPLACE VIEW finance.runs AS SELECT 1")...)
}

func TestMigratingWithoutTheRightToCreateRoles(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	plain := pgtest.Login(t, b.url, "")
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
