package partnersim

import (
	"slices"
	"sync"
)

// Oddity is an unusual or wrong answer of the service to requests for some resources.
type Oddity struct {
	Kind OddityKind
	// Resource is the resource concerned; all resources when AnyResource.
	Resource Resource
	// Customer is the id of the only customer concerned; all customers when empty. The
	// list of customers belongs to no customer, so an oddity of a customer does not
	// concern it.
	Customer string
	// Page is the only page concerned, counted from 1; all pages when 0.
	Page int
	// Times is how many requests for the same page of the same resource of a customer meet
	// it, counted from the first; all requests when 0. With 1, a second request succeeds.
	Times int
}

// Resource is a resource of the REST API.
type Resource int

// The resources of the REST API.
const (
	AnyResource Resource = iota
	CustomerList
	BillingProfile
	CostSummary
	LineItems
)

// OddityKind is a kind of oddity.
type OddityKind int

// The oddities, by what they change.
const (
	_ OddityKind = iota

	// Another body with status 200 replaces the answer.

	// EmptyBody is a body without any byte.
	EmptyBody
	// NullBody is the word null.
	NullBody
	// EmptyObject is {}.
	EmptyObject
	// EmptyArray is [].
	EmptyArray
	// WebPage is a page of HTML, as from a proxy.
	WebPage
	// GatewayError is the gateway's form of an error: statusCode and message.
	GatewayError
	// Fault is the service's own form of an error: code and description.
	Fault
	// NoContent is 204, which has no body.
	NoContent

	// The right answer is changed.

	// WithoutItems is a page whose items have another key.
	WithoutItems
	// TwinKeys repeats the most important key, with an empty value.
	TwinKeys
	// CaseTwins repeats the most important key in capitals, with an empty value.
	CaseTwins
	// NextOnOtherHost links to a next page on another host.
	NextOnOtherHost
	// NextOfOther links to a next page of another customer; in the list, to a page of a
	// customer.
	NextOfOther
	// NextInCircle links to the page itself as the next page.
	NextInCircle

	// The request is refused.

	// Refuse401 is a refusal of every token.
	Refuse401
	// Refuse403 is a refusal for lack of a role, in plain text.
	Refuse403
	// RefuseRelation is 403 with code 20002.
	RefuseRelation
	// RefuseUnknown is 404 with code 60003.
	RefuseUnknown
	// RefuseUsage is 404 with code 3000, the answer for a customer without costs.
	RefuseUsage
	// RefuseThrottle is 429 without a time to wait.
	RefuseThrottle
	// RefuseServer is 500 with code 800003.
	RefuseServer

	// The framing of HTTP is wrong.

	// ShortLength announces half of the body, and sends all.
	ShortLength
	// LongLength announces more than there is.
	LongLength
	// CutChunk ends the connection in the middle of a chunk.
	CutChunk
	// Unsolicited sends the answer, and then its body once more.
	Unsolicited
	// BareBody sends the body where the status line belongs.
	BareBody

	// The costs are stated wrongly (see told.go).

	// Behind is the answer before the last step of the calendar.
	Behind
	// WithoutCosts leaves out all details and sets the root totals to zero.
	WithoutCosts
	// WithoutDetail leaves out the details of the last invoice type, if there are two.
	WithoutDetail
	// Untyped leaves out the invoice type of the line items.
	Untyped
	// EndMoved moves the end of the Recurring period by a day.
	EndMoved
	// EndFar sets the end of all details to the last day of the calendar, a sentinel.
	EndFar
	// EndUnset sets the end of all details to the first day of the calendar, a sentinel.
	EndUnset
	// EndBeforeStart sets the end of all details to the day before their start.
	EndBeforeStart
	// LocalTimes writes the times of the details in a zone an hour east of UTC, so the
	// same digits are another instant.
	LocalTimes
	// Renamed changes the customer's company name: it adds the word Group.
	Renamed

	oddityKinds
)

// oddityNames are the names in Stats.
var oddityNames = [oddityKinds]string{
	EmptyBody: "empty_body", NullBody: "null_body", EmptyObject: "empty_object", EmptyArray: "empty_array", WebPage: "web_page",
	GatewayError: "gateway_error", Fault: "fault", NoContent: "no_content",
	WithoutItems: "without_items", TwinKeys: "twin_keys", CaseTwins: "case_twins",
	NextOnOtherHost: "next_on_other_host", NextOfOther: "next_of_other", NextInCircle: "next_in_circle",
	Refuse401: "refuse_401", Refuse403: "refuse_403", RefuseRelation: "refuse_relation", RefuseUnknown: "refuse_unknown", RefuseUsage: "refuse_usage",
	RefuseThrottle: "refuse_throttle", RefuseServer: "refuse_server",
	ShortLength: "short_length", LongLength: "long_length", CutChunk: "cut_chunk", Unsolicited: "unsolicited", BareBody: "bare_body",
	Behind: "behind", WithoutCosts: "without_costs", WithoutDetail: "without_detail", Untyped: "untyped", EndMoved: "end_moved", EndFar: "end_far", EndUnset: "end_unset",
	EndBeforeStart: "end_before_start", LocalTimes: "local_times", Renamed: "renamed",
}

// String is the name of the kind, such as "web_page".
func (k OddityKind) String() string {
	if k <= 0 || k >= oddityKinds {
		return "none"
	}
	return oddityNames[k]
}

// oddities are the oddities in force, with how often each was met.
type oddities struct {
	rules []Oddity

	mu  sync.Mutex
	met map[place]int
}

// place is the resource for which an oddity counts its requests.
type place struct {
	rule, page int
	endpoint   endpoint
	customer   string
}

// met are the oddities that one request meets.
type met []OddityKind

func (m met) has(kind OddityKind) bool { return slices.Contains(m, kind) }

// first returns the first of the kinds in a range, or 0.
func (m met) first(from, to OddityKind) OddityKind {
	for _, kind := range m {
		if kind >= from && kind <= to {
			return kind
		}
	}
	return 0
}

// of returns the oddities that a request for a page meets, and counts the request.
func (o *oddities) of(t target, page int) met {
	if len(o.rules) == 0 {
		return nil
	}
	var found met
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, rule := range o.rules {
		if !rule.concerns(t, page) {
			continue
		}
		if rule.Times > 0 {
			at := place{i, page, t.endpoint, t.customer}
			if o.met[at] >= rule.Times {
				continue
			}
			o.met[at]++
		}
		found = append(found, rule.Kind)
	}
	return found
}

func (o *Oddity) concerns(t target, page int) bool {
	var resource Resource
	switch t.endpoint {
	case listEndpoint:
		resource = CustomerList
	case profileEndpoint:
		resource = BillingProfile
	case summaryEndpoint:
		resource = CostSummary
	case lineItemsEndpoint:
		resource = LineItems
	default:
		return false
	}
	return (o.Resource == AnyResource || o.Resource == resource) &&
		(o.Customer == "" || o.Customer == t.customer) &&
		(o.Page == 0 || o.Page == page)
}

// SetOddities replaces the oddities in force and resets their counts.
func (s *Simulator) SetOddities(rules ...Oddity) {
	s.oddities.Store(&oddities{rules: slices.Clone(rules), met: map[place]int{}})
}

// SetAway replaces the customers that are temporarily absent: they are not listed, and
// answer 403 with code 20002. Unknown ids are ignored.
func (s *Simulator) SetAway(ids ...string) {
	away := make(map[uint64]bool, len(ids))
	for _, id := range ids {
		if index, ok := s.index(id); ok {
			away[index] = true
		}
	}
	s.advancing.Lock()
	defer s.advancing.Unlock()
	cal := *s.calendar.Load()
	cal.away = away
	s.calendar.Store(&cal)
}
