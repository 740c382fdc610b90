package billing

import (
	"crypto/sha256"
	"encoding/binary"
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
