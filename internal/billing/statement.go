package billing

import (
	"strings"
	"time"
)

// Statement is the unit of work: what one collection learnt about one customer.
// A part that was not asked for or could not be fetched is nil; the parts that are
// there can be stored on their own, because a period that is not stored while it
// is the most recent one is gone for good.
type Statement struct {
	CustomerID CustomerID
	// FetchedAt is when the last answer arrived, in UTC.
	FetchedAt time.Time
	Profile   *Profile
	Costs     *CostSummary
	// LineItems is nil when they were not fetched, and empty when there are none.
	LineItems []LineItem
	// CustomerName is what the line items call the customer; empty when they do not.
	CustomerName string
	// Documents are the raw bodies from which the parts were derived, at most one of
	// each kind.
	Documents []Document
	// Findings are the oddities that normalising met, in the order met.
	Findings []Finding
	// Failure is why a part is missing; nil when everything asked for was collected.
	Failure *Failure

	// CostsKept: the costs are those that the run has read before (Visit.Summary).
	CostsKept bool
	// Earlier is what the run has achieved for the customer before (Visit.Earlier).
	Earlier Outcome
	// Done is nil, but for a statement so large that its source holds back the next large
	// one. Whoever has the statement calls Release when it is not held any more.
	Done func()
}

// Release tells the source of the statement that it is not held any more.
func (s *Statement) Release() {
	if s.Done != nil {
		s.Done()
	}
}

// NoCosts reports whether the service answered that this customer has no costs:
// no detail at all, or only details whose stated amounts are all zero. It is a
// result and never erases what earlier answers said.
func (s *Statement) NoCosts() bool {
	if s.Costs == nil {
		return false
	}
	for _, d := range s.Costs.Details {
		if !IsZero(d.PretaxTotal) || !IsZero(d.Tax) || !IsZero(d.AfterTaxTotal) {
			return false
		}
	}
	return true
}

// HasItems reports whether line items can belong to the costs. Zero totals count: a
// charge and its refund add up to nothing and are two items.
func (s *CostSummary) HasItems() bool {
	if len(s.Details) > 0 {
		return true
	}
	for _, a := range [...]Amount{s.Root.PretaxTotal, s.Root.Tax, s.Root.AfterTaxTotal} {
		if a.Valid && !IsZero(a) {
			return true
		}
	}
	return false
}

// IsBlank reports whether the customer failed and no costs of it were read, or could be
// stored. A profile alone is not what a collection is for.
func (s *Statement) IsBlank() bool { return s.Failure != nil && s.Costs == nil }

// Profile is a customer's billing profile. Except for the company name and the
// country it is personal data: it is stored, and never logged or shown.
type Profile struct {
	ID, FirstName, LastName, Email, Culture, Language, CompanyName string
	OrganizationRegistrationID                                     string
	Address                                                        Address
}

// Address is the default address of a billing profile. Country is an ISO 3166
// alpha-2 code.
type Address struct {
	ID, Country, Region, City, State, District                 string
	AddressLine1, AddressLine2, AddressLine3, PostalCode       string
	FirstName, MiddleName, LastName, PhoneNumber, EmailAddress string
}

// InvoiceType is Recurring, OneTime or a type that a future service invents; empty
// when the service names none.
type InvoiceType string

// The invoice types known today.
const (
	Recurring InvoiceType = "Recurring"
	OneTime   InvoiceType = "OneTime"
)

// ParseInvoiceType gives the two known types one spelling (the service also writes
// "one_time", API.md 7.2) and keeps every other name as it stands.
func ParseInvoiceType(s string) InvoiceType {
	s = strings.TrimSpace(s)
	switch strings.ToLower(strings.ReplaceAll(s, "_", "")) {
	case "recurring":
		return Recurring
	case "onetime":
		return OneTime
	}
	return InvoiceType(s)
}

// Spellings are the invoice types met so far, by their name in lower case. A type that
// comes in another case later is the same type, under its first name.
type Spellings map[string]InvoiceType

// First is the first spelling of an invoice type.
func (s Spellings) First(t InvoiceType) InvoiceType {
	name := strings.ToLower(string(t))
	if _, known := s[name]; !known {
		s[name] = t
	}
	return s[name]
}

// CostSummary is the answer of servicecosts/mostrecent. The totals that count stand
// in Details; Root repeats the Recurring detail, is kept for audit, and is never
// added to anything (API.md 5.4 point 2).
type CostSummary struct {
	Root CostTotals
	// BodyCustomerID is the id that the body names, as written.
	BodyCustomerID string
	Details        []CostDetail
}

// CostTotals are the amounts of one period in one currency.
type CostTotals struct {
	Period Period
	// CurrencyCode is an ISO 4217 code in upper case, empty when the service states
	// none. It is never guessed from the symbol.
	CurrencyCode, CurrencySymbol    string
	PretaxTotal, Tax, AfterTaxTotal Amount
}

// CostDetail is what a customer costs under one invoice type in one period. It is
// identified by invoice type, start of the period and currency; the end of the
// period is a value that may be restated.
type CostDetail struct {
	InvoiceType InvoiceType
	CostTotals
}

// LineItem is one line of the bill. Line items have no identity and true
// duplicates exist: they are only ever handled as a set.
type LineItem struct {
	InvoiceType InvoiceType
	// SetStart is the start of the billing period of the set that this item belongs to:
	// that of its invoice type's detail in the same answer, else that of the root. It
	// is not a property of the item, whose own dates may lie outside that period
	// (API.md 5.4 point 6).
	SetStart                                               time.Time
	InvoiceNumber, ChargeType                              string
	StartDate, EndDate                                     time.Time
	SubscriptionID, SubscriptionFriendlyName               string
	OrderID, OfferID, OfferName                            string
	ProductID, ProductName, SkuID, SkuName, AvailabilityID string
	PublisherID, PublisherName                             string
	ResellerMPNID, TermAndBillingCycle, DiscountDetails    string
	Quantity, UnitPrice, PretaxTotal, Tax, AfterTaxTotal   Amount
	CurrencyCode, CurrencySymbol                           string
}

// DocumentKind names one of the three resources of a customer.
type DocumentKind string

// The three resources of which a statement consists.
const (
	ProfileDocument   DocumentKind = "profile"
	SummaryDocument   DocumentKind = "summary"
	LineItemsDocument DocumentKind = "line_items"
)

// Document is the body of one answer, byte for byte as received (after transport
// decompression). A body that took several pages is the pages in order, each ended
// by a line feed. It may hold personal data.
type Document struct {
	Kind DocumentKind
	Body []byte
	// HTTPStatus is 200 but for the answers that say "no costs" in another way.
	HTTPStatus               int
	RequestID, CorrelationID string
}
