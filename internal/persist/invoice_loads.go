package persist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// LoadState is the progress of reading a part of an invoice.
type LoadState string

// The states of a load, as stored in collector.invoice_loads.
const (
	LoadExpected LoadState = "expected"
	// LoadRunning: an export is in progress, or was when the last process ended.
	LoadRunning LoadState = "loading"
	LoadDone    LoadState = "loaded"
	// LoadNoData: the service has no lines, or none yet.
	LoadNoData LoadState = "no_data"
	LoadFailed LoadState = "failed"
	// LoadLeftOut: daily usage, which is not collected.
	LoadLeftOut LoadState = "left_out"
)

// InvoiceLoad is an entry of the ledger: a part of an invoice that is to be read.
type InvoiceLoad struct {
	InvoiceID, CurrencyCode string
	Type                    billing.InvoiceType
	Month, Date             time.Time
	Total                   billing.Amount
	Source                  billing.LineSource
	Part                    billing.InvoicePart
	State                   LoadState
	// FirstSeen is when the part was first listed; AskedAt when its lines were last requested.
	FirstSeen, AskedAt time.Time
	// Operation is the address of the export in progress.
	Operation string
	ETag      string
	// AskedTotal and AskedLatest are the values of the lists when the lines were last
	// requested: the invoice's total, and the day of the newest invoice of its currency and
	// type.
	AskedTotal  billing.Amount
	AskedLatest time.Time

	id, invoice int64
	part        string
}

// NewLoad is a part of an invoice as the list names it.
type NewLoad struct {
	InvoiceID string
	Source    billing.LineSource
	Part      billing.InvoicePart
	State     LoadState
}

// Name is what the ledger calls a part.
func (l *InvoiceLoad) Name() string { return l.part }

// Name is what the ledger calls a part.
func (l *NewLoad) Name() string {
	if l.Source == billing.FromV2 {
		return billing.BilledReconciliation
	}
	return l.Part.Name()
}

// saveLoads adds the parts of invoices to the ledger: new parts, and parts that are now read
// through another interface or link. Lines that were read stay.
func (s *Store) saveLoads(ctx context.Context, tx pgx.Tx, run billing.Run, wanted []NewLoad) error {
	loads, err := s.invoiceLoads(ctx, tx, run.Partner)
	if err != nil {
		return err
	}
	stored, err := s.q.StoredInvoices(ctx, tx, run.Partner)
	if err != nil {
		return err
	}
	keys := make(map[string]int64, len(stored))
	for _, row := range stored {
		keys[row.InvoiceID] = row.InvoiceKey
	}
	of := map[string][]InvoiceLoad{}
	for _, load := range loads {
		of[load.InvoiceID] = append(of[load.InvoiceID], load)
	}
	for _, w := range wanted {
		if err := s.saveLoad(ctx, tx, run, keys[w.InvoiceID], of[w.InvoiceID], w); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) saveLoad(ctx context.Context, tx pgx.Tx, run billing.Run, invoice int64, known []InvoiceLoad, w NewLoad) error {
	for _, load := range known {
		switch {
		case load.Source == w.Source && load.part == w.Name():
			if load.Part.Link == w.Part.Link || w.Part.Link == "" {
				return nil
			}
			return s.q.RelinkInvoiceLoad(ctx, tx, dbsqlc.RelinkInvoiceLoadParams{Link: optional(w.Part.Link), LoadID: load.id})
		case load.Source == w.Source || load.Part.IsNewCommerce() != w.Part.IsNewCommerce() || load.State == LoadLeftOut || w.State == LoadLeftOut:
		case load.State == LoadDone:
			return nil // the same lines would be stored twice
		default:
			if err := s.q.DeleteInvoiceLoad(ctx, tx, load.id); err != nil {
				return err
			}
		}
	}
	return s.q.InsertInvoiceLoad(ctx, tx, dbsqlc.InsertInvoiceLoadParams{
		InvoiceKey: invoice, Source: string(w.Source), Part: w.Name(), Provider: w.Part.Provider, LineType: w.Part.LineType, Link: optional(w.Part.Link),
		State: string(w.State), Now: s.now(), RunID: run.ID,
	})
}

// InvoiceLoads returns the ledger of a partner, newest months first.
func (s *Store) InvoiceLoads(ctx context.Context, partner string) ([]InvoiceLoad, error) {
	loads, err := s.invoiceLoads(ctx, s.pool, partner)
	if err != nil {
		return nil, fmt.Errorf("read what there is to read of the invoices of %s: %w", partner, classify(err))
	}
	return loads, nil
}

func (s *Store) invoiceLoads(ctx context.Context, db dbsqlc.DBTX, partner string) ([]InvoiceLoad, error) {
	rows, err := s.q.InvoiceLoads(ctx, db, partner)
	if err != nil {
		return nil, err
	}
	loads := make([]InvoiceLoad, len(rows))
	for i, row := range rows {
		loads[i] = InvoiceLoad{
			InvoiceID: row.InvoiceID, CurrencyCode: text(row.CurrencyCode), Type: billing.InvoiceType(text(row.InvoiceType)), Month: instant(row.Month), Date: instant(row.InvoiceDate),
			Total: row.Total, Source: billing.LineSource(row.Source), Part: billing.InvoicePart{Provider: row.Provider, LineType: row.LineType, Link: text(row.Link)},
			State: LoadState(row.State), FirstSeen: row.FirstSeenAt, AskedAt: instant(row.AskedAt), Operation: text(row.Operation), ETag: text(row.Etag),
			AskedTotal: row.AskedTotal, AskedLatest: instant(row.AskedLatest), id: row.LoadID, invoice: row.InvoiceKey, part: row.Part,
		}
	}
	return loads, nil
}

// NoteLoad records the state of a load: its progress, its operation, and the values of the
// lists when it was requested. failed says why it failed; nil if it did not. Lines that
// were read before stay loaded when a later reading fails.
func (s *Store) NoteLoad(ctx context.Context, run billing.Run, load InvoiceLoad, failed *billing.Failure) error {
	note := dbsqlc.NoteInvoiceLoadParams{
		State: string(load.State), Operation: optional(load.Operation), AskedAt: optionalTime(load.AskedAt), AskedTotal: load.AskedTotal, AskedLatest: optionalTime(load.AskedLatest),
		RunID: run.ID, LoadID: load.id,
	}
	if failed != nil {
		note.Error, note.Code, note.RequestID = optional(failed.Error()), optional(failed.Code), optional(failed.RequestID)
	}
	if err := s.q.NoteInvoiceLoad(ctx, s.pool, note); err != nil {
		return fmt.Errorf("note how the reading of invoice %s stands: %w", load.InvoiceID, classify(err))
	}
	return nil
}

// ConfirmLoad records that the stored lines of a load are those of the service.
func (s *Store) ConfirmLoad(ctx context.Context, run billing.Run, load InvoiceLoad) error {
	err := s.q.CompleteInvoiceLoad(ctx, s.pool, s.completed(run, load, load.ETag))
	if err != nil {
		return fmt.Errorf("note that invoice %s is unchanged: %w", load.InvoiceID, classify(err))
	}
	return nil
}

func (s *Store) completed(run billing.Run, load InvoiceLoad, etag string) dbsqlc.CompleteInvoiceLoadParams {
	now := s.now()
	return dbsqlc.CompleteInvoiceLoadParams{Etag: optional(etag), Now: &now, AskedTotal: load.AskedTotal, AskedLatest: optionalTime(load.AskedLatest), RunID: run.ID, LoadID: load.id}
}

// SavedLines is the result of storing lines.
type SavedLines struct {
	Lines int
	// Changed means that the set is new, or replaced another.
	Changed bool
	// Kept are the lines of a set that stays because the other has none: an invoice does not
	// lose its lines.
	Kept int
}

// SaveLines stores the lines of a load and its entry in the ledger in one transaction. A set
// with the same lines as before stays, and only the row of the ledger is written. The lines
// are read twice and streamed, so memory does not grow with their number.
func (s *Store) SaveLines(ctx context.Context, run billing.Run, load InvoiceLoad, set billing.LineSet) (SavedLines, error) {
	return s.replaceSet(ctx, run, load.InvoiceID, invoicePart{load.invoice, load.Source, load.part}, set, func(tx pgx.Tx) error {
		return s.q.CompleteInvoiceLoad(ctx, tx, s.completed(run, load, set.ETag))
	})
}

// invoicePart is what a set of lines belongs to.
type invoicePart struct {
	invoice int64
	source  billing.LineSource
	name    string
}

// replaceSet makes a set the current one of its part, unless that has the same lines. It
// calls also in the same transaction.
func (s *Store) replaceSet(ctx context.Context, run billing.Run, invoice string, part invoicePart, set billing.LineSet, also func(pgx.Tx) error) (SavedLines, error) {
	erased, err := s.q.ErasedOfPartner(ctx, s.pool, run.Partner)
	if err != nil {
		return SavedLines{}, fmt.Errorf("read the erased customers: %w", classify(err))
	}
	scopes, err := s.scopes(ctx, s.pool, run.Partner, erased)
	if err != nil {
		return SavedLines{}, err
	}
	lines, err := measure(set, scopes)
	if err != nil {
		return SavedLines{}, fmt.Errorf("read the lines of invoice %s: %w", invoice, err)
	}
	saved := SavedLines{Lines: lines.count}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		saved.Changed, saved.Kept = false, 0
		revision := int32(0)
		current, err := s.q.CurrentInvoiceSet(ctx, tx, dbsqlc.CurrentInvoiceSetParams{InvoiceKey: part.invoice, Source: string(part.source), Part: part.name})
		switch {
		case err == nil && string(current.ContentHash) == string(lines.hash):
			return also(tx)
		case err == nil && lines.count == 0:
			saved.Kept = int(current.LineCount)
			return nil
		case err == nil:
			revision = current.Revision + 1
			if err := s.q.SupersedeInvoiceSet(ctx, tx, dbsqlc.SupersedeInvoiceSetParams{Now: s.now(), RunID: run.ID, SetID: current.SetID}); err != nil {
				return err
			}
		case !errors.Is(err, pgx.ErrNoRows):
			return err
		}
		saved.Changed = true
		id, err := s.q.InsertInvoiceSet(ctx, tx, dbsqlc.InsertInvoiceSetParams{
			InvoiceKey: part.invoice, Source: string(part.source), Part: part.name, Revision: revision, ContentHash: lines.hash, LineCount: int32(lines.count),
			Etag: optional(set.ETag), RunID: run.ID, Now: s.now(),
		})
		if err != nil {
			return err
		}
		return inOrder(
			func() error { return copyInvoiceLines(ctx, tx, id, set, scopes) },
			func() error { return s.q.InsertInvoiceSetTotals(ctx, tx, id) },
			func() error { return s.keepSetBodies(ctx, tx, id, set.Bodies, lines.mayKeepBodies) },
			func() error { return also(tx) },
		)
	})
	if err != nil {
		return SavedLines{}, fmt.Errorf("store the lines of invoice %s: %w", invoice, classify(err))
	}
	return saved, nil
}

// keepSetBodies records from which answers a set was read, and stores the answers if
// that is allowed.
func (s *Store) keepSetBodies(ctx context.Context, tx pgx.Tx, set int64, bodies []billing.InvoiceBody, keep bool) error {
	for i, body := range bodies {
		if keep {
			if err := s.keepInvoiceBody(ctx, tx, body); err != nil {
				return err
			}
		}
		err := s.q.InsertInvoiceSetBody(ctx, tx, dbsqlc.InsertInvoiceSetBodyParams{SetID: set, Ordinal: int32(i), BodyHash: body.Hash[:]})
		if err != nil {
			return err
		}
	}
	return nil
}
