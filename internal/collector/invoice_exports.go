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
	// exportsAtOnce bounds the exports in progress.
	exportsAtOnce = 4
	// exportPause is the wait between two polls of an export when the service states none.
	exportPause = 10 * time.Second
	// exportPatience bounds the wait for exports in one run; the next run continues with
	// those in progress.
	exportPatience = 20 * time.Minute
	// exportAttempts is how many exports of one invoice a run begins. A failed export is
	// never polled again.
	exportAttempts = 2
)

// invoiceExport is an export in progress.
type invoiceExport struct {
	load persist.InvoiceLoad
	// wait is how long it need not be polled.
	wait time.Duration
	// began counts the exports that this run began, expired the expired signatures.
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

// pause waits until the first of the exports should be polled.
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

// begin requests an export, or continues with one that an earlier process requested. It
// reports whether an export is in progress.
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

// graphFailed records that Graph does not let an invoice be read. Such a failure does not end
// the run, because Partner Center is another service.
func (w *invoiceWork) graphFailed(ctx context.Context, load persist.InvoiceLoad, err error) error {
	failure, ok := errors.AsType[*billing.Failure](err)
	if !ok || ctx.Err() != nil {
		return err
	}
	return w.fail(ctx, load, failure)
}

// look polls an export, and reads it when it is complete. It reports whether there is
// nothing more to wait for.
func (w *invoiceWork) look(ctx context.Context, e *invoiceExport) (done bool, err error) {
	if e.wait > 0 {
		return false, nil
	}
	export, err := w.graph.Operation(ctx, e.load.Operation)
	failure, failed := errors.AsType[*billing.Failure](err)
	switch {
	case failed && failure.HTTPStatus == http.StatusNotFound: // an earlier process requested it, too long ago
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

// again begins another export in place of one that has ended.
func (w *invoiceWork) again(ctx context.Context, e *invoiceExport) (done bool, err error) {
	e.load.Operation = ""
	e.began = max(e.began, 1) // the export that has ended counts
	under, err := w.begin(ctx, e)
	return !under, err
}

// download reads the lines, unless the stored lines are of the same version.
func (w *invoiceWork) download(ctx context.Context, e *invoiceExport, m fetch.Manifest) (done bool, err error) {
	if e.load.State == persist.LoadDone && m.ETag != "" && m.ETag == e.load.ETag {
		w.tally.Unchanged++
		return true, w.stored(ctx, func(ctx context.Context) error { return w.c.Store.ConfirmLoad(ctx, w.run, e.load) })
	}
	set, err := w.graph.Download(ctx, m)
	switch {
	case errors.Is(err, fetch.ErrExpired) && e.expired == 0: // polling the operation returns a new signature
		e.expired++
		return false, nil
	case errors.Is(err, fetch.ErrExpired):
		return w.again(ctx, e)
	case err != nil:
		return true, w.graphFailed(ctx, e.load, err)
	}
	return true, w.save(ctx, e.load, set)
}
