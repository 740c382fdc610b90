package main

import (
	"encoding/json"
	"io"
	"strings"
	"sync"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/sheet"
)

// preview prints what a run would change, a line per customer. It prints each line when
// the answers arrive, so memory does not grow with the customers.
type preview struct {
	w      io.Writer
	asJSON bool

	mu     sync.Mutex
	totals collector.PreviewTotals
}

// print prints a line for each customer of a partner's batch.
func (v *preview) print(partner string, batch []billing.Statement, results []billing.CustomerResult) error {
	var text strings.Builder
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, result := range results {
		line := collector.NewPreviewLine(partner, result, batch[i].Failure)
		v.totals.Count(line.Outcome)
		if err := v.format(&text, line, line.String()); err != nil {
			return err
		}
	}
	_, err := io.WriteString(v.w, text.String())
	return err
}

// printInvoice prints a line for an invoice.
func (v *preview) printInvoice(line collector.InvoiceLine) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var text strings.Builder
	if err := v.format(&text, line, line.String()); err != nil {
		return err
	}
	_, err := io.WriteString(v.w, text.String())
	return err
}

// finish prints the totals.
func (v *preview) finish() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var text strings.Builder
	if err := v.format(&text, map[string]collector.PreviewTotals{"totals": v.totals}, v.totals.String()); err != nil {
		return err
	}
	_, err := io.WriteString(v.w, text.String())
	return err
}

func (v *preview) format(b *strings.Builder, value any, text string) error {
	if !v.asJSON {
		b.WriteString(sheet.Printable(text) + "\n")
		return nil
	}
	return json.NewEncoder(b).Encode(value)
}
