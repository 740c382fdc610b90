package persist_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/persist/pgtest"
)

func TestMayCollect(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, group string
		prepare     []string // %d is the database, %l the login
		says        []string // empty: no right is missing
	}{
		{name: "the writer", group: "collector_writer"},
		{name: "the reader", group: "finance_reader", says: []string{"USAGE on the schema collector", "INSERT", "more", "GRANT collector_writer TO"}},
		{
			name: "a writer who may make no temporary tables", group: "collector_writer",
			prepare: []string{"REVOKE TEMPORARY ON DATABASE %d FROM PUBLIC, collector_writer"}, says: []string{"TEMPORARY on the database", "collector migrate up"},
		},
		{
			name: "a writer who may not write a table", group: "collector_writer",
			prepare: []string{"REVOKE INSERT, DELETE ON collector.payloads FROM collector_writer"}, says: []string{"DELETE, INSERT on collector.payloads;", "collector migrate up"},
		},
		{
			name: "a writer who may take no number", group: "collector_writer",
			prepare: []string{"REVOKE USAGE ON SEQUENCE collector.customers_customer_key_seq FROM collector_writer"}, says: []string{"USAGE on collector.customers_customer_key_seq"},
		},
		{
			name: "a writer who may not summarise", group: "collector_writer",
			prepare: []string{"REVOKE EXECUTE ON FUNCTION collector.refresh_stale_month(text) FROM PUBLIC"}, says: []string{"EXECUTE on collector.refresh_stale_month"},
		},
		{
			name: "a writer whose sessions are read-only", group: "collector_writer",
			prepare: []string{"ALTER ROLE %l SET default_transaction_read_only = on"}, says: []string{"read-only", "default_transaction_read_only = off"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			if err := grantRoles(t, b.url); err != nil {
				t.Fatal(err)
			}
			own := &fixture{t: t, url: pgtest.Login(t, b.url, test.group)}
			u, err := url.Parse(own.url)
			if err != nil {
				t.Fatal(err)
			}
			names := strings.NewReplacer("%d", strings.TrimPrefix(u.Path, "/"), "%l", pgx.Identifier{u.User.Username()}.Sanitize())
			admin := b.session()
			// Every login may read the schema's version here, so that only the missing rights
			// stop it.
			b.exec(admin, "GRANT SELECT ON public.collector_schema_migrations TO PUBLIC")
			for _, statement := range test.prepare {
				b.exec(admin, names.Replace(statement))
			}
			own.open()
			defer own.store.Close()
			err = own.store.MayCollect(t.Context())
			if len(test.says) > 0 {
				wantRefusal(t, err, test.says...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	b := newFixture(t)
	if err := b.store.MayCollect(t.Context()); err != nil {
		t.Error("the owner:", err)
	}
}
