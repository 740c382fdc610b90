package persist

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// KnownInvoice is the stored state of an invoice.
type KnownInvoice struct {
	// Month is the first day of the month of its lines; zero if unknown.
	Month time.Time
	// HasPeriod means that its period was read, which only the answer about the single
	// invoice states.
	HasPeriod bool
	// Amends is the number of the invoice that it amends; Date is its day.
	Amends string
	Date   time.Time
}

// KnownInvoices returns the stored state of the partner's invoices, by their number.
func (s *Store) KnownInvoices(ctx context.Context, partner string) (map[string]KnownInvoice, error) {
	rows, err := s.q.StoredInvoices(ctx, s.pool, partner)
	if err != nil {
		return nil, fmt.Errorf("read the invoices of %s: %w", partner, classify(err))
	}
	known := make(map[string]KnownInvoice, len(rows))
	for _, row := range rows {
		known[row.InvoiceID] = KnownInvoice{Month: instant(row.Month), HasPeriod: row.PeriodEnd != nil, Amends: text(row.Amends), Date: instant(row.InvoiceDate)}
	}
	return known, nil
}

// SaveInvoices stores new and changed invoices, each former value in the history, the bodies
// that state them, and the parts to read of each: an invoice without them would pass for
// complete. A known period stays when an answer does not state it. The caller holds the
// partner's lock. Saving the same invoices again writes nothing.
func (s *Store) SaveInvoices(ctx context.Context, run billing.Run, invoices []billing.Invoice, bodies []billing.InvoiceBody, parts []NewLoad) (changed int, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		changed = 0
		rows, err := s.q.StoredInvoices(ctx, tx, run.Partner)
		if err != nil {
			return err
		}
		stored := make(map[string]dbsqlc.StoredInvoicesRow, len(rows))
		for _, row := range rows {
			stored[row.InvoiceID] = row
		}
		ledger := invoiceLedger{store: s, tx: tx, run: run, stored: stored, kept: map[int]bool{}, bodies: bodies}
		for _, invoice := range invoices {
			news, err := ledger.save(ctx, invoice)
			if err != nil {
				return err
			}
			if news {
				changed++
			}
		}
		return s.saveLoads(ctx, tx, run, parts)
	})
	if err != nil {
		return 0, fmt.Errorf("store the invoices of %s: %w", run.Partner, classify(err))
	}
	return changed, nil
}

// invoiceLedger saves the invoices of one list.
type invoiceLedger struct {
	store  *Store
	tx     pgx.Tx
	run    billing.Run
	stored map[string]dbsqlc.StoredInvoicesRow
	bodies []billing.InvoiceBody
	// kept are the bodies that are already stored.
	kept map[int]bool
}

// save stores an invoice unless it is already stored with the same values.
func (l *invoiceLedger) save(ctx context.Context, invoice billing.Invoice) (news bool, err error) {
	before, known := l.stored[invoice.ID]
	if invoice.PeriodEnd.IsZero() && known {
		invoice.PeriodStart, invoice.PeriodEnd = instant(before.PeriodStart), instant(before.PeriodEnd)
	}
	after := dbsqlc.StoredInvoicesRow{
		InvoiceKey: before.InvoiceKey, InvoiceID: invoice.ID, InvoiceType: optional(string(invoice.Type)), DocumentType: optional(invoice.DocumentType),
		Amends: optional(invoice.Amends), InvoiceDate: optionalTime(invoice.Date), PeriodStart: optionalTime(invoice.PeriodStart), PeriodEnd: optionalTime(invoice.PeriodEnd),
		CurrencyCode: optional(invoice.CurrencyCode), Total: invoice.Total, Paid: invoice.Paid,
	}
	month, assumed := invoice.Month()
	if parent, ok := l.stored[invoice.Amends]; ok { // an amendment's lines belong to the period that it amends
		after.PeriodStart, after.PeriodEnd = parent.PeriodStart, parent.PeriodEnd
		month, assumed = instant(parent.Month), parent.MonthAssumed
	}
	after.Month, after.MonthAssumed = optionalTime(month), assumed
	if known && sameInvoice(before, after) {
		return false, nil
	}
	hash, err := l.keep(ctx, invoice.Body)
	if err != nil {
		return false, err
	}
	q, now := l.store.q, l.store.now()
	if !known {
		after.InvoiceKey, err = q.InsertInvoice(ctx, l.tx, dbsqlc.InsertInvoiceParams{
			Partner: l.run.Partner, InvoiceID: after.InvoiceID, InvoiceType: after.InvoiceType, DocumentType: after.DocumentType, Amends: after.Amends, InvoiceDate: after.InvoiceDate,
			PeriodStart: after.PeriodStart, PeriodEnd: after.PeriodEnd, Month: after.Month, MonthAssumed: after.MonthAssumed, CurrencyCode: after.CurrencyCode,
			Total: after.Total, Paid: after.Paid, BodyHash: hash, RunID: l.run.ID, Now: now,
		})
	} else {
		err = inOrder(
			func() error {
				return q.KeepInvoiceHistory(ctx, l.tx, dbsqlc.KeepInvoiceHistoryParams{Now: now, RunID: l.run.ID, InvoiceKey: after.InvoiceKey})
			},
			func() error {
				return q.ChangeInvoice(ctx, l.tx, dbsqlc.ChangeInvoiceParams{
					InvoiceType: after.InvoiceType, DocumentType: after.DocumentType, Amends: after.Amends, InvoiceDate: after.InvoiceDate,
					PeriodStart: after.PeriodStart, PeriodEnd: after.PeriodEnd, Month: after.Month, MonthAssumed: after.MonthAssumed, CurrencyCode: after.CurrencyCode,
					Total: after.Total, Paid: after.Paid, BodyHash: hash, RunID: l.run.ID, Now: now, InvoiceKey: after.InvoiceKey,
				})
			},
		)
	}
	l.stored[invoice.ID] = after
	return true, err
}

// keep stores the body that states an invoice, and returns its hash.
func (l *invoiceLedger) keep(ctx context.Context, body int) ([]byte, error) {
	if body < 0 || body >= len(l.bodies) {
		return nil, nil
	}
	b := l.bodies[body]
	if !l.kept[body] {
		l.kept[body] = true
		if err := l.store.keepInvoiceBody(ctx, l.tx, b); err != nil {
			return nil, err
		}
	}
	return b.Hash[:], nil
}

func (s *Store) keepInvoiceBody(ctx context.Context, tx pgx.Tx, b billing.InvoiceBody) error {
	known, err := s.q.KnownInvoiceBodies(ctx, tx, [][]byte{b.Hash[:]})
	if err != nil || len(known) > 0 { // a known body is not sent again
		return err
	}
	return s.q.InsertInvoiceBody(ctx, tx, dbsqlc.InsertInvoiceBodyParams{BodyHash: b.Hash[:], Body: b.Content, Packed: b.Packed, Now: s.now()})
}

func sameInvoice(a, b dbsqlc.StoredInvoicesRow) bool {
	return sameText(a.InvoiceType, b.InvoiceType) && sameText(a.DocumentType, b.DocumentType) && sameText(a.Amends, b.Amends) &&
		sameTime(a.InvoiceDate, b.InvoiceDate) && sameTime(a.PeriodStart, b.PeriodStart) && sameTime(a.PeriodEnd, b.PeriodEnd) && sameTime(a.Month, b.Month) &&
		a.MonthAssumed == b.MonthAssumed && sameText(a.CurrencyCode, b.CurrencyCode) && sameAmount(a.Total, b.Total) && sameAmount(a.Paid, b.Paid)
}

func sameText(a, b *string) bool { return text(a) == text(b) }

func sameTime(a, b *time.Time) bool { return instant(a).Equal(instant(b)) }

func sameAmount(a, b billing.Amount) bool {
	return a.Valid == b.Valid && (!a.Valid || a.Decimal.Equal(b.Decimal))
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// SavePartnerScope records whether the partner's customers are those that Partner
// Center lists. If the configuration names them, a customer that is missing has not
// necessarily left.
func (s *Store) SavePartnerScope(ctx context.Context, partner string, discovers bool) error {
	err := s.q.SavePartnerScope(ctx, s.pool, dbsqlc.SavePartnerScopeParams{Partner: partner, Discovers: discovers})
	if err != nil {
		return fmt.Errorf("record the partner %s: %w", partner, classify(err))
	}
	return nil
}
