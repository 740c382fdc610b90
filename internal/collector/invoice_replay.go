package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// replayInvoices derives the partner's invoices and their lines again from the archive, and
// calls show for each invoice that changes. It returns nil when nothing is archived.
func (c *Collector) replayInvoices(ctx context.Context, run billing.Run, log *slog.Logger, show func(InvoiceLine)) (*InvoiceTally, error) {
	r := &invoiceReplay{Collector: c, run: run, log: log, show: show}
	err := r.replay(ctx)
	if err != nil || r.tally.Listed+r.tally.Read+r.tally.Unchanged+r.tally.Failed == 0 {
		return nil, err
	}
	if r.tally.Failed > 0 {
		r.tally.Cause = fmt.Errorf("%d archived answers are not read by this version; their rows stay, and the log says why", r.tally.Failed)
	}
	log.Info("invoices replayed", slog.Int("invoices", r.tally.Listed), slog.Int("invoices_changed", r.tally.Changed), slog.Int("read", r.tally.Read),
		slog.Int("changed", r.tally.LinesChanged), slog.Int("pruned", r.tally.NoData), slog.Int("failed", r.tally.Failed))
	return &r.tally, r.stored(ctx, func(ctx context.Context) error { return c.Store.ReconcileInvoices(ctx, run) })
}

// invoiceReplay is the replay of one partner's invoices.
type invoiceReplay struct {
	*Collector

	run   billing.Run
	log   *slog.Logger
	show  func(InvoiceLine)
	tally InvoiceTally
}

func (r *invoiceReplay) stored(ctx context.Context, do func(context.Context) error) error {
	return collect.RetryWhileUnavailable(ctx, r.Config.Database.Wait, r.log, do)
}

func (r *invoiceReplay) replay(ctx context.Context) error {
	if err := r.invoices(ctx); err != nil {
		return err
	}
	var sets []persist.ArchivedLines
	err := r.stored(ctx, func(ctx context.Context) (err error) {
		sets, err = r.Store.ArchivedLines(ctx, r.run.Partner)
		return err
	})
	if err != nil {
		return err
	}
	for _, set := range sets {
		if set.Pruned { // it cannot be known what they said
			r.tally.NoData++
			continue
		}
		if err := r.lines(ctx, set); err != nil {
			return err
		}
	}
	return nil
}

// invoices derives what the lists say about the invoices.
func (r *invoiceReplay) invoices(ctx context.Context) error {
	var archived []persist.ArchivedInvoice
	err := r.stored(ctx, func(ctx context.Context) (err error) {
		archived, err = r.Store.ArchivedInvoices(ctx, r.run.Partner)
		return err
	})
	if err != nil {
		return err
	}
	type page = [32]byte
	of := map[page]map[string]bool{}
	var bodies []billing.InvoiceBody
	for _, a := range archived {
		if of[a.Body.Hash] == nil {
			of[a.Body.Hash] = map[string]bool{}
			bodies = append(bodies, a.Body)
		}
		of[a.Body.Hash][a.InvoiceID] = true
	}
	var derived []billing.Invoice
	for at, body := range bodies {
		stated, err := fetch.ArchivedInvoices(body)
		if err != nil {
			r.log.Error("an archived list of invoices is not read; its invoices are not changed", slog.Any("error", err))
			r.tally.Failed++
			continue
		}
		for _, invoice := range stated {
			if of[body.Hash][invoice.ID] { // others were stated by a later answer
				invoice.Body = at
				derived = append(derived, invoice)
			}
		}
	}
	r.tally.Listed = len(derived)
	var changes []persist.InvoiceChange
	err = r.stored(ctx, func(ctx context.Context) (err error) {
		changes, err = r.Store.SaveInvoices(ctx, r.run, billing.AmendmentsLast(derived), bodies, nil)
		return err
	})
	if errors.Is(err, billing.ErrRejected) {
		r.log.Error("the database refuses the derived invoices; none is changed", slog.Any("error", err))
		r.tally.Failed++
		return nil
	}
	r.tally.Changed = len(changes)
	for _, change := range changes {
		r.show(newInvoiceLine(r.run.Partner, change))
	}
	return err
}

// lines derives a set of lines.
func (r *invoiceReplay) lines(ctx context.Context, archived persist.ArchivedLines) error {
	var saved persist.SavedLines
	err := r.stored(ctx, func(ctx context.Context) error {
		bodies, err := r.Store.BodiesOf(ctx, archived)
		if err != nil {
			return err
		}
		saved, err = r.Store.ReplayLines(ctx, r.run, archived, fetch.ArchivedLines(archived.Source, bodies))
		return err
	})
	_, unreadable := errors.AsType[*billing.Failure](err)
	switch {
	case err == nil:
	case unreadable || errors.Is(err, billing.ErrRejected):
		r.log.Error("the archived lines of an invoice are not read; they are not changed",
			slog.String("invoice_id", archived.InvoiceID), slog.String("part", archived.Part), slog.Any("error", err))
		r.tally.Failed++
		return nil
	default:
		return err
	}
	r.tally.Read++
	if !saved.Changed {
		r.tally.Unchanged++
		return nil
	}
	r.tally.LinesChanged++
	line := newInvoiceLine(r.run.Partner, persist.InvoiceChange{InvoiceID: archived.InvoiceID, Month: archived.Month})
	line.Rederived = map[string]int{archived.Part: saved.Lines}
	r.show(line)
	return nil
}
