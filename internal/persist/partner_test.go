package persist_test

import (
	"errors"
	"strings"
	"testing"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

func TestATenantUnderASecondNameIsRefused(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	save := func(name, tenantID string, want error) {
		t.Helper()
		err := b.store.SavePartner(t.Context(), name, tenantID)
		if !errors.Is(err, want) {
			t.Fatalf("%s: error %v, want %v", name, err, want)
		}
		if want != nil && !strings.Contains(err.Error(), "collector partners rename contoso "+name) {
			t.Errorf("the refusal does not say what to run: %v", err)
		}
	}
	save("contoso", tenant, nil)
	save("early", tenant, nil) // without customers nothing can count twice
	b.collect(statement(customerA, both(recurring(10, "1"))))
	save("contoso", tenant, nil)
	save("early", tenant, nil) // it has been accepted
	save("renamed", tenant, persist.ErrOtherName)
	save("renamed", string(customerD), nil)
	save("tokens", "", nil) // mode token has no tenant
	b.change(`UPDATE collector.customers SET active = false`)
	save("successor", tenant, nil) // all customers are gone from the other name
}

func TestRenamePartner(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	if err := b.store.SavePartner(t.Context(), "contoso", tenant); err != nil {
		t.Fatal(err)
	}
	b.liveThreeNights()
	b.collect(statement(customerA, both(recurring(10, "1"))))
	b.erase(customerA, billing.NameAndCountry)
	if err := b.store.SavePartner(t.Context(), "renamed", string(customerD)); err != nil {
		t.Fatal(err)
	}
	seen := func() []string {
		return b.query(`SELECT (to_jsonb(c) - 'partner')::text AS c FROM finance.costs c UNION ALL SELECT (to_jsonb(r) - 'partner')::text FROM finance.runs r
			UNION ALL SELECT (to_jsonb(m) - 'partner')::text FROM finance.month_totals m UNION ALL SELECT (to_jsonb(e) - 'partner')::text FROM finance.erasures e ORDER BY 1`)
	}
	before := seen()
	if err := b.store.RenamePartner(t.Context(), "nobody", "renamed"); !errors.Is(err, persist.ErrUnknownPartner) {
		t.Errorf("error %v, want ErrUnknownPartner", err)
	}
	if err := b.store.RenamePartner(t.Context(), "contoso", "renamed"); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "what finance sees", seen(), before...)
	for _, table := range b.query(`SELECT table_schema || '.' || table_name FROM information_schema.columns WHERE column_name = 'partner' AND table_schema IN ('collector', 'finance')`) {
		wantLines(t, table, b.query(`SELECT DISTINCT partner FROM `+table+` WHERE partner <> 'renamed'`))
	}
	wantLines(t, "the tenant", b.query(`SELECT tenant_id FROM collector.partners`), tenant)
	if err := b.store.SavePartner(t.Context(), "renamed", tenant); err != nil {
		t.Error("the new name:", err)
	}
	if err := b.store.SavePartner(t.Context(), "contoso", tenant); !errors.Is(err, persist.ErrOtherName) {
		t.Errorf("the old name: error %v, want ErrOtherName", err)
	}
	run := billing.Run{ID: "00000000-0000-4000-9000-0000000000fe", Partner: "fabrikam", Kind: billing.KindOnce, StartedAt: night(4), Version: "test"}
	other := statement(customerB, nil)
	other.FetchedAt = night(4)
	if _, err := b.store.Write(t.Context(), run, []billing.Statement{other}); err != nil {
		t.Fatal(err)
	}
	if err := b.store.RenamePartner(t.Context(), "renamed", "fabrikam"); !errors.Is(err, persist.ErrPartnerExists) {
		t.Errorf("error %v, want ErrPartnerExists", err)
	}
}
