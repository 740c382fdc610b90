package persist

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// profileScopes says how much of each customer's billing profile may be stored. It is
// applied where a batch is staged, the one place through which collections, imports and
// replays pass.
type profileScopes struct {
	all    billing.ProfileScope
	erased map[billing.CustomerID]billing.ProfileScope
}

func (s profileScopes) of(id billing.CustomerID) billing.ProfileScope {
	return max(s.all, s.erased[id])
}

// scopes reads which of these customers were erased. The caller holds the partner's
// lock, or writes nothing.
func (s *Store) scopes(ctx context.Context, db dbsqlc.DBTX, partner string, customers []string) (profileScopes, error) {
	rows, err := s.q.ErasedCustomers(ctx, db, dbsqlc.ErasedCustomersParams{CustomerIds: customers, Partner: partner})
	if err != nil {
		return profileScopes{}, fmt.Errorf("read the erased customers: %w", classify(err))
	}
	sc := profileScopes{all: s.profiles, erased: make(map[billing.CustomerID]billing.ProfileScope, len(rows))}
	for _, row := range rows {
		scope := billing.NameAndCountry
		if row.CompanyName {
			scope = billing.CountryOnly
		}
		sc.erased[billing.CustomerID(row.CustomerID)] = scope
	}
	return sc, nil
}

// reducePage is how many customers are reduced in one transaction.
const reducePage = 1000

// reducePartner removes what earlier runs stored of the partner's customers and the
// store may no longer keep. If there is nothing to remove it only reads.
func (s *Store) reducePartner(ctx context.Context, partner string) error {
	var total Erased
	for after := int64(0); ; {
		keys, err := s.q.CustomersInFull(ctx, s.pool, dbsqlc.CustomersInFullParams{Partner: partner, After: after, AtMost: reducePage})
		if err != nil {
			return fmt.Errorf("look for billing profiles that were stored in full: %w", classify(err))
		}
		if len(keys) == 0 {
			break
		}
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			page, err := s.reduce(ctx, tx, keys, s.profiles)
			total = total.plus(page)
			return err
		})
		if err != nil {
			return fmt.Errorf("reduce billing profiles that were stored in full: %w", classify(err))
		}
		after = keys[len(keys)-1]
	}
	if !total.Nothing() {
		s.log.InfoContext(ctx, "reduced stored billing profiles to company name and country", slog.String("partner", partner),
			slog.Int64("profiles", total.Profiles), slog.Int64("earlier_profiles", total.EarlierProfiles), slog.Int64("bodies", total.Bodies), slog.Int64("messages", total.Messages))
	}
	return nil
}

// reduce removes everything beyond the scope from the profiles of these customers,
// their history and the archive, and the service's messages from their failures.
func (s *Store) reduce(ctx context.Context, tx pgx.Tx, customers []int64, scope billing.ProfileScope) (Erased, error) {
	var gone Erased
	var bodies [][]byte
	var nameless []int64
	keepName := scope < billing.CountryOnly
	err := inOrder(
		func() (err error) { gone.Profiles, err = s.reduceProfiles(ctx, tx, customers, scope); return err },
		func() (err error) {
			gone.EarlierProfiles, err = s.q.ReduceProfileHistory(ctx, tx, dbsqlc.ReduceProfileHistoryParams{KeepCompanyName: keepName, CustomerKeys: customers})
			return err
		},
		func() (err error) { bodies, err = s.q.ForgetProfileBodies(ctx, tx, customers); return err },
		func() error { return s.q.ForgetProfileDigests(ctx, tx, customers) },
		func() error {
			if keepName {
				return nil
			}
			nameless = customers
			if err := s.q.ForgetNames(ctx, tx, customers); err != nil {
				return err
			}
			items, err := s.q.LineItemsBodies(ctx, tx, customers)
			bodies = append(bodies, items...)
			return err
		},
		func() (err error) { bodies, err = s.q.LockPayloadsToErase(ctx, tx, bodies); return err },
		func() (err error) {
			if len(bodies) > 0 {
				gone.Bodies, err = s.q.DeleteUnnamedPayloads(ctx, tx, dbsqlc.DeleteUnnamedPayloadsParams{Hashes: bodies, Nameless: nameless})
			}
			return err
		},
		func() (err error) { gone.Messages, err = s.q.ForgetFailureMessages(ctx, tx, customers); return err },
		func() error {
			errors, err := s.q.ForgetLastErrors(ctx, tx, customers)
			gone.Messages += errors
			return err
		},
	)
	return gone, err
}

func (s *Store) reduceProfiles(ctx context.Context, tx pgx.Tx, customers []int64, scope billing.ProfileScope) (int64, error) {
	stored, err := s.q.StoredNames(ctx, tx, customers)
	if err != nil {
		return 0, err
	}
	reduced := dbsqlc.ReduceProfilesParams{KeepCompanyName: scope < billing.CountryOnly}
	for _, row := range stored {
		left := billing.Profile{CompanyName: text(row.CompanyName), Address: billing.Address{Country: text(row.Country)}}
		reduced.CustomerKeys = append(reduced.CustomerKeys, row.CustomerKey)
		reduced.ContentHashes = append(reduced.ContentHashes, hashProfile(left.Within(scope)))
	}
	return s.q.ReduceProfiles(ctx, tx, reduced)
}

// text returns an empty string for NULL.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
