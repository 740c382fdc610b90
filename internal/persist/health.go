package persist

import (
	"context"
	"fmt"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// Ready returns why the database cannot be used now: it cannot be reached, or its
// schema is not the one that this program was built for.
func (s *Store) Ready(ctx context.Context) error {
	state, err := s.schemaState(ctx)
	if err != nil {
		return classify(err)
	}
	return state.Check()
}

// Collection is the result of a partner's newest collection of all customers.
type Collection struct {
	Status billing.RunStatus
	Tally  billing.Tally
	// LastSuccess is when a collection last completed, possibly with failed customers; the
	// zero time if none did.
	LastSuccess time.Time
}

// NewestCollections returns the newest ended collection of every partner.
func (s *Store) NewestCollections(ctx context.Context) (map[string]Collection, error) {
	rows, err := s.q.NewestCollections(ctx, s.pool)
	if err != nil {
		return nil, fmt.Errorf("read the newest runs: %w", classify(err))
	}
	newest := make(map[string]Collection, len(rows))
	for _, r := range rows {
		newest[r.Partner] = Collection{
			Status: billing.RunStatus(r.Status),
			Tally: billing.Tally{
				Total: int(r.CustomersTotal), OK: int(r.CustomersOk), Unchanged: int(r.CustomersUnchanged), NoCosts: int(r.CustomersNoCosts),
				Failed: int(r.CustomersFailed), RowsChanged: r.RowsChanged,
			},
			LastSuccess: r.LastSuccessAt.UTC(),
		}
	}
	return newest, nil
}

// Coverage says how complete the data of a partner's active customers is.
type Coverage struct {
	Customers int
	// Covered customers were collected within billing.CoveredWithin, and no part of them
	// is older than allowed.
	Covered int
	// Waiting customers have a part that is older than allowed.
	Waiting int
	// OpenFindings counts by severity, InvoiceFindings those about invoices by kind.
	OpenFindings    map[billing.Severity]int
	InvoiceFindings map[billing.FindingKind]int
}

// Coverage returns the coverage of every partner that has active customers.
func (s *Store) Coverage(ctx context.Context) (map[string]Coverage, error) {
	partners, err := s.q.PartnerCoverage(ctx, s.pool, dbsqlc.PartnerCoverageParams{Since: s.now().Add(-billing.CoveredWithin), Now: s.now()})
	if err != nil {
		return nil, fmt.Errorf("read the coverage: %w", classify(err))
	}
	findings, err := s.q.OpenFindings(ctx, s.pool)
	if err != nil {
		return nil, fmt.Errorf("read the open findings: %w", classify(err))
	}
	invoices, err := s.q.OpenInvoiceFindings(ctx, s.pool, invoiceFindings())
	if err != nil {
		return nil, fmt.Errorf("read the open findings about invoices: %w", classify(err))
	}
	coverage := make(map[string]Coverage, len(partners))
	for _, p := range partners {
		open := map[billing.Severity]int{}
		for _, f := range findings {
			if f.Partner == p.Partner {
				open[billing.Severity(f.Severity)] = int(f.Findings)
			}
		}
		ofInvoices := map[billing.FindingKind]int{}
		for _, f := range invoices {
			if f.Partner == p.Partner {
				ofInvoices[billing.FindingKind(f.Kind)] = int(f.Findings)
			}
		}
		coverage[p.Partner] = Coverage{Customers: int(p.Customers), Covered: int(p.Covered), Waiting: int(p.Waiting), OpenFindings: open, InvoiceFindings: ofInvoices}
	}
	return coverage, nil
}
