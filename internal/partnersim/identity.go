package partnersim

import (
	"strconv"

	"partnercost/internal/billing"
)

const (
	lowerHex = "0123456789abcdef"
	upperHex = "0123456789ABCDEF"

	// A version 4 GUID leaves 122 bits free: two halves of 61.
	halfMask = 1<<61 - 1
	rounds   = 4
)

// identities maps the index of a customer to a GUID that looks random, and back,
// without a table. It is a keyed permutation of 122 bits (a Feistel network) over the
// index and a check value, by which GUIDs of other origin are recognised.
type identities struct {
	keys  [rounds]uint64
	check uint64
}

func newIdentities(s seed) identities {
	ids := identities{check: s.hash(topicIdentity) & halfMask}
	for i := range ids.keys {
		ids.keys[i] = s.hash(topicIdentity, uint64(i))
	}
	return ids
}

// id returns the GUID of the customer with this index, in lower case.
func (ids identities) id(index uint64) string {
	left, right := index&halfMask, ids.check
	for _, key := range ids.keys {
		left, right = right, left^mix(right^key)&halfMask
	}
	return formatGUID(left>>1, left<<61|right, lowerHex)
}

// index returns the index of the customer with this GUID; ok is false when the GUID
// belongs to no customer here.
func (ids identities) index(id billing.CustomerID) (index uint64, ok bool) {
	high, low, ok := parseGUID(string(id))
	if !ok {
		return 0, false
	}
	left, right := high<<1|low>>61&1, low&halfMask
	for i := rounds - 1; i >= 0; i-- {
		left, right = right^mix(left^ids.keys[i])&halfMask, left
	}
	// Encoding again compares the check value, and the version and variant, which are not
	// part of the permutation.
	return left, ids.id(left) == string(id)
}

// formatGUID writes 60 bits of high and 62 bits of low as a version 4 GUID.
func formatGUID(high, low uint64, digits string) string {
	const version, variant = 0x4, 0x2
	high = high<<4&^0xffff | version<<12 | high&0xfff
	low = variant<<62 | low&(1<<62-1)
	var text [36]byte
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			text[at] = '-'
			at++
		}
		word := high
		if i >= 16 {
			word = low
		}
		text[at] = digits[word>>(60-4*(i%16))&0xf]
		at++
	}
	return string(text[:])
}

// parseGUID is the inverse of formatGUID for a GUID in lower case with hyphens.
func parseGUID(id string) (high, low uint64, ok bool) {
	if len(id) != 36 {
		return 0, 0, false
	}
	high, errHigh := strconv.ParseUint(id[:8]+id[9:13]+id[14:18], 16, 64)
	low, errLow := strconv.ParseUint(id[19:23]+id[24:], 16, 64)
	if errHigh != nil || errLow != nil {
		return 0, 0, false
	}
	return high>>16<<12 | high&0xfff, low & (1<<62 - 1), true
}
