-- name: ArchivedBodies :many
SELECT encode(payload_hash, 'hex')::text AS sha256, body, encoding
FROM collector.payloads
WHERE payload_hash = ANY (@hashes::bytea[])
ORDER BY payload_hash;
