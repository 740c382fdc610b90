package persist

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/persist/dbsqlc"
)

var (
	// ErrOtherName means that the partner's customers are already stored under another
	// name.
	ErrOtherName = errors.New("the tenant is already stored under another name")
	// ErrUnknownPartner means that no data of the partner is stored.
	ErrUnknownPartner = errors.New("nothing is stored for this partner")
	// ErrPartnerExists means that customers are already stored under the name.
	ErrPartnerExists = errors.New("customers are already stored under this name")
)

// SavePartner records a partner's tenant id, which the FOCUS views use as the billing
// account. It is empty when the configuration names none; a known tenant then stays.
// SavePartner returns ErrOtherName when the name is new for a tenant that has active
// customers under another name, because each of their costs would count twice.
func (s *Store) SavePartner(ctx context.Context, name, tenantID string) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		if err := s.oneName(ctx, tx, name, tenantID); err != nil {
			return err
		}
		return s.q.SavePartner(ctx, tx, dbsqlc.SavePartnerParams{Partner: name, TenantID: optional(tenantID)})
	})
	if err != nil {
		return fmt.Errorf("record the partner %s: %w", name, classify(err))
	}
	return nil
}

// CheckPartner returns the error that SavePartner would return, and writes nothing.
func (s *Store) CheckPartner(ctx context.Context, name, tenantID string) error {
	err := s.oneName(ctx, s.pool, name, tenantID)
	if err != nil {
		return fmt.Errorf("look for the partner %s: %w", name, classify(err))
	}
	return nil
}

// oneName returns ErrOtherName when the name is new for a tenant that has another name.
func (s *Store) oneName(ctx context.Context, db dbsqlc.DBTX, name, tenantID string) error {
	others, err := s.q.OtherNamesOfTenant(ctx, db, dbsqlc.OtherNamesOfTenantParams{Partner: name, TenantID: optional(tenantID)})
	if err != nil || len(others) == 0 {
		return err
	}
	return fmt.Errorf("%w: the tenant %s is the partner %s, and under a second name each of its costs would count twice; "+
		"if the partner was renamed, run: collector partners rename %s %s", ErrOtherName, tenantID, strings.Join(others, ", "), others[0], name)
}

// partnerTables are the tables that name a partner.
const partnerTables = `SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'collector' AND c.relkind = 'r' AND a.attname = 'partner' AND NOT a.attisdropped
ORDER BY 1`

// RenamePartner moves all data of a partner to another name, in one transaction. The
// caller holds the locks of both names. It returns ErrUnknownPartner when there is no
// data, and ErrPartnerExists when the new name has customers.
func (s *Store) RenamePartner(ctx context.Context, from, to string) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		var known, taken bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM collector.customers WHERE partner = $1) OR EXISTS (SELECT 1 FROM collector.runs WHERE partner = $1),
			EXISTS (SELECT 1 FROM collector.customers WHERE partner = $2)`, from, to).Scan(&known, &taken)
		switch {
		case err != nil:
			return err
		case !known:
			return fmt.Errorf("%s: %w", from, ErrUnknownPartner)
		case taken:
			return fmt.Errorf("%s: %w", to, ErrPartnerExists)
		}
		// An earlier run under the new name may have recorded it: a refused one, or one
		// without a tenant.
		if _, err := tx.Exec(ctx, `DELETE FROM collector.partners WHERE partner = $1`, to); err != nil {
			return err
		}
		// Who has signed in under the new name did so later.
		if _, err := tx.Exec(ctx, `DELETE FROM collector.refresh_tokens WHERE partner = $1 AND EXISTS (SELECT 1 FROM collector.refresh_tokens WHERE partner = $2)`, from, to); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, partnerTables)
		if err != nil {
			return err
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, table := range tables {
			if _, err := tx.Exec(ctx, "UPDATE "+table+" SET partner = $2 WHERE partner = $1", from, to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("rename the partner %s to %s: %w", from, to, classify(err))
	}
	return nil
}
