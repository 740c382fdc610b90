package persist

import (
	"context"
	"fmt"
	"slices"
	"strconv"
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
func (s *Store) SaveInvoices(ctx context.Context, run billing.Run, invoices []billing.Invoice, bodies []billing.InvoiceBody, parts []NewLoad) (changes []InvoiceChange, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		changes = nil
		stored, err := s.storedInvoices(ctx, tx, run.Partner)
		if err != nil {
			return err
		}
		ledger := invoiceLedger{store: s, tx: tx, run: run, stored: stored, kept: map[int]bool{}, bodies: bodies}
		for _, invoice := range invoices {
			change, err := ledger.save(ctx, invoice)
			if err != nil {
				return err
			}
			if change != nil {
				changes = append(changes, *change)
			}
		}
		return s.saveLoads(ctx, tx, run, parts)
	})
	if err != nil {
		return nil, fmt.Errorf("store the invoices of %s: %w", run.Partner, classify(err))
	}
	return changes, nil
}

// PlanInvoices returns what SaveInvoices would change, and writes nothing.
func (s *Store) PlanInvoices(ctx context.Context, partner string, invoices []billing.Invoice) ([]InvoiceChange, error) {
	stored, err := s.storedInvoices(ctx, s.pool, partner)
	if err != nil {
		return nil, fmt.Errorf("read the invoices of %s: %w", partner, classify(err))
	}
	var changes []InvoiceChange
	for _, invoice := range invoices {
		after, change := planInvoice(stored, invoice)
		stored[invoice.ID] = after
		if change != nil {
			changes = append(changes, *change)
		}
	}
	return changes, nil
}

func (s *Store) storedInvoices(ctx context.Context, db dbsqlc.DBTX, partner string) (map[string]dbsqlc.StoredInvoicesRow, error) {
	rows, err := s.q.StoredInvoices(ctx, db, partner)
	stored := make(map[string]dbsqlc.StoredInvoicesRow, len(rows))
	for _, row := range rows {
		stored[row.InvoiceID] = row
	}
	return stored, err
}

// InvoiceChange is an invoice that is new, or states something else than before.
type InvoiceChange struct {
	InvoiceID string
	// Month is the first day of the month of its lines; zero if unknown.
	Month        time.Time
	New          bool
	CurrencyCode string
	Total        billing.Amount
	// Values are what changed of an invoice that is not new.
	Values []ValueChange
}

// ChangesTotal reports whether its total is another, so that its lines are read again.
func (c *InvoiceChange) ChangesTotal() bool {
	return slices.ContainsFunc(c.Values, func(v ValueChange) bool { return v.Name == "total" })
}

// ValueChange is a value of an invoice before and after; empty when there was or is none.
type ValueChange struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
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

// planInvoice returns the row of an invoice, and what it changes; nil when nothing.
func planInvoice(stored map[string]dbsqlc.StoredInvoicesRow, invoice billing.Invoice) (dbsqlc.StoredInvoicesRow, *InvoiceChange) {
	before, known := stored[invoice.ID]
	if invoice.PeriodEnd.IsZero() && known {
		invoice.PeriodStart, invoice.PeriodEnd = instant(before.PeriodStart), instant(before.PeriodEnd)
	}
	after := dbsqlc.StoredInvoicesRow{
		InvoiceKey: before.InvoiceKey, InvoiceID: invoice.ID, InvoiceType: optional(string(invoice.Type)), DocumentType: optional(invoice.DocumentType),
		Amends: optional(invoice.Amends), InvoiceDate: optionalTime(invoice.Date), PeriodStart: optionalTime(invoice.PeriodStart), PeriodEnd: optionalTime(invoice.PeriodEnd),
		CurrencyCode: optional(invoice.CurrencyCode), Total: invoice.Total, Paid: invoice.Paid,
	}
	month, assumed := invoice.Month()
	if parent, ok := stored[invoice.Amends]; ok { // an amendment's lines belong to the period that it amends
		after.PeriodStart, after.PeriodEnd = parent.PeriodStart, parent.PeriodEnd
		month, assumed = instant(parent.Month), parent.MonthAssumed
	}
	after.Month, after.MonthAssumed = optionalTime(month), assumed
	change := &InvoiceChange{InvoiceID: invoice.ID, Month: month, New: !known, CurrencyCode: invoice.CurrencyCode, Total: invoice.Total}
	if known {
		change.Values = changedValues(before, after)
		if len(change.Values) == 0 {
			return after, nil
		}
	}
	return after, change
}

// changedValues compares the rows of an invoice.
func changedValues(before, after dbsqlc.StoredInvoicesRow) []ValueChange {
	var changed []ValueChange
	add := func(name string, same bool, before, after string) {
		if !same {
			changed = append(changed, ValueChange{name, before, after})
		}
	}
	texts := func(name string, a, b *string) { add(name, text(a) == text(b), text(a), text(b)) }
	days := func(name string, a, b *time.Time) {
		add(name, instant(a).Equal(instant(b)), dayOf(a), dayOf(b))
	}
	amounts := func(name string, a, b billing.Amount) { add(name, sameAmount(a, b), digits(a), digits(b)) }
	texts("invoice_type", before.InvoiceType, after.InvoiceType)
	texts("document_type", before.DocumentType, after.DocumentType)
	texts("amends", before.Amends, after.Amends)
	days("invoice_date", before.InvoiceDate, after.InvoiceDate)
	days("period_start", before.PeriodStart, after.PeriodStart)
	days("period_end", before.PeriodEnd, after.PeriodEnd)
	days("month", before.Month, after.Month)
	add("month_assumed", before.MonthAssumed == after.MonthAssumed, strconv.FormatBool(before.MonthAssumed), strconv.FormatBool(after.MonthAssumed))
	texts("currency_code", before.CurrencyCode, after.CurrencyCode)
	amounts("total", before.Total, after.Total)
	amounts("paid", before.Paid, after.Paid)
	return changed
}

func dayOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

func digits(a billing.Amount) string {
	if !a.Valid {
		return ""
	}
	return a.Decimal.String()
}

// save stores an invoice unless it is already stored with the same values.
func (l *invoiceLedger) save(ctx context.Context, invoice billing.Invoice) (*InvoiceChange, error) {
	after, change := planInvoice(l.stored, invoice)
	if change == nil {
		return nil, nil //nolint:nilnil // nothing changes
	}
	hash, err := l.keep(ctx, invoice.Body)
	if err != nil {
		return nil, err
	}
	q, now := l.store.q, l.store.now()
	if change.New {
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
	return change, err
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
