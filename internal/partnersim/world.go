package partnersim

import (
	"strconv"
	"strings"
	"time"

	"partnercost/internal/billing"
)

// world is the true data of the simulated partner. It holds no customers: each is
// derived from the seed and its index when it is needed.
type world struct {
	seed              seed
	identities        identities
	customers         uint64
	start             time.Time
	itemsPerCustomer  int
	noCosts, noAccess float64
}

// noCosts is the way in which the service says that a customer has no costs. The real
// form is not documented, so every form that the collector accepts is simulated. An
// empty answer is none of them.
type noCosts int

const (
	hasCosts noCosts = iota
	notFound
	noUsageData
	detailsAbsent
	detailsNull
	detailsEmpty
	zeroTotals
	noCostsForms = iota - 1
)

// inBody reports whether the answer is a summary.
func (n noCosts) inBody() bool {
	return n == detailsAbsent || n == detailsNull || n == detailsEmpty || n == zeroTotals
}

// customer has the properties of a customer that never change.
type customer struct {
	index    uint64
	id       string
	market   *market
	noAccess bool
	// renamed is set by the oddity Renamed.
	renamed bool
	costs   noCosts
	// recurring and oneTime say which invoice types the customer has; at least one.
	recurring, oneTime bool
	// day is the day of the month on which the recurring period begins.
	day int
	// items is how many line items the customer has before the oddities of a month.
	items int
}

func (w *world) customer(index uint64) customer {
	r := w.seed.random(topicTraits, index)
	c := customer{index: index, id: w.identities.id(index), market: marketAt(r.IntN(totalWeight))}
	c.noAccess = r.Float64() < w.noAccess
	if form := r.IntN(noCostsForms); r.Float64() < w.noCosts {
		c.costs = noCosts(form + 1)
	}
	kind := r.IntN(10)
	c.recurring, c.oneTime = kind != 0, kind >= 3 || kind == 0
	c.day = 1 + r.IntN(28)
	c.items = max(1, w.itemsPerCustomer/2+r.IntN(w.itemsPerCustomer+1))
	return c
}

// find returns the index of a customer of this partner.
func (w *world) find(id billing.CustomerID) (index uint64, ok bool) {
	index, ok = w.identities.index(id)
	return index, ok && index < w.customers
}

// compare counts the changes of the customers in a step.
func (w *world) compare(before, after *calendar, step Step) (restated, left int) {
	for index := range w.customers {
		if !w.present(index, before) {
			continue
		}
		if !w.present(index, after) {
			left++
			continue
		}
		if step.Restate > 0 {
			recurring, oneTime := w.restates(w.customer(index), restatementOf(step, after.steps))
			if recurring || oneTime {
				restated++
			}
		}
	}
	return restated, left
}

// present reports whether a customer still belongs to the partner.
func (w *world) present(index uint64, cal *calendar) bool {
	if cal.away[index] {
		return false
	}
	for _, d := range cal.departures {
		if w.seed.chance(d.share, topicLeave, index, d.step) {
			return false
		}
	}
	return true
}

// restates reports which of the customer's invoice types a restatement changes. Of the
// types that stayed in their period it changes one or all, never none.
func (w *world) restates(c customer, e restatement) (recurring, oneTime bool) {
	recurring, oneTime = c.recurring && e.recurring, c.oneTime && e.oneTime
	if c.noAccess || c.costs != hasCosts || !w.seed.chance(e.share, topicRestate, c.index, e.step) {
		return false, false
	}
	if recurring && oneTime {
		pick := w.seed.hash(topicRestated, c.index, e.step) % 3
		return pick != 0, pick != 1
	}
	return recurring, oneTime
}

// company invents a company's name and its domain, which is a reserved one.
func (w *world) company(c customer) (name, domain string) {
	r := w.seed.random(topicCompany, c.index)
	first, last := companyFirst[r.IntN(len(companyFirst))], companyLast[r.IntN(len(companyLast))]
	switch r.IntN(40) {
	case 0:
		name = first + ` "` + last + `" & Co. ` + c.market.legal
	case 1:
		name = first + " & Söhne " + last + " " + c.market.legal
	default:
		name = first + " " + last + " " + c.market.legal
	}
	if c.renamed {
		name += " Group"
	}
	return name, "customer" + strconv.FormatUint(c.index, 10) + ".example"
}

// profile invents the billing profile. The names are visibly not those of people, and
// the e-mail addresses are under a reserved domain.
func (w *world) profile(c customer) *billing.Profile {
	r := w.seed.random(topicProfile, c.index)
	company, domain := w.company(c)
	m := c.market
	p := &billing.Profile{
		ID:          formatGUID(r.Uint64(), r.Uint64(), lowerHex),
		Email:       "billing@" + domain,
		Culture:     m.culture,
		Language:    m.language,
		CompanyName: company,
		Address: billing.Address{
			Country:      m.country,
			City:         m.city,
			State:        m.state,
			AddressLine1: strconv.Itoa(1+r.IntN(200)) + " " + m.street,
			PostalCode:   m.postal,
		},
	}
	given, family := givenNames[r.IntN(len(givenNames))], familyNames[r.IntN(len(familyNames))]
	p.Address.FirstName, p.Address.LastName = given, family
	// The profile's personal names may be absent, and so may the telephone number.
	if r.IntN(8) != 0 {
		p.FirstName, p.LastName = given, family
		p.Email = strings.ToLower(given) + "@" + domain
	}
	if r.IntN(4) != 0 {
		p.Address.PhoneNumber = m.phone + strconv.Itoa(10+r.IntN(90))
	}
	if r.IntN(6) == 0 {
		p.Address.AddressLine2 = "Floor " + strconv.Itoa(1+r.IntN(9))
		p.Address.AddressLine3 = "c/o Example"
		p.Address.Region = "Region " + strconv.Itoa(1+r.IntN(9))
		p.Address.District = "District " + strconv.Itoa(1+r.IntN(9))
		p.Address.MiddleName = "Q."
		p.Address.EmailAddress = "post@" + domain
		p.Address.ID = formatGUID(r.Uint64(), r.Uint64(), lowerHex)
	}
	if m.registered {
		p.OrganizationRegistrationID = strconv.Itoa(10_000_000 + r.IntN(90_000_000))
	}
	return p
}

// refused returns the failure of a customer without a relationship.
func refused() *billing.Failure {
	return &billing.Failure{Class: billing.NoAccess, HTTPStatus: 403, Code: "20002", Message: noRelationship}
}

// statement returns the true statement of a customer at a moment of the calendar.
func (w *world) statement(c customer, cal *calendar) billing.Statement {
	s := billing.Statement{CustomerID: billing.CustomerID(c.id)}
	if c.noAccess || !w.present(c.index, cal) {
		s.Failure = refused()
		return s
	}
	s.Profile = w.profile(c)
	s.Costs, s.LineItems = w.costs(c, cal)
	if len(s.LineItems) > 0 {
		s.CustomerName = s.Profile.CompanyName
	}
	return s
}
