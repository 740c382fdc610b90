package persist

import (
	_ "embed"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// How the archive keeps a body (collector.payloads.encoding).
const (
	bodyAsAnswered int16 = 0
	bodyZstd1      int16 = 1
)

// bodies1 is the dictionary of bodyZstd1: answers as the documentation shows them. The
// bodies are small and alike, so that most of each stands in it. It is a storage format:
// no byte of it may change. A better one is a new encoding.
//
//go:embed bodies-1.dict
var bodies1 []byte

const (
	// worthwhile is from how many bytes on a body is compressed.
	worthwhile = 128
	// window bounds the memory of the encoder; only large bodies would gain by more.
	window = 256 << 10
	// largestBody bounds what a body may become again. None is larger when it is stored.
	largestBody = 128 << 20
)

// Encoder and decoder are made when the first body needs them: most commands need none.
var (
	bodyEncoder = sync.OnceValue(func() *zstd.Encoder {
		encoder, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(uint32(bodyZstd1), bodies1), zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderCRC(false)) // the archive has the SHA-256
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

// encodeBody is a body as the archive keeps it.
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

// decodeBody is a kept body as it was answered, byte for byte, and whether it could be
// decoded. What could not is returned as it is kept.
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
