package partnersim

import (
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
)

// The bodies are appended by hand, which takes a fraction of the time of encoding/json:
// in benchmarks the simulator shares its processor with the program under test.

// appendSummary writes the answer of servicecosts/mostrecent. Its root has no currency,
// and its links have no version (API.md 5.4 points 1 and 12).
func appendSummary(dst []byte, c customer, s *billing.CostSummary) []byte {
	dst = append(dst, '{')
	dst = appendTotals(dst, &s.Root, c.id)
	switch {
	case c.costs == detailsNull:
		dst = append(dst, `,"details":null`...)
	case c.costs != detailsAbsent:
		dst = append(dst, `,"details":[`...)
		for i := range s.Details {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"invoiceType":`...)
			dst = appendString(dst, string(s.Details[i].InvoiceType))
			dst = append(dst, `,"summary":{`...)
			dst = appendTotals(dst, &s.Details[i].CostTotals, c.id)
			dst = append(dst, `,"links":{},"attributes":{"objectType":"ServiceCostsSummary"}}}`...)
		}
		dst = append(dst, ']')
	}
	dst = append(dst, `,"links":{"serviceCostLineItems":`...)
	dst = appendLink(dst, "/customers/", c.id, "/servicecosts/MostRecent/lineitems")
	dst = append(dst, `,"self":`...)
	dst = appendLink(dst, "/customers/", c.id, "/servicecosts/MostRecent")
	return append(dst, `},"attributes":{"objectType":"ServiceCostsSummary"}}`...)
}

func appendTotals(dst []byte, t *billing.CostTotals, id string) []byte {
	dst = append(dst, `"billingStartDate":"`...)
	dst = appendInstant(dst, t.Period.Start)
	dst = append(dst, `","billingEndDate":"`...)
	dst = appendInstant(dst, t.Period.End)
	dst = append(dst, '"')
	dst = appendAmount(dst, "pretaxTotal", t.PretaxTotal)
	dst = appendAmount(dst, "tax", t.Tax)
	dst = appendAmount(dst, "afterTaxTotal", t.AfterTaxTotal)
	if t.CurrencyCode != "" {
		dst = appendField(dst, "currencyCode", t.CurrencyCode)
	}
	dst = appendField(dst, "currencySymbol", t.CurrencySymbol)
	return appendField(dst, "customerId", id)
}

// appendLineItems writes a page of line items, up to its link to the next page.
func appendLineItems(dst []byte, c customer, company string, items []billing.LineItem) []byte {
	dst = append(dst, `{"totalCount":`...)
	dst = strconv.AppendInt(dst, int64(len(items)), 10)
	dst = append(dst, `,"items":[`...)
	for i := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendLineItem(dst, c, company, &items[i])
	}
	dst = append(dst, `],"links":{"self":`...)
	return appendLink(dst, "/customers/", c.id, "/servicecosts/MostRecent/lineitems")
}

func appendLineItem(dst []byte, c customer, company string, item *billing.LineItem) []byte {
	dst = append(dst, `{"startDate":"`...)
	dst = item.StartDate.AppendFormat(dst, zoneless)
	dst = append(dst, `","endDate":"`...)
	dst = item.EndDate.AppendFormat(dst, zoneless)
	dst = append(dst, '"')
	dst = appendField(dst, "subscriptionFriendlyName", item.SubscriptionFriendlyName)
	dst = appendField(dst, "subscriptionId", item.SubscriptionID)
	dst = appendField(dst, "orderId", item.OrderID)
	dst = appendField(dst, "offerId", item.OfferID)
	dst = appendField(dst, "offerName", item.OfferName)
	dst = appendField(dst, "resellerMPNId", item.ResellerMPNID)
	dst = appendField(dst, "chargeType", item.ChargeType)
	dst = appendAmount(dst, "quantity", item.Quantity)
	dst = appendAmount(dst, "unitPrice", item.UnitPrice)
	dst = appendAmount(dst, "pretaxTotal", item.PretaxTotal)
	dst = appendAmount(dst, "tax", item.Tax)
	dst = appendAmount(dst, "afterTaxTotal", item.AfterTaxTotal)
	dst = appendField(dst, "currencyCode", item.CurrencyCode)
	dst = appendField(dst, "currencySymbol", item.CurrencySymbol)
	dst = appendField(dst, "customerId", c.id)
	dst = appendField(dst, "customerName", company)
	dst = appendField(dst, "invoiceNumber", item.InvoiceNumber)
	if item.InvoiceType != "" {
		dst = appendField(dst, "invoiceType", string(item.InvoiceType))
	}
	// An unknown value is absent, null or the empty string, depending on the customer.
	dst = appendOptional(dst, c, "productId", item.ProductID)
	dst = appendOptional(dst, c, "skuId", item.SkuID)
	dst = appendOptional(dst, c, "availabilityId", item.AvailabilityID)
	dst = appendOptional(dst, c, "productName", item.ProductName)
	dst = appendOptional(dst, c, "skuName", item.SkuName)
	dst = appendOptional(dst, c, "publisherName", item.PublisherName)
	dst = appendOptional(dst, c, "publisherId", item.PublisherID)
	dst = appendOptional(dst, c, "termAndBillingCycle", item.TermAndBillingCycle)
	dst = appendOptional(dst, c, "discountDetails", item.DiscountDetails)
	return append(dst, '}')
}

// appendProfile writes a billing profile.
func (w *world) appendProfile(dst []byte, c customer) []byte {
	p := w.profile(c)
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, p.ID)
	if p.FirstName != "" {
		dst = appendField(dst, "firstName", p.FirstName)
		dst = appendField(dst, "lastName", p.LastName)
	}
	dst = appendField(dst, "email", p.Email)
	dst = appendField(dst, "culture", p.Culture)
	dst = appendField(dst, "language", p.Language)
	dst = appendField(dst, "companyName", p.CompanyName)
	if p.OrganizationRegistrationID != "" {
		dst = appendField(dst, "organizationRegistrationId", p.OrganizationRegistrationID)
	}
	a := &p.Address
	dst = append(dst, `,"defaultAddress":{"country":`...)
	dst = appendString(dst, a.Country)
	dst = appendOptional(dst, c, "region", a.Region)
	dst = appendField(dst, "city", a.City)
	dst = appendOptional(dst, c, "state", a.State)
	dst = appendOptional(dst, c, "district", a.District)
	dst = appendField(dst, "addressLine1", a.AddressLine1)
	dst = appendOptional(dst, c, "addressLine2", a.AddressLine2)
	dst = appendOptional(dst, c, "addressLine3", a.AddressLine3)
	dst = appendField(dst, "postalCode", a.PostalCode)
	dst = appendField(dst, "firstName", a.FirstName)
	dst = appendOptional(dst, c, "middleName", a.MiddleName)
	dst = appendField(dst, "lastName", a.LastName)
	dst = appendOptional(dst, c, "phoneNumber", a.PhoneNumber)
	dst = appendOptional(dst, c, "emailAddress", a.EmailAddress)
	dst = appendOptional(dst, c, "id", a.ID)
	dst = append(dst, `},"links":{"self":`...)
	dst = appendLink(dst, "/v1/customers/", c.id, "/profiles/billing")
	dst = append(dst, `},"attributes":{"etag":"`...)
	// The real etag is a signed 64-bit number; a hash of the content serves.
	dst = strconv.AppendInt(dst, int64(w.seed.hash(topicProfile, c.index)), 10)
	return append(dst, `","objectType":"CustomerBillingProfile"}}`...)
}

// appendCustomer writes the answer of GET customers/{id}.
func (w *world) appendCustomer(dst []byte, c customer) []byte {
	company, domain := w.company(c)
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, c.id)
	dst = appendField(dst, "commerceId", formatGUID(w.seed.hash(topicCompany, c.index), c.index, lowerHex))
	dst = append(dst, `,"companyProfile":`...)
	dst = appendCompany(dst, c.id, company, domain)
	dst = append(dst, `,"billingProfile":`...)
	dst = w.appendProfile(dst, c)
	dst = append(dst, `,"relationshipToPartner":"reseller","allowDelegatedAccess":true,"customDomains":[`...)
	dst = appendString(dst, domain)
	dst = append(dst, `],"links":{"self":`...)
	dst = appendLink(dst, "/customers/", c.id, "")
	return append(dst, `},"attributes":{"objectType":"Customer"}}`...)
}

// appendListed writes a customer as in the list: without its billing profile.
func (w *world) appendListed(dst []byte, index uint64) []byte {
	c := w.customer(index)
	company, domain := w.company(c)
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, c.id)
	dst = append(dst, `,"companyProfile":`...)
	dst = appendCompany(dst, c.id, company, domain)
	dst = append(dst, `,"relationshipToPartner":"reseller","links":{"self":`...)
	dst = appendLink(dst, "/customers/", c.id, "")
	return append(dst, `},"attributes":{"objectType":"Customer"}}`...)
}

func appendCompany(dst []byte, id, company, domain string) []byte {
	dst = append(dst, `{"tenantId":`...)
	dst = appendString(dst, id)
	dst = appendField(dst, "domain", domain)
	dst = appendField(dst, "companyName", company)
	dst = append(dst, `,"links":{"self":`...)
	dst = appendLink(dst, "/customers/", id, "/profiles/company")
	return append(dst, `},"attributes":{"objectType":"CustomerCompanyProfile"}}`...)
}

func appendLink(dst []byte, before, id, after string) []byte {
	dst = append(dst, `{"uri":"`...)
	dst = append(dst, before...)
	dst = append(dst, id...)
	dst = append(dst, after...)
	return append(dst, `","method":"GET","headers":[]}`...)
}

const zoneless = "2006-01-02T15:04:05"

// appendInstant writes an instant, nearly always in UTC. The end of a day has the seven decimals of
// the last tick (API.md 5.4 point 4), of which the domain keeps six.
func appendInstant(dst []byte, t time.Time) []byte {
	dst = t.AppendFormat(dst, zoneless)
	if t.Nanosecond() != 0 {
		dst = append(dst, ".9999999"...)
	}
	return t.AppendFormat(dst, "Z07:00")
}

// appendAmount writes a number like the service: zero with one decimal, other numbers
// with the decimals that they have.
func appendAmount(dst []byte, name string, a billing.Amount) []byte {
	dst = appendName(dst, name)
	if a.Decimal.IsZero() {
		return append(dst, "0.0"...)
	}
	return appendDecimal(dst, a.Decimal)
}

// appendDecimal writes d like its String method. It avoids that method's big integers
// where the digits fit into a machine word, which is nearly always the case.
func appendDecimal(dst []byte, d decimal.Decimal) []byte {
	const wordDigits = 18
	decimals := -int(d.Exponent())
	if decimals < 0 || decimals >= wordDigits || d.NumDigits() > wordDigits {
		return append(dst, d.String()...)
	}
	word := d.CoefficientInt64()
	if word < 0 {
		dst, word = append(dst, '-'), -word
	}
	for decimals > 0 && word%10 == 0 {
		word, decimals = word/10, decimals-1
	}
	var digits [2 * wordDigits]byte
	at := len(digits)
	for written := 0; word > 0 || written <= decimals; written++ {
		if written == decimals && decimals > 0 {
			at--
			digits[at] = '.'
		}
		at--
		digits[at] = '0' + byte(word%10)
		word /= 10
	}
	return append(dst, digits[at:]...)
}

func appendField(dst []byte, name, value string) []byte {
	return appendString(appendName(dst, name), value)
}

// appendOptional writes a field that may be unknown. An unknown field is absent, null
// or empty, in the same way for all fields of a customer.
func appendOptional(dst []byte, c customer, name, value string) []byte {
	if value == "" {
		switch c.index % 3 {
		case 0:
			return dst
		case 1:
			return append(appendName(dst, name), "null"...)
		}
	}
	return appendField(dst, name, value)
}

func appendName(dst []byte, name string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

// appendString writes a JSON string. The text is the simulator's own and valid UTF-8.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&0xf])
		}
		from = i + 1
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}
