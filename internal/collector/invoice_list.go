package collector

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// list stores the invoices and the parts that are to be read of each.
func (w *invoiceWork) list(ctx context.Context) error {
	list, err := w.client.Invoices(ctx)
	if err != nil {
		return err
	}
	var known map[string]persist.KnownInvoice
	err = w.stored(ctx, func(ctx context.Context) (err error) {
		known, err = w.c.Store.KnownInvoices(ctx, w.run.Partner)
		return err
	})
	if err != nil {
		return err
	}
	invoices, err := w.withPeriods(ctx, &list, known)
	if err != nil {
		return err
	}
	w.tally.Listed = len(invoices)
	var wanted []persist.NewLoad
	for _, invoice := range invoices {
		wanted = append(wanted, w.loadsOf(invoice, known)...)
	}
	return w.stored(ctx, func(ctx context.Context) error {
		changes, err := w.c.Store.SaveInvoices(ctx, w.run, invoices, list.Bodies, wanted)
		w.tally.Changed = len(changes)
		return err
	})
}

// singleInvoices reads invoices by their number.
type singleInvoices struct {
	*invoiceWork

	list *fetch.InvoiceList
	// refused means that the service does not let this sign-in read them.
	refused bool
}

// read returns an invoice and its amendments, or nothing if the service does not let it be
// read. An error ends the run.
func (s *singleInvoices) read(ctx context.Context, id string) ([]billing.Invoice, error) {
	if s.refused {
		return nil, nil
	}
	invoices, body, err := s.client.Invoice(ctx, id)
	failure, ok := errors.AsType[*billing.Failure](err)
	switch {
	case err == nil:
	case !ok || failure.Class == billing.CredentialFailure:
		return nil, err
	default:
		s.refused = failure.Class == billing.ConfigurationFailure || failure.Class == billing.RoleMissing
		s.log.Warn("an invoice could not be read by its number, which alone states its period; its lines count in the month before its date", slog.String("invoice_id", id), slog.Any("error", failure))
		return nil, nil
	}
	for i := range invoices {
		invoices[i].Body = len(s.list.Bodies)
	}
	s.list.Bodies = append(s.list.Bodies, body)
	return invoices, nil
}

// withPeriods returns the invoices of the months to read, each with its period, which the
// list does not state. An amendment belongs to the month of the invoice that it amends. That
// invoice may be on no list, and the answer about an invoice may state amendments that are on
// none.
func (w *invoiceWork) withPeriods(ctx context.Context, list *fetch.InvoiceList, known map[string]persist.KnownInvoice) ([]billing.Invoice, error) {
	single := &singleInvoices{invoiceWork: w, list: list, refused: w.partner.Auth.Mode == "app_only"}
	stated := map[string]bool{}
	for _, invoice := range list.Invoices {
		stated[invoice.ID] = true
	}
	pending := slices.Clone(list.Invoices)
	for _, id := range w.offTheList(list.Invoices, stated, known) {
		invoices, err := single.read(ctx, id)
		if err != nil {
			return nil, err
		}
		pending = slices.Concat(unstated(invoices, stated), pending)
	}
	var wanted []billing.Invoice
	taken := map[string]bool{}
	for len(pending) > 0 {
		invoice := pending[0]
		pending = pending[1:]
		stored, isKnown := known[invoice.ID]
		_, amendsKnown := known[invoice.Amends]
		month, _ := invoice.Month()
		belongs := isKnown || amendsKnown || taken[invoice.Amends]
		switch {
		case belongs:
		case invoice.Amends != "" && stated[invoice.Amends]: // what it amends is too old
			continue
		case month.AddDate(0, 1, 0).Before(w.since):
			continue
		}
		if !stored.HasPeriod && invoice.PeriodEnd.IsZero() && invoice.Amends == "" {
			alone, err := single.read(ctx, invoice.ID)
			if err != nil {
				return nil, err
			}
			if len(alone) > 0 {
				invoice.PeriodStart, invoice.PeriodEnd, invoice.Body = alone[0].PeriodStart, alone[0].PeriodEnd, alone[0].Body
				pending = slices.Concat(unstated(alone[1:], stated), pending)
			}
		}
		if month, _ = invoice.Month(); !belongs && month.Before(w.since) {
			continue
		}
		taken[invoice.ID] = true
		wanted = append(wanted, invoice)
	}
	return wanted, nil
}

// offTheList returns the numbers under which invoices can be read that are not on the list:
// those that only their amendments name, and the stored ones as long as they may change.
func (w *invoiceWork) offTheList(listed []billing.Invoice, stated map[string]bool, known map[string]persist.KnownInvoice) []string {
	var ids []string
	for _, invoice := range listed {
		if _, isKnown := known[invoice.Amends]; invoice.Amends != "" && !stated[invoice.Amends] && !isKnown {
			ids = append(ids, invoice.Amends)
		}
	}
	for id, invoice := range known {
		if !stated[id] && w.c.Now().Sub(invoice.Date) < askFor {
			ids = append(ids, cmp.Or(invoice.Amends, id))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// unstated returns the invoices that are not stated yet, and records them.
func unstated(invoices []billing.Invoice, stated map[string]bool) []billing.Invoice {
	var news []billing.Invoice
	for _, invoice := range invoices {
		if !stated[invoice.ID] {
			stated[invoice.ID] = true
			news = append(news, invoice)
		}
	}
	return news
}

// loadsOf returns the parts of an invoice to read, and the interface for each.
func (w *invoiceWork) loadsOf(invoice billing.Invoice, known map[string]persist.KnownInvoice) []persist.NewLoad {
	month, assumed := invoice.Month()
	if stored := known[invoice.ID]; assumed && !stored.Month.IsZero() {
		month = stored.Month
	}
	parts := invoice.Parts
	if lacksParts(invoice) {
		parts = append(slices.Clone(parts), newCommerce)
	}
	var loads []persist.NewLoad
	for _, part := range parts {
		load := persist.NewLoad{InvoiceID: invoice.ID, Source: billing.FromV1, Part: part, State: persist.LoadExpected}
		switch {
		case part.IsDailyUsage():
			load.State = persist.LoadLeftOut
		case part.IsNewCommerce() && w.graph != nil && !month.Before(firstExport) && !strings.HasPrefix(invoice.ID, "D"):
			load.Source = billing.FromV2
		}
		loads = append(loads, load)
	}
	return loads
}

// newCommerce is the part that every new-commerce invoice has. An export needs no more than
// the invoice's number.
var newCommerce = billing.InvoicePart{Provider: "one_time", LineType: "billing_line_items"}

// lacksParts reports whether a new-commerce invoice over some amount names no billed lines. It
// would pass for complete, and its total for an amount of no customer.
func lacksParts(invoice billing.Invoice) bool {
	if invoice.Type != billing.OneTime || !invoice.Total.Valid || invoice.Total.Decimal.IsZero() {
		return false
	}
	return !slices.ContainsFunc(invoice.Parts, func(p billing.InvoicePart) bool { return !p.IsDailyUsage() })
}
