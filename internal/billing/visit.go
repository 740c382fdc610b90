package billing

import (
	"crypto/sha256"
	"encoding/binary"
)

// Visit says what a run reads of one customer. The zero value but for the id is
// everything.
type Visit struct {
	CustomerID CustomerID

	// KnownCosts is the hash of the costs whose line items are stored. A summary that
	// says the same needs no line items. Without any they are read in any case.
	KnownCosts []byte
	// SkipProfile: the profile is read only if it is needed to understand a refusal.
	SkipProfile bool

	// Summary is the summary that this run has read already, when what is left is read
	// again: the profile, unless it is skipped, and the line items, unless SkipItems.
	Summary   *Document
	SkipItems bool
	// Earlier is what this run has achieved for the customer already, if anything.
	Earlier Outcome
}

// Hash is the SHA-256 of what a summary says. Two summaries that say the same have the
// same line items, as far as can be known without reading them.
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
