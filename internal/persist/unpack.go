package persist

import (
	"context"
	"fmt"
	"slices"
)

// encodingsVersion is the migration that creates collector.payloads.encoding.
const encodingsVersion = 17

// unpackBatch is how many bodies are unpacked in one statement.
const unpackBatch = 200

// unpackBodies decompresses all bodies when the last n migrations include the one that
// introduced encodings. It may be interrupted at any moment, because each body states
// its encoding.
func (m *Migrator) unpackBodies(ctx context.Context, n int) error {
	versions, _, err := m.applied()
	if err != nil {
		return err
	}
	if !slices.Contains(versions[len(versions)-n:], encodingsVersion) {
		return nil
	}
	for {
		unpacked, err := m.unpackSome(ctx)
		if err != nil {
			return fmt.Errorf("unpack the archived bodies: %w", err)
		}
		if unpacked == 0 {
			return nil
		}
	}
}

func (m *Migrator) unpackSome(ctx context.Context) (n int, err error) {
	rows, err := m.db.QueryContext(ctx, "SELECT payload_hash, body, encoding FROM collector.payloads WHERE encoding <> 0 LIMIT $1", unpackBatch)
	if err != nil {
		return 0, classify(err)
	}
	defer func() { _ = rows.Close() }()
	var hashes, bodies [][]byte
	for rows.Next() {
		var hash, stored []byte
		var encoding int16
		if err := rows.Scan(&hash, &stored, &encoding); err != nil {
			return 0, classify(err)
		}
		body, ok := decodeBody(stored, encoding)
		if !ok {
			return 0, fmt.Errorf("the body with SHA-256 %x is damaged: restore collector.payloads from a backup, or delete that row", hash)
		}
		hashes, bodies = append(hashes, hash), append(bodies, body)
	}
	if err := rows.Err(); err != nil {
		return 0, classify(err)
	}
	for i := range hashes {
		if _, err := m.db.ExecContext(ctx, "UPDATE collector.payloads SET body = $2, encoding = 0 WHERE payload_hash = $1", hashes[i], bodies[i]); err != nil {
			return 0, classify(err)
		}
	}
	return len(hashes), nil
}
