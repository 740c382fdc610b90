package persist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/persist/dbsqlc"
)

// RefreshToken is the row of a partner's refresh token.
type RefreshToken struct {
	// Sealed is the encrypted token; nil if the token is stored elsewhere. KeyID names the
	// key.
	Sealed   []byte
	KeyID    string
	IssuedAt time.Time
	// Revision counts the tokens so far; 0 means that there is none.
	Revision int64
}

// tokenTries bounds how often the lock of a token is tried, each time for lockPatience.
// The exchange of another process ends within some minutes, whatever the sign-in service
// does.
const tokenTries = 150

// LockRefreshToken waits until no other process uses the partner's refresh token, and
// locks it. The lock belongs to the session of the partners' locks, so no other
// connection is occupied while the sign-in service is asked. The caller calls release
// once.
func (s *Store) LockRefreshToken(ctx context.Context, partner string) (release func(), err error) {
	for tries := 1; ; tries++ {
		_, release, err := s.LockPartner(ctx, "token/"+partner) // "/" is not allowed in the name of a partner
		switch {
		case err == nil:
			return release, nil
		case errors.Is(err, ErrLocked) && tries < tokenTries && ctx.Err() == nil:
		case errors.Is(err, ErrLocked):
			return nil, fmt.Errorf("%w: another process has been using the refresh token of %s for several minutes", billing.ErrUnavailable, partner)
		default:
			return nil, err
		}
	}
}

// RefreshToken returns the row of the partner's refresh token; the zero value if there is
// none.
func (s *Store) RefreshToken(ctx context.Context, partner string) (RefreshToken, error) {
	row, err := s.q.RefreshToken(ctx, s.pool, partner)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return RefreshToken{}, nil
	case err != nil:
		return RefreshToken{}, fmt.Errorf("read the refresh token of %s: %w", partner, classify(err))
	}
	kept := RefreshToken{Sealed: row.Sealed, IssuedAt: row.IssuedAt, Revision: row.Revision}
	if row.KeyID != nil {
		kept.KeyID = *row.KeyID
	}
	return kept, nil
}

// KeepRefreshToken replaces the token that has next.Revision. If another process has
// replaced that token meanwhile, it changes nothing and returns false.
func (s *Store) KeepRefreshToken(ctx context.Context, partner string, next RefreshToken) (bool, error) {
	var kept int64
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		kept, err = s.q.KeepRefreshToken(ctx, tx, dbsqlc.KeepRefreshTokenParams{
			Partner: partner, Sealed: next.Sealed, KeyID: optional(next.KeyID), IssuedAt: next.IssuedAt, Revision: next.Revision + 1,
		})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("keep the refresh token of %s: %w", partner, classify(err))
	}
	return kept == 1, nil
}

// RefreshTokensIssued returns by partner when the refresh tokens in the database and in
// key vaults were issued.
func (s *Store) RefreshTokensIssued(ctx context.Context) (map[string]time.Time, error) {
	rows, err := s.q.RefreshTokensIssued(ctx, s.pool)
	if err != nil {
		return nil, fmt.Errorf("read when the refresh tokens were issued: %w", classify(err))
	}
	issued := make(map[string]time.Time, len(rows))
	for _, row := range rows {
		issued[row.Partner] = row.IssuedAt
	}
	return issued, nil
}
