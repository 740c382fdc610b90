package persist

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// Erasure says which customer's personal data is removed.
type Erasure struct {
	Partner    string
	CustomerID billing.CustomerID
	// Scope is the part of the billing profile that stays.
	Scope billing.ProfileScope
	// Version is the version of the collector, for the record.
	Version string
	// DryRun only counts what would be removed.
	DryRun bool
}

// Erased counts what was removed.
type Erased struct {
	// Profiles and EarlierProfiles were reduced; the latter are in the history.
	Profiles, EarlierProfiles int64
	// Bodies were removed from the archive.
	Bodies int64
	// Messages of failures were removed, because they may repeat the service's words.
	Messages int64
}

// Nothing reports whether nothing was removed.
func (e Erased) Nothing() bool { return e == Erased{} }

func (e Erased) plus(other Erased) Erased {
	return Erased{e.Profiles + other.Profiles, e.EarlierProfiles + other.EarlierProfiles, e.Bodies + other.Bodies, e.Messages + other.Messages}
}

// PartnersOf returns the partners under which data about the customer is stored,
// whether they are configured or not. A line of an invoice counts as such data.
func (s *Store) PartnersOf(ctx context.Context, id billing.CustomerID) ([]string, error) {
	partners, err := s.q.PartnersOfCustomer(ctx, s.pool, string(id))
	if err != nil {
		return nil, fmt.Errorf("look for customer %s: %w", id, classify(err))
	}
	return partners, nil
}

// errDryRun rolls the transaction back.
var errDryRun = errors.New("only a dry run")

// Erase removes the personal data of one customer in one transaction and records it;
// the costs stay. From then on the customer's profile is never stored beyond the scope.
// Erasing again removes nothing. The caller holds the partner's lock. Erase returns
// billing.ErrUnknownCustomer if no data of the customer is stored.
func (s *Store) Erase(ctx context.Context, e Erasure) (Erased, error) {
	var gone Erased
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		err := s.q.EnrolInvoiced(ctx, tx, dbsqlc.EnrolInvoicedParams{Partner: e.Partner, CustomerID: string(e.CustomerID), Now: s.now()})
		if err != nil {
			return err
		}
		key, err := s.q.LockCustomer(ctx, tx, dbsqlc.LockCustomerParams{Partner: e.Partner, CustomerID: string(e.CustomerID)})
		if errors.Is(err, pgx.ErrNoRows) {
			return billing.ErrUnknownCustomer
		}
		if err != nil {
			return err
		}
		before, err := s.scopes(ctx, tx, e.Partner, []string{string(e.CustomerID)})
		if err != nil {
			return err
		}
		gone, err = s.reduce(ctx, tx, []int64{key}, e.Scope)
		if err == nil {
			gone.Bodies, err = s.eraseFromInvoices(ctx, tx, e, gone.Bodies)
		}
		switch {
		case err != nil:
			return err
		case e.DryRun:
			return errDryRun
		case gone.Nothing() && before.erased[e.CustomerID] >= e.Scope:
			return nil
		}
		return s.q.InsertErasure(ctx, tx, dbsqlc.InsertErasureParams{
			CustomerKey: key, ErasedAt: s.now(), Version: e.Version, CompanyName: e.Scope == billing.CountryOnly,
			Profiles: int32(gone.Profiles), EarlierProfiles: int32(gone.EarlierProfiles), Bodies: int32(gone.Bodies),
		})
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return Erased{}, fmt.Errorf("erase customer %s of %s: %w", e.CustomerID, e.Partner, classify(err))
	}
	return gone, nil
}

// eraseFromInvoices removes the answers with the customer's lines, which name its domain.
// If the company name is to be removed, it also removes the name in the lines. It returns
// the number of bodies removed so far.
func (s *Store) eraseFromInvoices(ctx context.Context, tx pgx.Tx, e Erasure, bodies int64) (int64, error) {
	ids := []string{string(e.CustomerID)}
	n, err := s.q.EraseInvoiceBodies(ctx, tx, dbsqlc.EraseInvoiceBodiesParams{Partner: e.Partner, CustomerIds: ids})
	if err != nil || e.Scope < billing.CountryOnly {
		return bodies + n, err
	}
	_, err = s.q.ForgetInvoiceNames(ctx, tx, dbsqlc.ForgetInvoiceNamesParams{Partner: e.Partner, CustomerIds: ids})
	return bodies + n, err
}
