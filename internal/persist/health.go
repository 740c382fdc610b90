package persist

import (
	"context"
	"fmt"
	"time"

	"partnercost/internal/billing"
)

// Ready returns why the database cannot be worked with now: it is away, or its schema
// is not the one that this program was built for.
func (s *Store) Ready(ctx context.Context) error {
	state, err := s.schemaState(ctx)
	if err != nil {
		return classify(err)
	}
	return state.Check()
}

// Collection is how the newest collection of all customers of a partner ended.
type Collection struct {
	Status billing.RunStatus
	Tally  billing.Tally
	// LastSuccess is when a collection last came to its end, be it with failed customers;
	// the zero time if none did.
	LastSuccess time.Time
}

// NewestCollections returns the newest collection that ended of every partner.
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
