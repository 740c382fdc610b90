package partnersim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// sealer issues and recognises tokens that contain their own values, so that no token
// has to be remembered.
type sealer struct{ key []byte }

// seal is a kind of token; tokens of one kind are not accepted as another.
type seal byte

const (
	accessSeal       seal = 'a'
	refreshSeal      seal = 'r'
	deviceSeal       seal = 'd'
	continuationSeal seal = 'c'
)

const macSize = 16

func newSealer(s seed) sealer {
	return sealer{key: binary.BigEndian.AppendUint64(nil, s.hash(topicIdentity, 'k'))}
}

// seal returns a token with some values.
func (s sealer) seal(kind seal, facts ...uint64) string {
	body := []byte{byte(kind)}
	for _, fact := range facts {
		body = binary.AppendUvarint(body, fact)
	}
	return base64.RawURLEncoding.EncodeToString(append(body, s.mac(body)...))
}

// open reads the values of a token and reports whether it was issued here.
func (s sealer) open(kind seal, token string, facts ...*uint64) bool {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	// A token has a single spelling; the decoder would ignore line breaks.
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != token || len(raw) < 1+macSize || seal(raw[0]) != kind {
		return false
	}
	body, mac := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	if !hmac.Equal(mac, s.mac(body)) {
		return false
	}
	body = body[1:]
	for _, fact := range facts {
		value, n := binary.Uvarint(body)
		if n <= 0 {
			return false
		}
		*fact, body = value, body[n:]
	}
	return true
}

func (s sealer) mac(body []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write(body)
	return h.Sum(nil)[:macSize]
}
