package persist

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// BodyState says whether an archived body can be relied on.
type BodyState string

// The states of an archived body.
const (
	// BodyVerified: the content has the SHA-256 under which it is stored.
	BodyVerified BodyState = "verified"
	// BodyDamaged: the content has another SHA-256, so it is not what was collected.
	BodyDamaged BodyState = "damaged"
	// BodyPruned: retention removed the body, or it was never stored.
	BodyPruned BodyState = "pruned"
)

// ArchivedBody is the body of an answer, byte for byte. It may hold personal data.
type ArchivedBody struct {
	SHA256  string
	State   BodyState
	Content []byte
}

// Bodies reads bodies from the archive by their SHA-256 in hexadecimal, and verifies
// each. The result is in the order of hashes.
func (s *Store) Bodies(ctx context.Context, hashes []string) ([]ArchivedBody, error) {
	keys := make([][]byte, len(hashes))
	bodies := make([]ArchivedBody, len(hashes))
	for i, hash := range hashes {
		key, err := hex.DecodeString(hash)
		if err != nil {
			return nil, fmt.Errorf("%q is not a SHA-256 in hexadecimal: %w", hash, err)
		}
		keys[i], bodies[i] = key, ArchivedBody{SHA256: hash, State: BodyPruned}
	}
	rows, err := s.q.ArchivedBodies(ctx, s.pool, keys)
	if err != nil {
		return nil, fmt.Errorf("read %d archived bodies: %w", len(hashes), classify(err))
	}
	for _, row := range rows {
		i := slices.Index(hashes, row.Sha256)
		content, ok := decodeBody(row.Body, row.Encoding)
		bodies[i].State, bodies[i].Content = BodyVerified, content
		if sum := sha256.Sum256(content); !ok || hex.EncodeToString(sum[:]) != row.Sha256 {
			bodies[i].State = BodyDamaged
		}
	}
	return bodies, nil
}

// JSON returns the body's JSON value, or an array if there are several: a body that
// took several pages holds one value after the other. It is nil for anything else. Each
// value may begin with a byte order mark.
func (b ArchivedBody) JSON() json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(bytes.ReplaceAll(b.Content, []byte("\ufeff"), nil)))
	var pages []json.RawMessage
	for {
		var page json.RawMessage
		err := decoder.Decode(&page)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil
		}
		pages = append(pages, page)
	}
	if len(pages) == 1 {
		return pages[0]
	}
	all, err := json.Marshal(pages)
	if err != nil || len(pages) == 0 {
		return nil
	}
	return all
}
