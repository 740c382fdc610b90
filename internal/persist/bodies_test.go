package persist_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

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
