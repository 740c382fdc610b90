package collector

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
)

// replayInvoices replays the archive, and returns the result and the lines that it prints.
func (i *installation) replayInvoices() (Result, []string) {
	i.t.Helper()
	var printed []string
	before := i.sim.Stats().Requests
	r := i.Replay(i.t.Context(), "sim", func(persist.ReplayResult) {}, func(line InvoiceLine) {
		if _, err := json.Marshal(line); err != nil {
			i.t.Error(err)
		}
		printed = append(printed, line.String())
	})
	if diff := cmp.Diff(before, i.sim.Stats().Requests); diff != "" {
		i.t.Errorf("a replay sent requests:\n%s", diff)
	}
	slices.Sort(printed)
	return r, printed
}

// billed returns what finance sees of the invoices.
func (i *installation) billed() []string {
	i.t.Helper()
	return slices.Concat(
		i.lines(`SELECT (to_jsonb(v) - 'last_changed_at' - 'revisions')::text FROM finance.invoices v ORDER BY invoice_id`),
		i.lines(`SELECT to_jsonb(v)::text FROM finance.invoice_lines v ORDER BY invoice_id, source, class, ordinal`),
	)
}

// A replay derives invoices and lines again from the archive, without the network: by the
// same code it writes nothing, and it corrects what earlier code read wrongly.
func TestReplayOfInvoices(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 40, partnersim.Invoices{Plant: true, Unlisted: []string{"USD"}, LinesAPage: 15})
	if r := i.night(Request{}); r.Err != nil || r.Invoices.Failed > 0 {
		t.Fatalf("%+v, %+v", r, r.Invoices)
	}
	before := i.billed()
	tracker := pgtest.Track(t, i.url, slices.Concat(invoiceFacts, []string{"collector.invoice_loads"})...)
	r, printed := i.replayInvoices()
	if changes := tracker.Changes(t); changes != "" || len(printed) > 0 || r.Status != billing.StatusSucceeded {
		t.Errorf("a replay by the same code: %+v, %v\n%s", r, printed, changes)
	}
	sets := i.value(`SELECT count(*) FROM collector.invoice_line_sets`)
	if got := *r.Invoices; got.Read < 20 || got.Unchanged != got.Read || got.Changed != 0 || got.LinesChanged != 0 || got.Failed != 0 || got.NoData != 0 || i.value(`SELECT `+sets) != sets {
		t.Errorf("%+v of %s sets", got, sets)
	}

	const wrong = `(SELECT min(set_id) FROM collector.invoice_line_sets WHERE superseded_at IS NULL GROUP BY source)`
	i.execute(
		`UPDATE collector.invoices SET total = total + 1, currency_code = 'AAA' WHERE invoice_id IN (SELECT min(invoice_id) FROM collector.invoices GROUP BY invoice_type, document_type)`,
		`UPDATE collector.invoice_lines SET after_tax_total = 7 WHERE set_id IN `+wrong,
		`UPDATE collector.invoice_line_sets SET content_hash = 'wrong' WHERE set_id IN `+wrong,
	)
	r, printed = i.replayInvoices()
	if diff := cmp.Diff(before, i.billed()); diff != "" || r.Status != billing.StatusSucceeded {
		t.Errorf("%+v (-want +got):\n%s", r, diff)
	}
	if got := *r.Invoices; got.Changed != 6 || got.LinesChanged != 2 || len(printed) != 8 {
		t.Errorf("%+v, %q", got, printed)
	}
	if former := i.value(`SELECT (SELECT count(*) FROM collector.invoice_history) || ' ' || (SELECT count(*) FROM collector.invoice_line_sets WHERE superseded_by_run = '` + r.RunID + `')`); former != "6 2" {
		t.Errorf("former values: %s", former)
	}
	if r, printed = i.replayInvoices(); r.Invoices.Changed+r.Invoices.LinesChanged != 0 || len(printed) > 0 {
		t.Errorf("a second time: %+v, %q", r.Invoices, printed)
	}
	if r = i.night(Request{Only: OnlyInvoices}); r.Invoices.LinesChanged != 0 || r.Invoices.Changed != 0 {
		t.Errorf("the next night: %+v", r.Invoices)
	}
}

// What the archive no longer has stays as it is, and so does what cannot be read or stored.
func TestReplayOfInvoicesInTrouble(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 30, partnersim.Invoices{LinesAPage: 5})
	i.night(Request{})
	sets := i.lines(`SELECT s.set_id::text FROM collector.invoice_line_sets s WHERE line_count > 5 ORDER BY set_id LIMIT 4`)
	pruned, damaged, refused, wrong := sets[0], sets[1], sets[2], sets[3]
	i.execute(
		`UPDATE collector.invoice_lines SET after_tax_total = 7 WHERE set_id IN (`+pruned+`, `+damaged+`, `+refused+`, `+wrong+`)`,
		`UPDATE collector.invoice_line_sets SET content_hash = 'wrong' WHERE set_id IN (`+pruned+`, `+damaged+`, `+refused+`, `+wrong+`)`,
		`DELETE FROM collector.invoice_bodies WHERE body_hash = (SELECT body_hash FROM collector.invoice_set_bodies WHERE set_id = `+pruned+` AND ordinal = 1)`,
		`UPDATE collector.invoice_bodies SET body = substr(body, 1, octet_length(body) / 2) WHERE body_hash = (SELECT body_hash FROM collector.invoice_set_bodies WHERE set_id = `+damaged+` AND ordinal = 1)`,
		`DELETE FROM collector.invoice_bodies WHERE body_hash IN (SELECT body_hash FROM collector.invoices)`,
	)
	i.refuse("invoice_lines", "INSERT", "NEW.ordinal = 5 AND NEW.set_id IN (SELECT s.set_id FROM collector.invoice_line_sets s JOIN collector.invoice_line_sets f USING (invoice_key, source, part) WHERE f.set_id = "+refused+")", "23514")
	r, printed := i.replayInvoices()
	if got := *r.Invoices; got.Failed != 2 || got.NoData != 1 || got.LinesChanged != 1 || got.Listed != 0 || len(printed) != 1 || r.Status != billing.StatusPartial || r.Err != nil {
		t.Errorf("%+v, %+v, %q", r, got, printed)
	}
	left := i.lines(`SELECT s.set_id::text FROM collector.invoice_line_sets s WHERE content_hash = 'wrong' AND superseded_at IS NULL ORDER BY s.set_id`)
	if diff := cmp.Diff([]string{pruned, damaged, refused}, left); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
	if half := i.value(`SELECT count(*) FROM collector.invoice_line_sets s WHERE line_count <> (SELECT count(*) FROM collector.invoice_lines l WHERE l.set_id = s.set_id)`); half != "0" {
		t.Errorf("%s sets are half written", half)
	}
}
