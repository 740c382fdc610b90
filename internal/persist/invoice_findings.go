package persist

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// invoiceFindings are the kinds that ReconcileInvoices opens and resolves.
func invoiceFindings() []string {
	kinds := make([]string, len(billing.InvoiceFindings))
	for i, kind := range billing.InvoiceFindings {
		kinds[i] = string(kind)
	}
	return kinds
}

// knownLineClasses are the classes that cause no finding.
var knownLineClasses = []string{
	string(billing.LicenceLine), string(billing.UsageLine), string(billing.OneTimeLine), string(billing.DailyUsageLine), string(billing.DailyRatedUsageLine), string(billing.ExportedLine),
}

// ReconcileInvoices compares the partner's invoices with their lines, the calendar and the
// service costs, and updates the findings about them. It is one transaction, and a second
// call changes nothing. The caller holds the partner's lock.
func (s *Store) ReconcileInvoices(ctx context.Context, run billing.Run) error {
	err := s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if err := stageTables(ctx, conn.Conn()); err != nil {
			return err
		}
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return s.reconcileInvoices(ctx, tx, run.Partner) })
	})
	if err != nil {
		return fmt.Errorf("reconcile the invoices of %s: %w", run.Partner, classify(err))
	}
	return nil
}

func (s *Store) reconcileInvoices(ctx context.Context, tx pgx.Tx, partner string) error {
	q, now := s.q, s.now()
	today := now.UTC().Truncate(24 * time.Hour)
	return inOrder(
		func() error {
			return q.StageMissingInvoices(ctx, tx, dbsqlc.StageMissingInvoicesParams{Partner: partner, Today: today})
		},
		func() error {
			return q.StageInvoiceStates(ctx, tx, dbsqlc.StageInvoiceStatesParams{Now: now, Partner: partner})
		},
		func() error { return q.StageInvoiceTotals(ctx, tx, partner) },
		func() error {
			return q.StageInvoiceLineOddities(ctx, tx, dbsqlc.StageInvoiceLineOdditiesParams{Partner: partner, Known: knownLineClasses})
		},
		func() error { return q.StageInvoiceDifferences(ctx, tx, partner) },
		func() error {
			return q.ResolveInvoiceFindings(ctx, tx, dbsqlc.ResolveInvoiceFindingsParams{Now: now, Partner: partner, Kinds: invoiceFindings()})
		},
		func() error {
			return q.RewordInvoiceFindings(ctx, tx, dbsqlc.RewordInvoiceFindingsParams{Now: now, Partner: partner})
		},
		func() error {
			return q.InsertInvoiceFindings(ctx, tx, dbsqlc.InsertInvoiceFindingsParams{Now: now, Partner: partner})
		},
	)
}
