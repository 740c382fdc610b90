package collector

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

const (
	// exportsAtOnce bounds the exports under way.
	exportsAtOnce = 4
	// exportPause is the wait between two looks at an export when the service does not say.
	exportPause = 10 * time.Second
	// exportPatience bounds the wait for exports in one run; the next one goes on with those
	// that are under way.
	exportPatience = 20 * time.Minute
	// exportAttempts is how many exports of one invoice a run begins: one that has failed is
	// never asked again.
	exportAttempts = 2
)

// invoiceExport is one that is under way.
type invoiceExport struct {
	load persist.InvoiceLoad
	// wait is how long it is not worth a look.
	wait time.Duration
	// began counts the exports that this run began, and expired the signatures that it met.
	began, expired int
}

// export reads lines through Microsoft Graph, some exports at a time.
func (w *invoiceWork) export(ctx context.Context, loads []persist.InvoiceLoad) error {
	if w.graph == nil {
		for _, load := range loads {
			w.tally.Loading++
			w.unread(load, "the configuration names no invoices.graph any more")
		}
		return nil
	}
	waited := time.Duration(0)
	var active []*invoiceExport
	for len(loads) > 0 || len(active) > 0 {
		for len(active) < exportsAtOnce && len(loads) > 0 {
			e := &invoiceExport{load: w.asked(loads[0])}
			loads = loads[1:]
			under, err := w.begin(ctx, e)
			if err != nil {
				return err
			}
			if under {
				active = append(active, e)
			}
		}
		var left []*invoiceExport
		for _, e := range active {
			done, err := w.look(ctx, e)
			if err != nil {
				return err
			}
			if !done {
				left = append(left, e)
			}
		}
		active = left
		if len(active) == 0 {
			continue
		}
		if waited >= exportPatience {
			for _, e := range active {
				w.tally.Loading++
				w.unread(e.load, "the export is under way; the next run goes on with it")
			}
			for _, load := range loads {
				w.tally.Loading++
				w.unread(load, "not asked for yet; the next run does")
			}
			return nil
		}
		paused, err := pause(ctx, active)
		if err != nil {
			return err
		}
		waited += paused
	}
	return nil
}

// pause waits until the first of the exports is worth a look.
func pause(ctx context.Context, active []*invoiceExport) (time.Duration, error) {
	shortest := slices.MinFunc(active, func(a, b *invoiceExport) int { return cmp.Compare(a.wait, b.wait) }).wait
	for _, e := range active {
		e.wait -= shortest
	}
	timer := time.NewTimer(shortest)
	defer timer.Stop()
	select {
	case <-timer.C:
		return shortest, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// begin asks for an export, unless an earlier process has: then it goes on with that. It
// reports whether one is under way.
func (w *invoiceWork) begin(ctx context.Context, e *invoiceExport) (bool, error) {
	if e.load.Operation != "" && e.began == 0 {
		return true, nil
	}
	if e.began >= exportAttempts {
		return false, w.fail(ctx, e.load, &billing.Failure{Class: billing.ServerFailure, Resource: "export of " + e.load.InvoiceID, Message: "the export failed again and again; the next run asks anew"})
	}
	e.began++
	operation, err := w.graph.RequestExport(ctx, e.load.InvoiceID)
	if err != nil {
		return false, w.graphFailed(ctx, e.load, err)
	}
	e.load.Operation = operation
	if e.load.State != persist.LoadDone {
		e.load.State = persist.LoadRunning
	}
	return true, w.note(ctx, e.load, nil)
}

// graphFailed is what becomes of an invoice that Graph does not let be read. Trouble of Graph
// ends no run: Partner Center is another service.
func (w *invoiceWork) graphFailed(ctx context.Context, load persist.InvoiceLoad, err error) error {
	failure, ok := errors.AsType[*billing.Failure](err)
	if !ok || ctx.Err() != nil {
		return err
	}
	return w.fail(ctx, load, failure)
}

// look asks how an export stands, and reads it when it is there. It reports whether there
// is nothing more to wait for.
func (w *invoiceWork) look(ctx context.Context, e *invoiceExport) (done bool, err error) {
	if e.wait > 0 {
		return false, nil
	}
	export, err := w.graph.Operation(ctx, e.load.Operation)
	failure, failed := errors.AsType[*billing.Failure](err)
	switch {
	case failed && failure.HTTPStatus == http.StatusNotFound: // an earlier process asked for it, too long ago
		return w.again(ctx, e)
	case err != nil:
		return true, w.graphFailed(ctx, e.load, err)
	}
	switch export.State {
	case fetch.ExportSucceeded:
		return w.download(ctx, e, export.Manifest)
	case fetch.ExportNoData:
		return true, w.without(ctx, e.load, export.Message)
	case fetch.ExportFailed:
		if e.began >= exportAttempts {
			return true, w.fail(ctx, e.load, &billing.Failure{Class: billing.ServerFailure, Resource: "export of " + e.load.InvoiceID, HTTPStatus: http.StatusOK, Code: export.Code, Message: "the export failed", Said: export.Message})
		}
		return w.again(ctx, e)
	}
	e.wait = export.Wait
	if e.wait <= 0 {
		e.wait = exportPause
	}
	return false, nil
}

// again begins another export in the place of one that is over.
func (w *invoiceWork) again(ctx context.Context, e *invoiceExport) (done bool, err error) {
	e.load.Operation = ""
	e.began = max(e.began, 1) // the one that is over counts
	under, err := w.begin(ctx, e)
	return !under, err
}

// download reads the lines, unless they are those that are stored.
func (w *invoiceWork) download(ctx context.Context, e *invoiceExport, m fetch.Manifest) (done bool, err error) {
	if e.load.State == persist.LoadDone && m.ETag != "" && m.ETag == e.load.ETag {
		w.tally.Unchanged++
		return true, w.stored(ctx, func(ctx context.Context) error { return w.c.Store.ConfirmLoad(ctx, w.run, e.load) })
	}
	set, err := w.graph.Download(ctx, m)
	switch {
	case errors.Is(err, fetch.ErrExpired) && e.expired == 0: // the operation signs anew
		e.expired++
		return false, nil
	case errors.Is(err, fetch.ErrExpired):
		return w.again(ctx, e)
	case err != nil:
		return true, w.graphFailed(ctx, e.load, err)
	}
	return true, w.save(ctx, e.load, set)
}
