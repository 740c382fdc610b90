package partnersim

import (
	"slices"
	"sync"
)

// Oddity is something that the service does otherwise than it should, or than
// anybody would expect, when it is asked for some resources.
type Oddity struct {
	Kind OddityKind
	// Resource is what it concerns; all resources when AnyResource.
	Resource Resource
	// Customer is the id of the only customer concerned; all are when empty. The list of
	// customers is nobody's and is not concerned by an oddity of a customer.
	Customer string
	// Page is the only page concerned, counted from 1; all pages when 0.
	Page int
	// Times is how many requests for the same page of the same resource of a customer
	// meet it, the first ones; all do when 0. With 1 asking again helps.
	Times int
}

// Resource is what can be asked of the REST API.
type Resource int

// The resources of the REST API.
const (
	AnyResource Resource = iota
	CustomerList
	BillingProfile
	CostSummary
	LineItems
)

// OddityKind is one way to be odd.
type OddityKind int

// The oddities, by what they touch.
const (
	_ OddityKind = iota

	// Something with status 200 stands in the place of the answer.

	// EmptyBody is no byte at all.
	EmptyBody
	// NullBody is the word null.
	NullBody
	// EmptyObject is {}.
	EmptyObject
	// EmptyArray is [].
	EmptyArray
	// WebPage is a page of HTML, as of a proxy.
	WebPage
	// GatewayError is the gateway's form of an error: statusCode and message.
	GatewayError
	// Fault is the service's own form of an error: code and description.
	Fault
	// NoContent is 204, which has no body.
	NoContent

	// The answer is there and spoilt.

	// WithoutItems is a page whose items have another name.
	WithoutItems
	// TwinKeys repeats the key of what matters, with nothing in it.
	TwinKeys
	// CaseTwins repeats the key of what matters in capitals, with nothing in it.
	CaseTwins
	// NextOnOtherHost has the next page lie on another host.
	NextOnOtherHost
	// NextOfOther has the next page be one of another customer, or of the list a page of
	// a customer.
	NextOfOther
	// NextInCircle has the next page be the page itself.
	NextInCircle

	// The request is refused.

	// Refuse401 is a refusal of the token, whichever it is.
	Refuse401
	// Refuse403 is a want of a role, in plain text.
	Refuse403
	// RefuseRelation is 403 with code 20002.
	RefuseRelation
	// RefuseUnknown is 404 with code 60003.
	RefuseUnknown
	// RefuseUsage is 404 with code 3000, which is how a customer without costs answers.
	RefuseUsage
	// RefuseThrottle is 429 that does not say how long to wait.
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

	// The costs are told otherwise than they are (see told).

	// Behind is the answer of before the last step of the calendar.
	Behind
	// WithoutCosts leaves out all details, and has the totals of the whole be zero.
	WithoutCosts
	// WithoutDetail leaves out the details of the invoice type that comes last, if there
	// are two.
	WithoutDetail
	// Untyped leaves out the invoice type of the line items.
	Untyped
	// EndMoved moves the end of the Recurring period on by a day.
	EndMoved
	// EndFar has all details end on the last day of the calendar, a sentinel.
	EndFar
	// EndUnset has all details end on the first day of the calendar, a sentinel.
	EndUnset
	// EndBeforeStart has all details end the day before they start.
	EndBeforeStart
	// LocalTimes writes the times of the details in a zone an hour east of UTC: the same
	// digits are another instant.
	LocalTimes
	// Renamed gives the customer another company name: the word Group behind its own.
	Renamed

	oddityKinds
)

// oddityNames stand in Stats.
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

// oddities are those in force, and how often each was met.
type oddities struct {
	rules []Oddity

	mu  sync.Mutex
	met map[place]int
}

// place is where an oddity counts its requests.
type place struct {
	rule, page int
	endpoint   endpoint
	customer   string
}

// met are the oddities that one request meets.
type met []OddityKind

func (m met) has(kind OddityKind) bool { return slices.Contains(m, kind) }

// first is the first of the kinds from one to another, or 0.
func (m met) first(from, to OddityKind) OddityKind {
	for _, kind := range m {
		if kind >= from && kind <= to {
			return kind
		}
	}
	return 0
}

// of returns the oddities that a request for a page meets, and counts it.
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

// SetOddities replaces the oddities in force, and forgets how often the earlier ones
// were met.
func (s *Simulator) SetOddities(rules ...Oddity) {
	s.oddities.Store(&oddities{rules: slices.Clone(rules), met: map[place]int{}})
}

// SetAway replaces the customers who are away: they are not listed, and answer 403
// with code 20002, until they are not among them any more. An id that is none of the
// partner's is ignored.
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
