package persist

import (
	"bytes"
	"context"
	"crypto/sha256"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
)

// measured is the result of the first reading of a set.
type measured struct {
	count int
	// hash covers the lines as a multiset, because the service may return them in any
	// order.
	hash []byte
	// mayKeepBodies means that the answers name no customer whose data is restricted to the
	// name. The answers hold domains too.
	mayKeepBodies bool
}

// measure reads a set once, completely.
func measure(set billing.LineSet, scopes profileScopes) (measured, error) {
	m := measured{mayKeepBodies: scopes.all == billing.FullProfile}
	var sums [][sha256.Size]byte
	for line, err := range set.Lines {
		if err != nil {
			return measured{}, err
		}
		sums = append(sums, hashInvoiceLine(&line))
		if scopes.of(line.CustomerID) > billing.FullProfile {
			m.mayKeepBodies = false
		}
	}
	slices.SortFunc(sums, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	whole := sha256.New()
	for i := range sums {
		whole.Write(sums[i][:])
	}
	m.count, m.hash = len(sums), whole.Sum(nil)
	return m, nil
}

// hashInvoiceLine hashes the billed content of a line. The customer's name is not part of
// it: a line with another name, or without a name after an erasure, is the same line. The
// image is a storage format, like that of contentHash.
func hashInvoiceLine(l *billing.InvoiceLine) [sha256.Size]byte {
	var h contentHash
	h.text(string(l.Class), string(l.CustomerID), l.InvoiceNumber, l.ChargeType, l.SubscriptionID, l.OrderID, l.OfferID, l.ProductID, l.SkuID, l.ProductName, l.CurrencyCode)
	h.amounts(l.Quantity, l.UnitPrice, l.PretaxTotal, l.Tax, l.AfterTaxTotal)
	h.times(l.ChargeStart, l.ChargeEnd)
	return sha256.Sum256(h.image)
}

// invoiceLineColumns are the columns in the order of invoiceLineRow.
var invoiceLineColumns = []string{
	"set_id", "ordinal", "class", "customer_id", "customer_name", "own", "invoice_number", "charge_type", "charge_start", "charge_end", "subscription_id", "order_id", "offer_id",
	"product_id", "sku_id", "product_name", "quantity", "unit_price", "pretax_total", "tax", "after_tax_total", "currency_code",
}

// copyInvoiceLines copies the lines of a set into the database while they are read.
func copyInvoiceLines(ctx context.Context, tx pgx.Tx, set int64, lines billing.LineSet, scopes profileScopes) error {
	next, stop := iter.Pull2(lines.Lines)
	defer stop()
	ordinal := int32(0)
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"collector", "invoice_lines"}, invoiceLineColumns, pgx.CopyFromFunc(func() ([]any, error) {
		line, err, more := next()
		if err != nil || !more {
			return nil, err
		}
		ordinal++
		if scopes.of(line.CustomerID) >= billing.CountryOnly {
			line.CustomerName = ""
		}
		return invoiceLineRow(set, ordinal, &line), nil
	}))
	return err
}

func invoiceLineRow(set int64, ordinal int32, l *billing.InvoiceLine) []any {
	return []any{
		set, ordinal, string(l.Class), optional(string(l.CustomerID)), optional(l.CustomerName), l.Own, optional(l.InvoiceNumber), optional(l.ChargeType),
		optionalTime(l.ChargeStart), optionalTime(l.ChargeEnd), optional(l.SubscriptionID), optional(l.OrderID), optional(l.OfferID),
		optional(l.ProductID), optional(l.SkuID), optional(l.ProductName), l.Quantity, l.UnitPrice, l.PretaxTotal, l.Tax, l.AfterTaxTotal, optional(l.CurrencyCode),
	}
}
