package collector

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist/pgtest"
)

// previewInvoices returns the lines of a dry run.
func (i *installation) previewInvoices() []string {
	i.t.Helper()
	var printed []string
	tracker := pgtest.Track(i.t, i.url, slices.Concat(invoiceFacts, []string{"collector.invoice_loads", "collector.runs"})...)
	results := i.Preview(i.t.Context(), Request{Kind: billing.KindOnce, Only: OnlyInvoices}, Everybody(i.Config.Partners), Show{Invoice: func(line InvoiceLine) error {
		printed = append(printed, line.String())
		return nil
	}})
	if results[0].Err != nil {
		i.t.Fatal(results[0].Err)
	}
	if changes := tracker.Changes(i.t); changes != "" {
		i.t.Errorf("a dry run wrote:\n%s", changes)
	}
	slices.Sort(printed)
	return printed
}

// A dry run says of each invoice what the run after it changes and reads.
func TestDryRunOfInvoices(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 30, partnersim.Invoices{Plant: true})
	first := i.previewInvoices()
	if n := len(first); n == 0 || !slices.ContainsFunc(first, func(s string) bool {
		return strings.HasPrefix(s, "sim: invoice G500000000 of 2026-09: new, ") && strings.HasSuffix(s, " USD, would read graph/billed_reconciliation")
	}) {
		t.Errorf("%q", first)
	}
	i.night(Request{})
	if diff := cmp.Diff(i.lines(`SELECT invoice_id FROM finance.invoices ORDER BY 1`), idsOf(first)); diff != "" {
		t.Errorf("new (-want +got):\n%s", diff)
	}
	if again := i.previewInvoices(); len(again) != 0 {
		t.Errorf("unchanged: %q", again)
	}

	totals := func() []string {
		return i.lines(`SELECT invoice_id || ' ' || trim_scale(total) FROM finance.invoices ORDER BY 1`)
	}
	before := totals()
	i.sim.Advance(partnersim.Step{Restate: 0.5})
	second := i.previewInvoices()
	i.night(Request{Only: OnlyInvoices})
	var want, got []string
	for at, after := range totals() {
		if id, total, _ := strings.Cut(after, " "); after != before[at] {
			want = append(want, id+": total "+strings.Fields(before[at])[1]+" -> "+total)
		}
	}
	for _, line := range second {
		fields := strings.Fields(strings.ReplaceAll(line, ",", ""))
		got = append(got, fields[2]+": total "+fields[6]+" -> "+fields[8])
		if !strings.Contains(line, ", would read ") {
			t.Errorf("its lines are not read: %s", line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("changed totals (-want +got):\n%s\n%q", diff, second)
	}
}

// idsOf returns the numbers of the invoices in the lines of a dry run.
func idsOf(lines []string) []string {
	var ids []string
	for _, line := range lines {
		ids = append(ids, strings.Fields(line)[2])
	}
	slices.Sort(ids)
	return ids
}
