package partnersim

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"partnercost/internal/billing"
)

// buffers keeps the bodies of past answers for reuse.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// target is the resource that a path of the REST API names.
type target struct {
	endpoint endpoint
	customer string
	// period is the period in a path of servicecosts.
	period string
}

// parseTarget reads a path. Like the service it ignores case. A path that is wrong in
// any other way names no resource.
func parseTarget(path string) target {
	var parts [7]string
	n := 0
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if n == len(parts) {
			return target{}
		}
		parts[n] = part
		n++
	}
	is := func(at int, name string) bool { return strings.EqualFold(parts[at], name) }
	if is(0, "v1") && is(1, "invoices") {
		return invoiceTarget(n, parts)
	}
	if !is(0, "v1") || !is(1, "customers") {
		return target{}
	}
	t := target{customer: parts[2]}
	switch {
	case n == 2:
		t.endpoint = listEndpoint
	case n == 3:
		t.endpoint = customerEndpoint
	case n == 5 && is(3, "profiles") && is(4, "billing"):
		t.endpoint = profileEndpoint
	case n == 5 && is(3, "servicecosts"):
		t.endpoint, t.period = summaryEndpoint, parts[4]
	case n == 6 && is(3, "servicecosts") && is(5, "lineitems"):
		t.endpoint, t.period = lineItemsEndpoint, parts[4]
	}
	return t
}

func (s *Simulator) serveAPI(w http.ResponseWriter, r *http.Request) {
	request := s.requests.Add(1)
	t := parseTarget(r.URL.Path)
	s.counters.requests[t.endpoint].Add(1)
	if !s.pause(r, request) {
		return
	}
	buffer := buffers.Get().(*[]byte)
	a, kind := s.decide(w.Header(), r, t, request, (*buffer)[:0])
	*buffer = a.body
	defer buffers.Put(buffer)
	switch {
	case kind != noFault:
		s.counters.faults[kind].Add(1)
	case a.isAbout:
		s.counters.serve(a.about)
	}
	s.write(w, r, a, kind, request)
}

// decide returns the answer to a request, and the fault with which it is sent.
func (s *Simulator) decide(header http.Header, r *http.Request, t target, request uint64, dst []byte) (answer, fault) {
	if a, ok := s.authorise(header, r, t.endpoint, dst); !ok {
		return a, noFault
	}
	if s.limiter != nil {
		now := s.options.Clock()
		turn := s.limiter.ReserveN(now, 1)
		if wait := turn.DelayFrom(now); wait > 0 {
			turn.CancelAt(now)
			return throttled(dst, wait), rateLimit
		}
	}
	faults := s.faults.Load()
	kind := faults.pick(fraction(s.world.seed.hash(topicFault, request)))
	if kind != noFault && kind != truncate {
		return faults.spoil(dst, kind), kind
	}
	page := s.pageOf(r)
	odd := s.oddities.Load().of(t, page.number)
	s.counters.meet(odd)
	a, replaced := odd.instead(dst)
	if !replaced {
		a = s.answer(r, t, page, odd, dst)
		if a.status == http.StatusOK {
			a.body = odd.spoil(t.endpoint, a.body)
		}
	}
	if a.framing = odd.first(ShortLength, BareBody); a.framing == BareBody {
		a.isAbout = false
	}
	if kind == truncate && len(a.body) < 2 {
		kind = reset // an empty body cannot be truncated
	}
	return a, kind
}

// authorise checks the bearer token as far as the endpoint needs it.
func (s *Simulator) authorise(header http.Header, r *http.Request, e endpoint, dst []byte) (refusal answer, ok bool) {
	caller, problem := s.login.caller(r)
	if caller == nobody && s.options.Anonymous {
		return answer{}, true
	}
	compliant := caller != user || !s.options.Login.WithoutMFA
	if caller == user && strings.EqualFold(r.Header.Get("ValidateMfa"), "true") {
		header["isMfaCompliant"] = []string{strconv.FormatBool(compliant)}
	}
	switch {
	case caller == nobody:
		header["WWW-Authenticate"] = []string{"OAuth realm=urn:cpsvc:cpid:" + formatGUID(s.world.seed.hash(topicAnswer), 0, lowerHex)}
		return refuseAtGateway(dst, http.StatusUnauthorized, problem), false
	case caller == foreigner:
		return refuse(dst, http.StatusUnauthorized, 900420, "Invalid or unsupported token audience."), false
	case !compliant && s.options.Login.EnforceMFA:
		return refuse(dst, http.StatusUnauthorized, 900421, "MFA is required for this operation."), false
	case caller == application && (e == summaryEndpoint || e == lineItemsEndpoint || e == invoiceEndpoint || e == invoiceSummariesEndpoint):
		return refuse(dst, http.StatusForbidden, 900329, "App only token is not supported by this operation."), false
	}
	return answer{}, true
}

// answer returns the answer of a service without faults.
func (s *Simulator) answer(r *http.Request, t target, page page, odd met, dst []byte) answer {
	switch {
	case t.endpoint == otherEndpoint:
		return refuse(dst, http.StatusNotFound, 1000, "Not found")
	case r.Method != http.MethodGet:
		return refuseAtGateway(dst, http.StatusMethodNotAllowed, "The requested resource does not support this method.")
	case t.endpoint == listEndpoint:
		return s.list(r, page, odd, dst)
	case t.isInvoices():
		return s.invoiceAnswer(r, t, dst)
	}

	id, err := billing.ParseCustomerID(t.customer)
	if err != nil {
		return refuse(dst, http.StatusBadRequest, 2000, "Tenant Id must be a GUID.")
	}
	index, ok := s.world.find(id)
	if !ok {
		return refuse(dst, http.StatusNotFound, 60003, "Tenant not found")
	}
	if t.period != "" && !strings.EqualFold(t.period, "mostrecent") {
		return refuse(dst, http.StatusBadRequest, 2000, "The billing period is not supported.")
	}
	c, cal := s.world.customer(index), s.calendar.Load()
	if c.noAccess || !s.world.present(index, cal) {
		return refuse(dst, http.StatusForbidden, 20002, noRelationship)
	}
	if odd.has(Behind) && cal.before != nil {
		cal = cal.before
	}
	c.renamed = odd.has(Renamed)
	a := s.resource(r, t.endpoint, c, cal, page, odd, dst)
	a.about, a.isAbout = index, true
	return a
}

// resource is one resource of a customer that the partner may read.
func (s *Simulator) resource(r *http.Request, e endpoint, c customer, cal *calendar, page page, odd met, dst []byte) answer {
	ok := answer{status: http.StatusOK, contentType: jsonType}
	switch e {
	case customerEndpoint:
		ok.body = s.world.appendCustomer(append(dst, byteOrderMark...), c)
		return ok
	case profileEndpoint:
		ok.body = s.world.appendProfile(append(dst, byteOrderMark...), c)
		return ok
	}
	switch c.costs {
	case notFound:
		return refuse(dst, http.StatusNotFound, 1000, "Not found")
	case noUsageData:
		return refuse(dst, http.StatusNotFound, 3000, "Customer does not have usage data.")
	}
	costs, items := s.world.costs(c, cal)
	odd.retell(costs, items)
	if e == lineItemsEndpoint {
		return s.lineItems(r, c, items, page, odd, dst)
	}
	ok.body = appendSummary(append(dst, byteOrderMark...), c, costs)
	return ok
}

// write sends an answer with the headers of the recorded service (API.md 3.2). It sets
// them in the service's own spelling, which http.Header.Set would change.
func (s *Simulator) write(w http.ResponseWriter, r *http.Request, a answer, kind fault, request uint64) {
	if kind == reset {
		resetConnection(w)
		return
	}
	if a.framing != 0 {
		misframe(w, a)
		return
	}
	noise := s.world.seed.hash(topicAnswer, request)
	locale := r.Header.Get("X-Locale")
	if locale == "" {
		locale = "en-US"
	}
	header := w.Header()
	header["MS-CorrelationId"] = []string{echo(r, "Ms-Correlationid", noise, 1)}
	header["MS-RequestId"] = []string{echo(r, "Ms-Requestid", noise, 2)}
	header["MS-CV"] = []string{vector(noise)}
	header["MS-ServerId"] = []string{"0000112E"}
	header["X-Locale"] = []string{locale + "," + locale}
	header["Request-Context"] = []string{"appId=cid-v1:" + formatGUID(s.world.seed.hash(topicAnswer), 1, lowerHex)}
	if a.retryAfter != "" {
		header["Retry-After"] = []string{a.retryAfter}
	}
	if a.contentType != "" {
		header["Content-Type"] = []string{a.contentType}
	}
	body := a.body
	if s.options.Gzip && len(body) > 0 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var packed strings.Builder
		packer := gzip.NewWriter(&packed)
		_, _ = packer.Write(body) // a strings.Builder never fails
		_ = packer.Close()
		header["Content-Encoding"] = []string{"gzip"}
		body = []byte(packed.String())
	}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(a.status)
	if kind == truncate {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // net/http then breaks the connection, as intended
	}
	// An error only means that the client is gone.
	_, _ = w.Write(body)
}

// echo returns the value of a request header, or an invented one when the header is
// absent.
func echo(r *http.Request, canonical string, noise, salt uint64) string {
	if value := r.Header[canonical]; len(value) > 0 && value[0] != "" {
		return value[0]
	}
	return formatGUID(mix(noise+salt), mix(noise-salt), lowerHex)
}

// vector returns a correlation vector, such as "fc1RI18AXEK3Tdmj.0".
func vector(noise uint64) string {
	var raw [12]byte
	binary.BigEndian.PutUint64(raw[:], noise)
	binary.BigEndian.PutUint32(raw[8:], uint32(mix(noise)>>32))
	return base64.StdEncoding.EncodeToString(raw[:]) + ".0"
}
