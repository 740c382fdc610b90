package persist

import (
	"context"
	"fmt"

	"partnercost/internal/persist/dbsqlc"
)

// SavePartner keeps what the configuration says of a partner: its tenant id, which
// the FOCUS views name as the billing account. It may be empty when the
// configuration names none; a tenant known from before then stays.
func (s *Store) SavePartner(ctx context.Context, name, tenantID string) error {
	err := s.q.SavePartner(ctx, s.pool, dbsqlc.SavePartnerParams{Partner: name, TenantID: optional(tenantID)})
	if err != nil {
		return fmt.Errorf("record the partner %s: %w", name, classify(err))
	}
	return nil
}
