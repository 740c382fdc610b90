package partnersim

import "math/rand/v2"

// seed is the root of all invented data. The same seed, topic and subject give the same
// answer at any time and in any order, so nothing has to be remembered.
type seed uint64

// topic makes the random values of one subject independent of each other.
type topic uint64

const (
	topicIdentity topic = iota + 1
	topicTraits
	topicCompany
	topicProfile
	topicSubscriptions
	topicRecurring
	topicOneTime
	topicInvoice
	topicRestate
	topicRestated
	topicLeave
	topicFault
	topicJitter
	topicAnswer
)

// hash returns 64 well mixed bits for a subject.
func (s seed) hash(t topic, subject ...uint64) uint64 {
	h := mix(uint64(s) ^ mix(uint64(t)))
	for _, part := range subject {
		h = mix(h ^ mix(part+1))
	}
	return h
}

// random returns a reproducible source of numbers for a subject.
func (s seed) random(t topic, subject ...uint64) *rand.Rand {
	h := s.hash(t, subject...)
	return rand.New(rand.NewPCG(h, mix(h)))
}

// chance reports whether a subject is among the given share of all subjects.
func (s seed) chance(share float64, t topic, subject ...uint64) bool {
	return share > 0 && fraction(s.hash(t, subject...)) < share
}

// fraction maps 64 bits to [0, 1).
func fraction(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// mix is the finaliser of SplitMix64: a bijection in which every bit of the input
// flips about half of the bits of the output.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
