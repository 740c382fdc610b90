package billing

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Visit says what a run reads of one customer. Apart from the id, the zero value reads
// everything.
type Visit struct {
	CustomerID CustomerID

	// KnownCosts is the hash of the costs whose line items are stored. If the summary has
	// the same hash, the line items are not read. If it is empty, they always are.
	KnownCosts []byte
	// SkipProfile means that the profile is read only if it is needed to understand a
	// refusal.
	SkipProfile bool

	// Summary is the summary that this run has already read, when the rest is read again:
	// the profile unless SkipProfile, and the line items unless SkipItems.
	Summary   *Document
	SkipItems bool
	// Earlier is this run's earlier result for the customer, if any.
	Earlier Outcome

	// Known is what is stored of the customer, or nil if its answers must be derived again.
	Known *Known
}

// Known identifies the answers from which everything that is stored of a customer was
// derived by the current Rules. Deriving the same answers again would change nothing.
type Known struct {
	// Key identifies the customer in the store.
	Key int64
	// Profile, Summary and LineItems are the digests of the bodies (Digest), nil for a part
	// that is not stored.
	Profile, Summary, LineItems []byte
	// Outcome is the result for a customer whose answers are known.
	Outcome Outcome
	// NextEnd is when the first of the periods ends whose final amounts are not known. The
	// zero time means that the customer has no periods.
	NextEnd time.Time
	// NoItems means that the costs have no line items.
	NoItems bool
}

// longestPeriod is how far ahead the end of a period is at most.
const longestPeriod = 32 * 24 * time.Hour

// IsCurrent reports whether an answer of now means what it meant when it was stored. At
// the end of a period, the same costs are the final ones of that period. An end further
// ahead than any was stored with a wrong clock, and is corrected by deriving it again.
func (k *Known) IsCurrent(now time.Time) bool {
	if k.NextEnd.IsZero() {
		return k.Outcome == OutcomeNoCosts
	}
	return k.NextEnd.After(now) && !k.NextEnd.After(now.Add(longestPeriod))
}

// Says reports whether a document has the digest that is stored for its kind.
func (k *Known) Says(kind DocumentKind, body []byte) bool {
	var stored []byte
	switch kind {
	case ProfileDocument:
		stored = k.Profile
	case SummaryDocument:
		stored = k.Summary
	case LineItemsDocument:
		stored = k.LineItems
	}
	if stored == nil {
		return false
	}
	digest := Digest(body)
	return bytes.Equal(digest[:], stored)
}

// Hash returns the SHA-256 of the content of a summary. Two summaries with the same
// content have the same line items, as far as can be known without reading them.
func (s *CostSummary) Hash() []byte {
	var image []byte
	text := func(fields ...string) {
		for _, f := range fields {
			image = append(binary.AppendUvarint(image, uint64(len(f))), f...)
		}
	}
	totals := func(t CostTotals) {
		image = binary.AppendVarint(image, t.Period.Start.UnixMicro())
		image = binary.AppendVarint(image, t.Period.End.UnixMicro())
		text(t.CurrencyCode, t.CurrencySymbol)
		for _, a := range [...]Amount{t.PretaxTotal, t.Tax, t.AfterTaxTotal} {
			if a.Valid {
				text(a.Decimal.String())
			} else {
				text("")
			}
		}
	}
	totals(s.Root)
	text(s.BodyCustomerID)
	for _, d := range s.Details {
		text(string(d.InvoiceType))
		totals(d.CostTotals)
	}
	sum := sha256.Sum256(image)
	return sum[:]
}
