package billing

import (
	"strings"
	"time"
)

// Statement is the unit of work: the result of collecting one customer. A part that was
// not requested or could not be fetched is nil. The other parts can be stored on their
// own, because a period that is not stored while it is the most recent one is lost for
// good.
type Statement struct {
	CustomerID CustomerID
	// FetchedAt is when the last answer arrived, in UTC.
	FetchedAt time.Time
	Profile   *Profile
	Costs     *CostSummary
	// LineItems is nil when they were not fetched, and empty when there are none.
	LineItems []LineItem
	// CustomerName is the customer's name in the line items; empty when they have none.
	CustomerName string
	// Documents are the raw bodies from which the parts were derived, at most one of
	// each kind.
	Documents []Document
	// Findings are the findings of normalising, in the order in which they occurred.
	Findings []Finding
	// Failure is why a part is missing; nil when everything requested was collected.
	Failure *Failure

	// Same is not nil if every answer says what is stored (Visit.Known). There are only
	// documents then, and Derive derives the parts from them.
	Same   *Known
	Derive func() Statement

	// CostsKept means that the costs are those that the run has read before
	// (Visit.Summary).
	CostsKept bool
	// Earlier is the run's earlier result for the customer (Visit.Earlier).
	Earlier Outcome
	// Done is nil unless the statement is so large that its source holds back the next
	// large one. Release must be called when the statement is no longer held in memory.
	Done func()
}

// Release tells the source of the statement that it is no longer held in memory.
func (s *Statement) Release() {
	if s.Done != nil {
		s.Done()
	}
}

// NoCosts reports whether the service answered that this customer has no costs: no
// detail at all, or only details whose stated amounts are all zero. This is a result,
// and never deletes the costs of earlier answers.
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
// charge and its refund add up to zero and are two items.
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
// stored. A profile alone does not count, because costs are the purpose of a
// collection.
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

// InvoiceType is Recurring, OneTime or a future type of the service; empty when the
// service states none.
type InvoiceType string

// The known invoice types.
const (
	Recurring InvoiceType = "Recurring"
	OneTime   InvoiceType = "OneTime"
)

// ParseInvoiceType returns the two known types in one spelling (the service also writes
// "one_time", API.md 7.2), and every other name unchanged.
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

// Spellings are the invoice types seen so far, by their name in lower case. A type that
// occurs later in another case is the same type, under its first name.
type Spellings map[string]InvoiceType

// First returns the first spelling of an invoice type.
func (s Spellings) First(t InvoiceType) InvoiceType {
	name := strings.ToLower(string(t))
	if _, known := s[name]; !known {
		s[name] = t
	}
	return s[name]
}

// CostSummary is the answer of servicecosts/mostrecent. The authoritative totals are in
// Details. Root repeats the Recurring detail; it is stored for audit, and is never
// added to anything (API.md 5.4 point 2).
type CostSummary struct {
	Root CostTotals
	// BodyCustomerID is the customer id in the body, as written.
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

// CostDetail is the cost of a customer under one invoice type in one period. It is
// identified by invoice type, start of the period and currency; the end of the period
// is a value that may be restated.
type CostDetail struct {
	InvoiceType InvoiceType
	CostTotals
}

// LineItem is one line of the bill. Line items have no identity and true duplicates
// exist, so they are only ever handled as a set.
type LineItem struct {
	InvoiceType InvoiceType
	// SetStart is the start of the billing period of the set to which this item belongs:
	// that of its invoice type's detail in the same answer, or else that of the root. It
	// is not a property of the item, whose own dates may lie outside that period (API.md
	// 5.4 point 6).
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

// DocumentKind is one of the three resources of a customer.
type DocumentKind string

// The three resources of which a statement consists.
const (
	ProfileDocument   DocumentKind = "profile"
	SummaryDocument   DocumentKind = "summary"
	LineItemsDocument DocumentKind = "line_items"
)

// Document is the body of one answer, byte for byte as received (after transport
// decompression). The body of several pages is the pages in order, each ended by a line
// feed. It may hold personal data.
type Document struct {
	Kind DocumentKind
	Body []byte
	// HTTPStatus is 200, except for answers that say "no costs" in another way.
	HTTPStatus               int
	RequestID, CorrelationID string
}
