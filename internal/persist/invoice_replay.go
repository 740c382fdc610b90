package persist

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
)

// ArchivedInvoice is an invoice with the answer that stated it last.
type ArchivedInvoice struct {
	InvoiceID string
	Body      billing.InvoiceBody
}

// ArchivedInvoices returns the partner's invoices whose answers are still stored. Invoices
// of one page share its content.
func (s *Store) ArchivedInvoices(ctx context.Context, partner string) ([]ArchivedInvoice, error) {
	rows, err := s.q.ArchivedInvoices(ctx, s.pool, partner)
	if err != nil {
		return nil, fmt.Errorf("read the archived invoices of %s: %w", partner, classify(err))
	}
	pages := map[string]billing.InvoiceBody{}
	archived := make([]ArchivedInvoice, len(rows))
	for i, row := range rows {
		page, read := pages[string(row.BodyHash)]
		if !read {
			bodies, err := s.q.InvoiceBodies(ctx, s.pool, [][]byte{row.BodyHash})
			if err != nil {
				return nil, fmt.Errorf("read an archived list of the invoices of %s: %w", partner, classify(err))
			}
			for _, b := range bodies {
				page = invoiceBody(b.BodyHash, b.Body, b.Packed)
			}
			pages[string(row.BodyHash)] = page
		}
		archived[i] = ArchivedInvoice{InvoiceID: row.InvoiceID, Body: page}
	}
	return archived, nil
}

func invoiceBody(hash, content []byte, packed bool) billing.InvoiceBody {
	b := billing.InvoiceBody{Content: content, Packed: packed}
	copy(b.Hash[:], hash)
	return b
}

// ArchivedLines is a current set of lines that was read from answers.
type ArchivedLines struct {
	InvoiceID string
	Month     time.Time
	Source    billing.LineSource
	Part      string
	// Pruned means that some of the answers are no longer stored.
	Pruned bool

	part invoicePart
	set  int64
	etag string
}

// ArchivedLines returns the partner's current sets of lines, newest months first.
func (s *Store) ArchivedLines(ctx context.Context, partner string) ([]ArchivedLines, error) {
	rows, err := s.q.ArchivedInvoiceSets(ctx, s.pool, partner)
	if err != nil {
		return nil, fmt.Errorf("read the archived lines of %s: %w", partner, classify(err))
	}
	sets := make([]ArchivedLines, len(rows))
	for i, row := range rows {
		source := billing.LineSource(row.Source)
		sets[i] = ArchivedLines{
			InvoiceID: row.InvoiceID, Month: instant(row.Month), Source: source, Part: row.Part, Pruned: row.Pruned,
			part: invoicePart{row.InvoiceKey, source, row.Part}, set: row.SetID, etag: text(row.Etag),
		}
	}
	return sets, nil
}

// BodiesOf returns the answers from which lines were read, in their order.
func (s *Store) BodiesOf(ctx context.Context, lines ArchivedLines) ([]billing.InvoiceBody, error) {
	rows, err := s.q.InvoiceSetBodies(ctx, s.pool, lines.set)
	if err != nil {
		return nil, fmt.Errorf("read the archived lines of invoice %s: %w", lines.InvoiceID, classify(err))
	}
	bodies := make([]billing.InvoiceBody, len(rows))
	for i, row := range rows {
		bodies[i] = invoiceBody(row.BodyHash, row.Body, row.Packed)
	}
	return bodies, nil
}

// ReplayLines makes lines that were derived again the current ones, unless they are the
// same. The ledger of what there is to read stays as it is.
func (s *Store) ReplayLines(ctx context.Context, run billing.Run, archived ArchivedLines, set billing.LineSet) (SavedLines, error) {
	set.ETag = archived.etag
	return s.replaceSet(ctx, run, archived.InvoiceID, archived.part, set, func(pgx.Tx) error { return nil })
}
