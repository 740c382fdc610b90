package partnersim

import "sync/atomic"

// Stats counts the simulator's answers so far.
type Stats struct {
	// Requests counts the requests to the REST API and to the login by endpoint, those
	// answered with a fault included.
	Requests map[string]uint64 `json:"requests"`
	// Faults counts the faults by kind; "rate_limit" counts those of MaxRequestsPerSecond.
	Faults map[string]uint64 `json:"faults"`
	// Oddities counts, by kind, the oddities that requests met; other kinds are left out.
	Oddities map[string]uint64 `json:"oddities,omitempty"`
	// Customers is the number of distinct customers with an answered resource, the answers
	// that say "no costs" included.
	Customers int `json:"customers"`
}

// endpoint names a resource for counting.
type endpoint int

const (
	otherEndpoint endpoint = iota
	listEndpoint
	customerEndpoint
	profileEndpoint
	summaryEndpoint
	lineItemsEndpoint
	tokenEndpoint
	deviceEndpoint
	invoiceListEndpoint
	invoiceEndpoint
	invoiceSummariesEndpoint
	invoiceLinesEndpoint
	exportEndpoint
	operationEndpoint
	blobEndpoint
	endpoints
)

var endpointNames = [endpoints]string{
	"other", "customers", "customer", "profile", "summary", "line_items", "token", "devicecode",
	"invoices", "invoice", "invoice_summaries", "invoice_lines", "export", "operation", "blob",
}

type counters struct {
	requests [endpoints]atomic.Uint64
	faults   [faultKinds]atomic.Uint64
	oddities [oddityKinds]atomic.Uint64
	// served has a bit for every customer.
	served []atomic.Uint64
}

// serve notes that a customer was answered.
func (c *counters) serve(index uint64) {
	word, bit := &c.served[index/64], uint64(1)<<(index%64)
	if word.Load()&bit == 0 {
		word.Or(bit)
	}
}

// meet notes the oddities of a request.
func (c *counters) meet(odd met) {
	for _, kind := range odd {
		c.oddities[kind].Add(1)
	}
}

// Stats returns the counts so far. Kinds that did not occur are listed with 0.
func (s *Simulator) Stats() Stats {
	stats := Stats{Requests: make(map[string]uint64, endpoints), Faults: make(map[string]uint64, faultKinds)}
	for e := range endpoints {
		stats.Requests[endpointNames[e]] = s.counters.requests[e].Load()
	}
	for kind := noFault + 1; kind < faultKinds; kind++ {
		stats.Faults[faultNames[kind]] = s.counters.faults[kind].Load()
	}
	for kind := range oddityKinds {
		if n := s.counters.oddities[kind].Load(); n > 0 {
			if stats.Oddities == nil {
				stats.Oddities = map[string]uint64{}
			}
			stats.Oddities[kind.String()] = n
		}
	}
	for i := range s.counters.served {
		for word := s.counters.served[i].Load(); word != 0; word &= word - 1 {
			stats.Customers++
		}
	}
	return stats
}
