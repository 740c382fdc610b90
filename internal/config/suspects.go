package config

import (
	"hash/maphash"

	"github.com/google/uuid"
)

// suspects finds repeated keys among very many with little memory: a set of a million
// keys would take more than all else that a run needs. While keys are added, a bit is set
// for each. Only keys whose bit was set already can be repeated, and only their lines are
// remembered afterwards.
type suspects struct {
	seed maphash.Seed
	// seen has bitsEach bits for each expected key.
	seen []uint64
	// shared are the bits of several keys, and lines the first lines of these keys.
	shared map[uint64]bool
	lines  map[uuid.UUID]int
}

// bitsEach makes one key in 32 share its bit with another.
const bitsEach = 32

// newSuspects returns a set for about so many keys; with more, more of them are suspects.
func newSuspects(keys int64) *suspects {
	return &suspects{
		seed: maphash.MakeSeed(), seen: make([]uint64, 1+keys*bitsEach/64),
		shared: map[uint64]bool{}, lines: map[uuid.UUID]int{},
	}
}

func (s *suspects) bit(key uuid.UUID) uint64 {
	return maphash.Bytes(s.seed, key[:]) % (uint64(len(s.seen)) * 64)
}

// add announces a key. Each key is added as often as it occurs.
func (s *suspects) add(key uuid.UUID) {
	bit := s.bit(key)
	if mask := uint64(1) << (bit % 64); s.seen[bit/64]&mask == 0 {
		s.seen[bit/64] |= mask
	} else {
		s.shared[bit] = true
	}
}

// first returns the line of the first call with the key, which is this line if it has not
// been called with it before. All keys must have been added.
func (s *suspects) first(key uuid.UUID, line int) int {
	if !s.shared[s.bit(key)] {
		return line
	}
	if first, known := s.lines[key]; known {
		return first
	}
	s.lines[key] = line
	return line
}
