package collector

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
)

// checkInvoices proves, one by one, the permissions that invoices need.
func (c *Collector) checkInvoices(ctx context.Context, checks checks, partner config.Partner, client *fetch.Client) {
	list, err := client.Invoices(ctx)
	checks.made("invoices", err, "read: "+strconv.Itoa(len(list.Invoices)))
	if err == nil && len(list.Invoices) > 0 {
		newest := list.Invoices[len(list.Invoices)-1]
		c.checkInvoice(ctx, checks, partner, client, newest)
		for _, invoice := range list.Invoices {
			if len(invoice.Parts) > 0 && !invoice.Parts[0].IsNewCommerce() {
				_, err := client.InvoiceLines(ctx, invoice.ID, invoice.Parts[0])
				checks.made("invoice lines", err, "read: those of "+invoice.ID)
				break
			}
		}
	}
	c.checkGraph(ctx, checks, partner, list.Invoices)
}

// checkInvoice reads a single invoice, which the service refuses to an application
// alone.
func (c *Collector) checkInvoice(ctx context.Context, checks checks, partner config.Partner, client *fetch.Client, invoice billing.Invoice) {
	if partner.Auth.Mode == "app_only" {
		checks.note("invoice by its number", "an application alone may not read it; the lines count in the month before the invoice's date")
		return
	}
	_, _, err := client.Invoice(ctx, cmp.Or(invoice.Amends, invoice.ID))
	checks.made("invoice by its number", err, "read: its period is known")
	_, err = client.InvoiceSummaries(ctx)
	checks.made("invoice summaries", err, "read")
}

// checkGraph proves the sign-in to Microsoft Graph, and the permission to request an
// export.
func (c *Collector) checkGraph(ctx context.Context, checks checks, partner config.Partner, invoices []billing.Invoice) {
	graph, err := c.newGraph(partner, c.Log)
	switch {
	case err != nil:
		checks.made("Microsoft Graph", err, "")
		return
	case graph == nil:
		checks.note("Microsoft Graph", "not configured; without it there are no lines of new commerce after March 2025 (invoices.graph)")
		return
	}
	defer graph.Close()
	err = graph.SignIn(ctx)
	checks.made("Microsoft Graph token", err, "accepted")
	if err != nil {
		return
	}
	for _, invoice := range invoices {
		if len(invoice.Parts) > 0 && invoice.Parts[0].IsNewCommerce() && invoice.Amends == "" {
			_, err := graph.RequestExport(ctx, invoice.ID)
			checks.made("Microsoft Graph export", err, "may be asked for")
			return
		}
	}
	checks.made("Microsoft Graph export", errNothingToExport, "")
}

// errNothingToExport means that the permission could not be proven.
var errNothingToExport = errors.New("there is no invoice of new commerce to ask for; check again when the first is listed")
