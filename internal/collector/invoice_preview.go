package collector

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// InvoicePreview is an invoice that a run would store, or whose lines it would read. Its
// JSON form is a line of a dry run.
type InvoicePreview struct {
	Partner   string   `json:"partner"`
	InvoiceID string   `json:"invoice_id"`
	Month     string   `json:"month"`
	New       bool     `json:"new"`
	WouldRead []string `json:"would_read"`
}

// String returns the line of a text report.
func (p InvoicePreview) String() string {
	var said []string
	if p.New {
		said = append(said, "new")
	}
	if len(p.WouldRead) > 0 {
		said = append(said, "would read "+strings.Join(p.WouldRead, ", "))
	}
	return fmt.Sprintf("%s: invoice %s of %s: %s", p.Partner, p.InvoiceID, p.Month, strings.Join(said, ", "))
}

// previewInvoices shows what a run would do about the invoices. It reads the lists and no
// lines, requests no export and writes nothing.
func (c *Collector) previewInvoices(ctx context.Context, run billing.Run, request Request, s Selection, client *fetch.Client, log *slog.Logger, show func(InvoicePreview) error) error {
	w := &invoiceWork{c: c, run: run, partner: s.Partner, client: client, log: log, since: s.Partner.Invoices.SinceMonth(), all: request.AllInvoices}
	graph, err := c.newGraph(s.Partner, log)
	if err != nil {
		return err
	}
	if graph != nil {
		defer graph.Close()
		w.graph = graph
	}
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
	due := map[string][]string{}
	for _, load := range loads {
		due[load.InvoiceID] = append(due[load.InvoiceID], load.Name())
	}
	for _, invoice := range invoices {
		month, _ := invoice.Month()
		stored, isKnown := known[invoice.ID]
		if isKnown {
			month = stored.Month
		}
		line := InvoicePreview{Partner: run.Partner, InvoiceID: invoice.ID, Month: month.Format("2006-01"), New: !isKnown, WouldRead: due[invoice.ID]}
		for _, load := range w.loadsOf(invoice, known) {
			if !isKnown && load.State == persist.LoadExpected {
				line.WouldRead = append(line.WouldRead, load.Name())
			}
		}
		if line.New || len(line.WouldRead) > 0 {
			if err := show(line); err != nil {
				return err
			}
		}
	}
	return nil
}
