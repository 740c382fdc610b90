package persist

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestBodiesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 5000)
	source := rand.NewChaCha8([32]byte{})
	_, _ = source.Read(noise)
	for name, test := range map[string]struct {
		body     []byte
		encoding int16
	}{
		"empty":                              {nil, bodyAsAnswered},
		"short":                              {[]byte(`{"code":3000}`), bodyAsAnswered},
		"noise":                              {noise, bodyAsAnswered},
		"an answer":                          {bytes.ReplaceAll(bodies1[:900], []byte("Contoso"), []byte("Fabrikam")), bodyZstd1},
		"larger than what is looked back at": {[]byte(strings.Repeat(hex.EncodeToString(noise), 100)), bodyZstd1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored, encoding := encodeBody(test.body)
			if encoding != test.encoding || len(stored) > len(test.body) {
				t.Errorf("%d bytes became %d, encoding %d, want %d", len(test.body), len(stored), encoding, test.encoding)
			}
			got, ok := decodeBody(stored, encoding)
			if !ok || !bytes.Equal(got, test.body) {
				t.Errorf("the body did not come back: %t, %d bytes", ok, len(got))
			}
		})
	}
	for name, kept := range map[string]struct {
		stored   []byte
		encoding int16
	}{"damaged": {[]byte("no frame"), bodyZstd1}, "of a later version": {[]byte("{}"), 99}} {
		if got, ok := decodeBody(kept.stored, kept.encoding); ok || !bytes.Equal(got, kept.stored) {
			t.Errorf("%s: %q, %t", name, got, ok)
		}
	}
}

// Bodies that are compressed today will be read for years.
func TestEncodedBodiesAreAStorageFormat(t *testing.T) {
	t.Parallel()
	if got, want := fmt.Sprintf("%x", sha256.Sum256(bodies1)), "47bf8074068b1f7629ac66f138b64cce0a1f9c1c9352248a5f2a2f2aa37d9c5a"; got != want {
		t.Errorf("the dictionary has SHA-256 %s, want %s; what was compressed with it cannot be read with another", got, want)
	}
	const stored = "28b52ffd0100013d0200a4023166616272696b616d2e6578616d706c6564652d444564654620476d6248224445224bc3b66c6e227d7d080075748a314827ca08ee053306b2364ae758553af33d26e80401"
	kept, err := hex.DecodeString(stored)
	if err != nil {
		t.Fatal(err)
	}
	body, ok := decodeBody(kept, bodyZstd1)
	if want := kept1; !ok || string(body) != want {
		t.Errorf("%t %q, want %q", ok, body, want)
	}
}

// kept1 is a body that was stored with version 1 of the encoding.
const kept1 = `{"id":"00000000-0000-4000-8000-000000000001","email":"admin@fabrikam.example","culture":"de-DE","language":"de","companyName":"Fabrikam GmbH","defaultAddress":{"country":"DE","city":"Köln"}}`
