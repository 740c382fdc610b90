// Package seal encrypts small secrets with keys from a file, so that a database can store
// secrets it cannot read.
package seal

import (
	"bufio"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// HowToMake is a command that generates a key.
const HowToMake = "openssl rand -base64 32"

// Keys are the keys of a file. The first key seals. Every key opens what it has sealed.
// A key is therefore replaced by putting a new one before it.
type Keys struct{ all []key }

type key struct {
	id   string
	aead cipher.AEAD
}

// Parse reads keys, one per line: 32 bytes in base64. "#" begins a comment. Errors do not
// quote the text, because it may be a key with a typing mistake.
func Parse(text string) (*Keys, error) {
	var keys Keys
	lines := bufio.NewScanner(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		secret, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(secret) != chacha20poly1305.KeySize {
			return nil, fmt.Errorf("line %d is not a key; a key is %d bytes in base64; make one with: %s", n, chacha20poly1305.KeySize, HowToMake)
		}
		aead, err := chacha20poly1305.NewX(secret)
		if err != nil {
			return nil, err
		}
		keys.all = append(keys.all, key{id: idOf(secret), aead: aead})
	}
	if err := lines.Err(); err != nil {
		return nil, errors.New("it has a line that is too long to be a key")
	}
	if len(keys.all) == 0 {
		return nil, errors.New("it holds no key; make one with: " + HowToMake)
	}
	return &keys, nil
}

// idOf returns a name of a key that does not reveal it.
func idOf(secret []byte) string {
	sum := sha256.Sum256(append([]byte("partnercost seal key\x00"), secret...))
	return hex.EncodeToString(sum[:8])
}

// Newest returns the id of the key that seals.
func (k *Keys) Newest() string { return k.all[0].id }

// String hides the keys when they are printed.
func (k *Keys) String() string { return "[redacted]" }

// Seal encrypts a secret with the newest key. The text about is not stored: Open needs
// the same text.
func (k *Keys) Seal(secret, about string) []byte {
	aead := k.all[0].aead
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(secret)+aead.Overhead())
	_, _ = rand.Read(nonce) // it never fails
	return aead.Seal(nonce, nonce, []byte(secret), []byte(about))
}

var (
	// ErrNoKey is the error of Open if the key is not in the file.
	ErrNoKey = errors.New("the key that closed it is missing")
	// ErrBroken is the error of Open if the sealed bytes were changed, or were sealed about
	// something else.
	ErrBroken = errors.New("it was changed, or belongs to something else")
)

// Open returns the secret that Seal encrypted with the key of this id.
func (k *Keys) Open(id string, sealed []byte, about string) (string, error) {
	for _, key := range k.all {
		if key.id != id {
			continue
		}
		size := key.aead.NonceSize()
		if len(sealed) < size {
			return "", ErrBroken
		}
		secret, err := key.aead.Open(nil, sealed[:size], sealed[size:], []byte(about))
		if err != nil {
			return "", ErrBroken
		}
		return string(secret), nil
	}
	return "", ErrNoKey
}
