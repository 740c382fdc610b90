package persist

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"partnercost/internal/billing"
)

// contentHash hashes a sequence of fields, each with its length before it, so that no
// two different sequences have the same image.
//
// The image is a storage format: the hashes are stored in billing_profiles and
// line_item_sets, and a row whose hash differs is restated. If a field is added,
// removed or moved, or an amount or a time takes another form, the next night restates
// every profile and every set of every customer, each with a revision of its history. A
// change of the image therefore needs a migration that recomputes the stored hashes.
// TestContentHashesAreAStorageFormat guards the image.
type contentHash struct{ image []byte }

func (h *contentHash) text(fields ...string) {
	for _, f := range fields {
		h.image = binary.AppendUvarint(h.image, uint64(len(f)))
		h.image = append(h.image, f...)
	}
}

// amounts are hashed by value: 17.2 and 17.20 are the same amount.
func (h *contentHash) amounts(amounts ...billing.Amount) {
	for _, a := range amounts {
		if !a.Valid {
			h.text("")
			continue
		}
		h.text(a.Decimal.String())
	}
}

func (h *contentHash) times(times ...time.Time) {
	for _, t := range times {
		h.image = binary.AppendVarint(h.image, t.UnixMicro())
	}
}

func (h *contentHash) sum() []byte {
	sum := sha256.Sum256(h.image)
	return sum[:]
}

func hashProfile(p *billing.Profile) []byte {
	var h contentHash
	h.text(p.ID, p.FirstName, p.LastName, p.Email, p.Culture, p.Language, p.CompanyName, p.OrganizationRegistrationID)
	a := p.Address
	h.text(a.ID, a.Country, a.Region, a.City, a.State, a.District, a.AddressLine1, a.AddressLine2, a.AddressLine3, a.PostalCode,
		a.FirstName, a.MiddleName, a.LastName, a.PhoneNumber, a.EmailAddress)
	return h.sum()
}

// hashItems hashes a set of line items as a multiset: the service may return them in
// any order, and true duplicates count as often as they occur.
func hashItems(items []billing.LineItem) []byte {
	sums := make([][]byte, len(items))
	for i, item := range items {
		var h contentHash
		h.text(item.InvoiceNumber, item.ChargeType, item.SubscriptionID, item.SubscriptionFriendlyName, item.OrderID, item.OfferID,
			item.OfferName, item.ProductID, item.ProductName, item.SkuID, item.SkuName, item.AvailabilityID, item.PublisherID, item.PublisherName,
			item.ResellerMPNID, item.TermAndBillingCycle, item.DiscountDetails, item.CurrencyCode, item.CurrencySymbol)
		h.amounts(item.Quantity, item.UnitPrice, item.PretaxTotal, item.Tax, item.AfterTaxTotal)
		h.times(item.StartDate, item.EndDate)
		sums[i] = h.sum()
	}
	slices.SortFunc(sums, bytes.Compare)
	sum := sha256.Sum256(bytes.Join(sums, nil))
	return sum[:]
}
