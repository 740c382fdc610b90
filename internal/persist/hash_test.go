package persist_test

import (
	"testing"

	"partnercost/internal/billing"
)

// The hashes are stored in databases. A change of this test changes what every
// customer's stored profile and line items are compared with: see contentHash.
func TestContentHashesAreAStorageFormat(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	r := recurring(9, "17.22")
	full := statement(customerA, both(r))
	full.Profile = &billing.Profile{
		ID: "id", FirstName: "first", LastName: "last", Email: "email", Culture: "culture", Language: "language", CompanyName: "company",
		OrganizationRegistrationID: "registration",
		Address: billing.Address{
			ID: "address", Country: "country", Region: "region", City: "city", State: "state", District: "district",
			AddressLine1: "line 1", AddressLine2: "line 2", AddressLine3: "line 3", PostalCode: "code",
			FirstName: "address first", MiddleName: "address middle", LastName: "address last", PhoneNumber: "phone", EmailAddress: "address email",
		},
	}
	full.LineItems = []billing.LineItem{
		{
			InvoiceType: r.InvoiceType, SetStart: r.Period.Start, InvoiceNumber: "invoice", ChargeType: "charge",
			StartDate: date("2026-09-12T00:00:00Z"), EndDate: date("2026-10-11T23:59:59.9999999Z"),
			SubscriptionID: "subscription", SubscriptionFriendlyName: "friendly", OrderID: "order", OfferID: "offer", OfferName: "offer name",
			ProductID: "product", ProductName: "product name", SkuID: "sku", SkuName: "sku name", AvailabilityID: "availability",
			PublisherID: "publisher", PublisherName: "publisher name", ResellerMPNID: "mpn", TermAndBillingCycle: "term", DiscountDetails: "discount",
			Quantity: amount("1.50"), UnitPrice: amount("-0.1999968000511991808131"), PretaxTotal: amount("17.2"), Tax: amount("0"),
			CurrencyCode: "USD", CurrencySymbol: "$",
		},
		{InvoiceType: r.InvoiceType, SetStart: r.Period.Start},
	}
	empty := statement(customerB, nil)
	empty.Profile = &billing.Profile{}
	b.collect(full, empty)
	wantLines(t, "profiles", b.query(`SELECT encode(content_hash, 'hex') AS hash FROM collector.billing_profiles ORDER BY customer_key`),
		"d94d623175a8b65e7c828f7c61e138be35ea22674ccbb160e8d4d21b98f81988", "015275e61fa0d0751c1d9f45541c7804c895404455470710ade3786f282f2da0")
	wantLines(t, "sets", b.query(`SELECT encode(content_hash, 'hex') AS hash FROM collector.line_item_sets`),
		"cf120483a940ac62f78cb26ca510412577a059bf8c36e76f4f2849d904fe0d41")

	// A set that became empty.
	emptied := statement(customerA, both(r))
	emptied.Documents[2].Body = []byte("no items")
	b.collect(emptied)
	wantLines(t, "empty set", b.query(`SELECT encode(content_hash, 'hex') AS hash FROM collector.line_item_sets WHERE superseded_at IS NULL`),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
}
