package persist_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	const run1, run3 = "00000000-0000-4000-9000-000000000001", "00000000-0000-4000-9000-000000000003"
	r, o := recurring(9, "10"), oneTime(10, "2")
	odd := detail("", "2026-10-02", "2026-10-30", "", "")
	twins := both(r, oneTime(10, "2"), oneTime(10, "3"), odd)
	first := statement(customerA, twins, item(r, "CYCLE FEE", "10"), item(o, "PURCHASE FEE", "2"))
	first.Findings = []billing.Finding{
		{Kind: billing.CurrencyMissing, Severity: billing.Warning, Subject: odd.Subject(), Detail: "No currency."},
		{Kind: billing.CustomerIDMismatch, Severity: billing.Warning, Detail: "Another id."},
	}
	b.collect(first)
	r.PretaxTotal, r.AfterTaxTotal = amount("12.50"), amount("12.50")
	b.collect(statement(customerA, both(r, oneTime(10, "2"), oneTime(10, "3"), odd), item(r, "CYCLE FEE", "12.50"), item(r, "CREDIT", "0"), item(o, "PURCHASE FEE", "2")))
	b.collect(statement(customerA, both(recurring(10, "12.50"), oneTime(10, "2"))), statement(customerB, both(recurring(9, "99"))))

	// Whoever may read the views and nothing else can have it.
	reader := b.reader(pgtest.Login(t, b.url, "finance_reader"))
	e, err := reader.Explain(t.Context(), "", customerA, "2026-10")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2026-10", "2026-11"}, e.Months); diff != "" {
		t.Errorf("months (-want +got):\n%s", diff)
	}
	type cost struct{ What, Total, Values, Runs, Sets, Items, Findings string }
	var got []cost
	for _, c := range e.Costs {
		g := cost{What: c.InvoiceType + " " + c.PeriodStart + " " + c.PeriodEnd + " " + c.CurrencyCode + string(rune('0'+c.Ordinal)), Total: c.AfterTaxTotal.String()}
		for _, v := range c.Revisions {
			g.Values += v.AfterTaxTotal.String() + " "
			g.Runs += v.Run.ID[35:] + v.Run.Kind + " "
			if v.SupersededBy != nil {
				g.Runs += "until " + v.SupersededBy.ID[35:] + v.SupersededBy.Version + " "
			}
		}
		for _, s := range c.LineItemSets {
			g.Sets += string(rune('0'+s.ItemCount)) + "by" + s.Run.ID[35:] + " "
		}
		for _, i := range c.LineItems {
			g.Items += i.ChargeType + " " + i.PretaxTotal.String() + " "
		}
		for _, f := range c.Findings {
			g.Findings += f.Kind + " "
		}
		got = append(got, g)
	}
	want := []cost{
		{What: " 2026-10-02 2026-10-30 1", Total: "null", Values: "null ", Runs: "1once ", Findings: "currency_missing detail_vanished "},
		{What: "OneTime 2026-10-01 2026-10-31 USD1", Total: "2", Values: "2 ", Runs: "1once ", Sets: "1by1 0by3 "},
		{What: "OneTime 2026-10-01 2026-10-31 USD2", Total: "3", Values: "3 ", Runs: "1once ", Sets: "1by1 0by3 ", Findings: "detail_vanished "},
		{What: "Recurring 2026-09-12 2026-10-11 USD1", Total: "12.5", Values: "10 12.5 ", Runs: "1once until 2test 2once ", Sets: "1by1 2by2 ", Items: "CYCLE FEE 12.5 CREDIT 0 "},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("costs (-want +got):\n%s", diff)
	}
	if len(e.Findings) != 1 || e.Findings[0].Kind != "customer_id_mismatch" || e.Findings[0].ResolvedAt == nil {
		t.Errorf("findings about the customer: %+v, want the other id, resolved", e.Findings)
	}
	text, err := json.Marshal(e.Costs[3].Revisions[1].AfterTaxTotal)
	if err != nil || string(text) != "12.5" {
		t.Errorf("an amount in JSON is %s, %v", text, err)
	}
	if r := e.Costs[3].Revisions; r[0].Run.ID != run1 || r[0].SummarySHA256 == r[1].SummarySHA256 || e.Costs[1].LineItemSets[0].SupersededBy.ID != run3 {
		t.Errorf("provenance %+v", e.Costs)
	}
	for partner, id := range map[string]billing.CustomerID{"": "00000000-0000-4000-8000-00000000000f", "fabrikam": customerA} {
		if _, err := reader.Explain(t.Context(), partner, id, "2026-10"); !errors.Is(err, billing.ErrUnknownCustomer) {
			t.Errorf("%s %s: error %v, want billing.ErrUnknownCustomer", partner, id, err)
		}
	}
}

func TestBodiesAreVerified(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(recurring(9, "10"))), statement(customerB, nil))
	hashes := b.query(`SELECT encode(payload_hash, 'hex') FROM collector.payloads ORDER BY payload_hash DESC LIMIT 3`)
	b.change(`UPDATE collector.payloads SET body = body || 'x' WHERE payload_hash = '\x` + hashes[0] + `'`)
	b.change(`DELETE FROM collector.payloads WHERE payload_hash = '\x` + hashes[1] + `'`)
	bodies, err := b.store.Bodies(t.Context(), hashes)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, body := range bodies {
		if (body.Content == nil) != (body.State == persist.BodyPruned) {
			t.Errorf("%s body of %d bytes", body.State, len(body.Content))
		}
		got = append(got, body.SHA256+" "+string(body.State))
	}
	if diff := cmp.Diff([]string{hashes[0] + " damaged", hashes[1] + " pruned", hashes[2] + " verified"}, got); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	if _, err := b.store.Bodies(t.Context(), []string{"not a hash"}); err == nil {
		t.Error("a malformed hash was accepted")
	}
}

func TestFindingsAboutLineItemsWaitForLineItems(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := recurring(9, "10")
	odd := statement(customerA, both(r), item(r, "FEE", "10"))
	odd.Findings = []billing.Finding{
		{Kind: billing.CurrencyMissing, Severity: billing.Warning, Subject: "line items Recurring", Detail: "No currency."},
		{Kind: billing.LineItemsSumMismatch, Severity: billing.Warning, Subject: r.Subject(), Detail: "They do not add up."},
		{Kind: billing.DetailArithmetic, Severity: billing.Warning, Subject: r.Subject(), Detail: "It does not add up."},
		{Kind: billing.RootMismatch, Severity: billing.Warning, Detail: "Another root."},
	}
	b.collect(odd)
	unread := statement(customerA, both(r))
	unread.LineItems = nil
	b.collect(unread)
	wantLines(t, "the line items were not read", b.openFindings(), "currency_missing warning line items Recurring", "line_items_sum_mismatch warning Recurring 2026-09-12 USD")
	b.collect(statement(customerA, both(r), item(r, "FEE", "10")))
	wantLines(t, "all is well", b.openFindings())
}
