package partnersim

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// The paths of Microsoft Graph, and of the blobs, which are on another host in reality.
const (
	graphPath = "/v1.0/reports/partners/billing/"
	blobPath  = "/blobs/"
)

// exports are the requested exports of Microsoft Graph, and the bills of a calendar.
type exports struct {
	mu       sync.Mutex
	calendar *calendar
	bills    map[invoice]*bill
	noData   []string

	operations map[string]*operation
	// asked counts the exports of each invoice; refused holds the invoices whose blobs were
	// refused.
	asked   map[invoice]int
	refused map[invoice]bool
	serial  int
	// signature is the generation of the signatures that are accepted.
	signature atomic.Uint64
}

// operation is an export in progress.
type operation struct {
	invoice invoice
	// polls is how many more times it answers that it is running.
	polls int
	fails bool
}

func newExports() *exports {
	return &exports{bills: map[invoice]*bill{}, operations: map[string]*operation{}, asked: map[invoice]int{}, refused: map[invoice]bool{}}
}

// owns reports whether a path belongs to Graph or to a blob.
func (e *exports) owns(path string) bool {
	return strings.HasPrefix(path, graphPath) || strings.HasPrefix(path, blobPath)
}

// ExpireExports expires every signature of a blob that was issued so far.
func (s *Simulator) ExpireExports() { s.exports.signature.Add(1) }

// serveExports answers for Microsoft Graph and the storage of its exports.
func (s *Simulator) serveExports(w http.ResponseWriter, r *http.Request) {
	request := s.requests.Add(1)
	if !s.pause(r, request) {
		return
	}
	switch s.faults.Load().pick(fraction(s.world.seed.hash(topicFault, request))) {
	case throttle, rateLimit:
		w.Header().Set("Retry-After", "1")
		graphError(w, http.StatusTooManyRequests, "TooManyRequests")
		return
	case serverError, unavailable:
		graphError(w, http.StatusServiceUnavailable, "ServiceUnavailable")
		return
	case reset, truncate:
		resetConnection(w)
		return
	}
	if strings.HasPrefix(r.URL.Path, blobPath) {
		s.serveBlob(w, r)
		return
	}
	// Graph refuses the token of Partner Center, and Partner Center that of Graph.
	if caller, _ := s.login.caller(r); caller != foreigner && !s.options.Anonymous {
		graphError(w, http.StatusUnauthorized, "InvalidAuthenticationToken")
		return
	}
	rest := strings.TrimPrefix(r.URL.Path, graphPath)
	id, isOperation := strings.CutPrefix(rest, "operations/")
	switch {
	case r.Method == http.MethodPost && rest == "reconciliation/billed/export":
		s.serveExport(w, r)
	case r.Method == http.MethodGet && isOperation:
		s.serveOperation(w, r, id)
	default:
		graphError(w, http.StatusNotFound, "NotFound")
	}
}

func graphError(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, object{"error": object{"code": code, "message": "The request was refused: " + code}})
}

// serveExport begins an export.
func (s *Simulator) serveExport(w http.ResponseWriter, r *http.Request) {
	s.counters.requests[exportEndpoint].Add(1)
	var asked struct {
		InvoiceID string `json:"invoiceId"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&asked); err != nil || asked.InvoiceID == "" {
		graphError(w, http.StatusBadRequest, "BadRequest")
		return
	}
	i, _ := parseInvoice(asked.InvoiceID)
	s.exports.mu.Lock()
	s.exports.serial++
	id := formatGUID(s.world.seed.hash(topicAnswer, uint64(s.exports.serial)), uint64(s.exports.serial), lowerHex)
	s.exports.asked[i]++
	s.exports.operations[id] = &operation{invoice: i, polls: s.options.Invoices.Polls, fails: s.options.Invoices.FailOnce && s.exports.asked[i] == 1}
	s.exports.mu.Unlock()
	w.Header().Set("Location", "http://"+r.Host+graphPath+"operations/"+id)
	w.WriteHeader(http.StatusAccepted)
}

// serveOperation returns the state of an export, always with status 200.
func (s *Simulator) serveOperation(w http.ResponseWriter, r *http.Request, id string) {
	s.counters.requests[operationEndpoint].Add(1)
	s.exports.mu.Lock()
	o := s.exports.operations[id]
	running := o != nil && o.polls > 0
	if running {
		o.polls--
	}
	s.exports.mu.Unlock()
	const kind = "#microsoft.graph.partners.billing."
	cal := s.calendar.Load()
	switch {
	case o == nil:
		graphError(w, http.StatusNotFound, "NotFound")
	case running:
		w.Header().Set("Retry-After", "1")
		writeJSON(w, http.StatusOK, object{"@odata.type": kind + "runningOperation", "id": id, "status": "running"})
	case o.fails:
		writeJSON(w, http.StatusOK, object{"@odata.type": kind + "failedOperation", "id": id, "status": "failed", "error": object{"code": "4000", "message": "The export failed."}})
	case o.invoice.recurring || !s.hasData(o.invoice) || len(s.linesOf(o.invoice, cal, "")) == 0:
		writeJSON(w, http.StatusOK, object{
			"@odata.type": kind + "failedOperation", "id": id, "status": "failed",
			"error": object{"code": "5000", "message": "No reconciliation data available currently for Invoice " + o.invoice.id() + "."},
		})
	default:
		status := "succeeded"
		if o.invoice.month%2 != 0 {
			status = "completed"
		}
		writeJSON(w, http.StatusOK, object{"@odata.type": kind + "exportSuccessOperation", "id": id, "status": status, "resourceLocation": s.manifest(r, o.invoice, cal)})
	}
}

// manifest lists the blobs of an invoice. Its version follows from the lines.
func (s *Simulator) manifest(r *http.Request, i invoice, cal *calendar) object {
	lines := s.linesOf(i, cal, "")
	version := uint64(len(lines))
	for at := range lines {
		version = mix(version ^ s.world.seed.hash(topicAnswer, uint64(at), uint64(lines[at].item.AfterTaxTotal.Decimal.CoefficientInt64())))
	}
	var blobs []object
	for at := 0; at*s.linesAPage() < len(lines); at++ {
		blobs = append(blobs, object{"name": fmt.Sprintf("part-%05d.json.gz", at), "partitionValue": "default"})
	}
	return object{
		"id": i.id(), "schemaVersion": "1", "dataFormat": "compressedJSONLines", "partitionType": "default", "eTag": strconv.FormatUint(version, 36), "partnerTenantId": s.options.Invoices.Tenant,
		"rootDirectory": "http://" + r.Host + blobPath + "BillingMonth=" + i.first(s.world.start).Format("200601") + "/InvoiceId=" + i.id() + "/Fragment=full",
		"sasToken":      "sv=simulated&sig=" + s.tokens.seal(continuationSeal, s.exports.signature.Load()), "blobCount": len(blobs), "blobs": blobs,
	}
}

// serveBlob answers for the storage, which checks signatures and no tokens.
func (s *Simulator) serveBlob(w http.ResponseWriter, r *http.Request) {
	s.counters.requests[blobEndpoint].Add(1)
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, blobPath), "/")
	if len(parts) != 4 {
		http.NotFound(w, r)
		return
	}
	i, ok := parseInvoice(strings.TrimPrefix(parts[1], "InvoiceId="))
	var number int
	if _, err := fmt.Sscanf(parts[3], "part-%05d.json.gz", &number); err != nil || !ok {
		http.NotFound(w, r)
		return
	}
	var generation uint64
	valid := s.tokens.open(continuationSeal, r.URL.Query().Get("sig"), &generation) && generation == s.exports.signature.Load()
	s.exports.mu.Lock()
	if s.options.Invoices.ExpireOnce && !s.exports.refused[i] {
		s.exports.refused[i], valid = true, false
	}
	s.exports.mu.Unlock()
	if !valid || r.Header.Get("Authorization") != "" {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code><Message>Signature not valid in the specified time frame: %s</Message></Error>`, r.URL.RawQuery)
		return
	}
	lines := s.linesOf(i, s.calendar.Load(), "")
	from := min(len(lines), number*s.linesAPage())
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	_, _ = packer.Write([]byte(byteOrderMark)) // a bytes.Buffer never fails
	encoder := json.NewEncoder(packer)
	for at := from; at < min(len(lines), from+s.linesAPage()); at++ {
		_ = encoder.Encode(s.exportLine(i, &lines[at]))
	}
	_ = packer.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(packed.Bytes()) // an error only means that the client is gone
}
