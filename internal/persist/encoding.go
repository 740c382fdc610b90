package persist

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// The encodings of an archived body (collector.payloads.encoding).
const (
	bodyAsAnswered int16 = 0
	bodyZstd1      int16 = 1
)

// bodies1 is the dictionary of bodyZstd1: answers as the documentation shows them. The
// bodies are small and alike, so most of each is in the dictionary. It is a storage
// format: no byte of it may change. A better dictionary is a new encoding.
//
//go:embed bodies-1.dict
var bodies1 []byte

const (
	// worthwhile is the number of bytes from which on a body is compressed.
	worthwhile = 128
	// window bounds the memory of the encoder; only large bodies would benefit from more.
	window = 256 << 10
	// largestBody bounds the size of a decompressed body. No body is larger when it is
	// stored.
	largestBody = 128 << 20
)

// Encoder and decoder are created when the first body needs them, because most commands
// need neither.
var (
	bodyEncoder = sync.OnceValue(func() *zstd.Encoder {
		encoder, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(uint32(bodyZstd1), bodies1), zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderCRC(false)) // the archive has the SHA-256 instead
		if err != nil {
			panic(fmt.Sprintf("the options of the encoder: %v", err))
		}
		return encoder
	})
	bodyDecoder = sync.OnceValue(func() *zstd.Decoder {
		decoder, err := zstd.NewReader(nil, zstd.WithDecoderDictRaw(uint32(bodyZstd1), bodies1), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(largestBody))
		if err != nil {
			panic(fmt.Sprintf("the options of the decoder: %v", err))
		}
		return decoder
	})
)

// encodeBody returns a body as it is stored in the archive.
func encodeBody(body []byte) (stored []byte, encoding int16) {
	if len(body) < worthwhile {
		return body, bodyAsAnswered
	}
	stored = bodyEncoder().EncodeAll(body, nil)
	if len(stored) >= len(body) {
		return body, bodyAsAnswered
	}
	return stored, bodyZstd1
}

// decodeBody returns a stored body as it was received, byte for byte, and whether it
// could be decoded. If not, the stored bytes are returned.
func decodeBody(stored []byte, encoding int16) (body []byte, ok bool) {
	switch encoding {
	case bodyAsAnswered:
		return stored, true
	case bodyZstd1:
		body, err := bodyDecoder().DecodeAll(stored, nil)
		if err == nil {
			return body, true
		}
	}
	return stored, false
}
