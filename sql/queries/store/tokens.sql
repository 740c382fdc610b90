-- name: RefreshToken :one
SELECT sealed, key_id, issued_at, revision FROM collector.refresh_tokens WHERE partner = @partner;

-- name: KeepRefreshToken :execrows
-- Of two who have read the same revision the first one wins: the row is locked, and
-- looked at again.
INSERT INTO collector.refresh_tokens AS kept (partner, sealed, key_id, issued_at, revision)
VALUES (@partner, sqlc.narg(sealed), sqlc.narg(key_id), @issued_at, @revision)
ON CONFLICT (partner) DO UPDATE
SET sealed = excluded.sealed, key_id = excluded.key_id, issued_at = excluded.issued_at, revision = excluded.revision
WHERE kept.revision = excluded.revision - 1;

-- name: RefreshTokensIssued :many
SELECT partner, issued_at FROM collector.refresh_tokens ORDER BY partner;
