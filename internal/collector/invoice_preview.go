package collector

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// previewInvoices shows what a run would do about the invoices. It reads the lists and no
// lines, requests no export and writes nothing.
func (c *Collector) previewInvoices(ctx context.Context, run billing.Run, request Request, s Selection, client *fetch.Client, log *slog.Logger, show func(InvoiceLine) error) error {
	w, err := c.newInvoiceWork(run, request, s, client, log)
	if err != nil {
		return err
	}
	defer w.close()
	list, err := client.Invoices(ctx)
	if err != nil {
		return err
	}
	known, err := c.Store.KnownInvoices(ctx, run.Partner)
	if err != nil {
		return err
	}
	invoices, err := w.withPeriods(ctx, &list, known)
	if err != nil {
		return err
	}
	if err := w.summaries(ctx); err != nil {
		return err
	}
	loads, err := w.due(ctx)
	if err != nil {
		return err
	}
	plan, err := c.Store.PlanInvoices(ctx, run.Partner, invoices)
	if err != nil {
		return err
	}
	due := map[string][]string{}
	for _, load := range loads {
		due[load.InvoiceID] = append(due[load.InvoiceID], load.Name())
	}
	changes := map[string]persist.InvoiceChange{}
	for _, change := range plan {
		changes[change.InvoiceID] = change
	}
	for _, invoice := range invoices {
		change, changes := changes[invoice.ID]
		if !changes {
			change = persist.InvoiceChange{InvoiceID: invoice.ID, Month: known[invoice.ID].Month}
		}
		line := newInvoiceLine(run.Partner, change)
		line.WouldRead = due[invoice.ID]
		delete(due, invoice.ID)
		for _, load := range w.loadsOf(invoice, known) {
			name := load.Name()
			if load.State == persist.LoadExpected && (change.New || change.ChangesTotal()) && !slices.Contains(line.WouldRead, name) {
				line.WouldRead = append(line.WouldRead, name)
			}
		}
		if changes || len(line.WouldRead) > 0 {
			if err := show(line); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(due)) { // invoices that the list no longer has
		line := newInvoiceLine(run.Partner, persist.InvoiceChange{InvoiceID: id, Month: known[id].Month})
		line.WouldRead = due[id]
		if err := show(line); err != nil {
			return err
		}
	}
	return nil
}
