package collector

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

// answers replaces the bodies of answers about invoices on their way.
type answers struct {
	next http.Handler
	// replace returns another body, or nil for the same.
	replace atomic.Pointer[func(path string, body []byte) []byte]
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	recorder := httptest.NewRecorder()
	a.next.ServeHTTP(recorder, r)
	body := recorder.Body.Bytes()
	if replace := a.replace.Load(); replace != nil && recorder.Code == http.StatusOK {
		if other := (*replace)(r.URL.Path, body); other != nil {
			body = other
		}
	}
	maps.Copy(w.Header(), recorder.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(body) // an error only means that the client is gone
}

func zipped(content string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(content)) // a bytes.Buffer never fails
	_ = w.Close()
	return b.Bytes()
}

// part replaces the bodies of the paths that contain a text.
func part(of string, replace func(body []byte) []byte) func(string, []byte) []byte {
	return func(path string, body []byte) []byte {
		if !strings.Contains(path, of) {
			return nil
		}
		return replace(body)
	}
}

func always(body string) func([]byte) []byte { return func([]byte) []byte { return []byte(body) } }

// Whatever the service answers with status 200: lines that were read stay, nothing is half
// written, no difference comes up, and the next good answer heals everything.
func TestNoAnswerSpoilsInvoices(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 30, partnersim.Invoices{Plant: true, LinesAPage: 15})
	a := &answers{next: i.sim}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	p := &i.Config.Partners[0]
	p.BaseURL, p.Invoices.Graph.BaseURL, p.Invoices.Graph.LoginURL = server.URL, server.URL, server.URL
	i.night(Request{})
	facts := func() []string {
		return slices.Concat(i.billed(), i.lines(`SELECT to_jsonb(v)::text FROM finance.invoice_reconciliation v ORDER BY month, customer_id, invoice_type, currency_code`))
	}
	before := facts()
	const lines, blob, operation = "/lineitems", "/blobs/", "/operations/"
	renamed := func(body []byte) []byte {
		for _, name := range []string{"subtotal", "pretaxCharges", "totalForCustomer", "postTaxTotal"} {
			body = bytes.ReplaceAll(body, []byte(`"`+name+`"`), []byte(`"x`+name+`"`))
		}
		return body
	}
	tests := []struct {
		name    string
		replace func(string, []byte) []byte
		// fails means that parts fail; else there is no data.
		fails bool
	}{
		{"lines: an empty object", part(lines, always(`{}`)), true},
		{"lines: null items", part(lines, always(`{"totalCount":1,"items":null}`)), true},
		{"lines: an array", part(lines, always(`[]`)), true},
		{"lines: an error", part(lines, always(`{"code":2000,"description":"trouble"}`)), true},
		{"lines: an item that is none", part(lines, always(`{"items":[{}]}`)), true},
		{"lines: no item has an amount", part(lines, renamed), true},
		{"lines: fewer than they count", part(lines, func(body []byte) []byte {
			return bytes.Replace(body, []byte(`"totalCount":`), []byte(`"totalCount":9`), 1)
		}), true},
		{"lines: half a body", part(lines, func(body []byte) []byte { return body[:len(body)/2] }), true},
		{"lines: huge numbers", part(lines, func(body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"chargeType":`), []byte(`"subtotal":1e999,"pretaxCharges":1e999,"chargeType":`))
		}), true},
		{"lines: none", part(lines, always(`{"totalCount":0,"items":[]}`)), false},
		{"blob: no bytes", part(blob, always(``)), true},
		{"blob: half of it", part(blob, func(body []byte) []byte { return body[:len(body)/2] }), true},
		{"blob: an array", part(blob, always(string(zipped(`[]`)))), true},
		{"blob: an error", part(blob, always(string(zipped(`{"error":{"code":"5000"}}`)))), true},
		{"blob: no line has an amount", part(blob, always(string(zipped(`{"CustomerId":"11111111-0000-4000-8000-000000000000","ProductName":"Widgets"}`)))), true},
		{"blob: a web page", part(blob, always(string(zipped(`<html></html>`)))), true},
		{"blob: no lines", part(blob, always(string(zipped(``)))), false},
		{"manifest: no blobs", part(operation, func(body []byte) []byte {
			head, _, found := bytes.Cut(body, []byte(`"blobCount":`))
			if !found {
				return nil
			}
			_, tail, _ := bytes.Cut(body, []byte(`"dataFormat"`))
			return slices.Concat(head, []byte(`"blobCount":0,"blobs":[],"dataFormat"`), tail)
		}), false},
		{"operation: failed", part(operation, always(`{"status":"failed"}`)), true},
		{"operation: succeeded, with nothing", part(operation, always(`{"status":"succeeded"}`)), true},
	}
	for _, test := range tests {
		i.execute(`UPDATE collector.invoice_loads SET asked_at = asked_at - interval '8 days', etag = NULL`)
		a.replace.Store(&test.replace)
		r := i.night(Request{Only: OnlyInvoices})
		if r.Err != nil || r.Invoices.LinesChanged != 0 || (r.Invoices.Failed > 0) != test.fails || r.Invoices.NoData == 0 && !test.fails {
			t.Errorf("%s: %+v, %+v", test.name, r.Err, r.Invoices)
		}
		if diff := cmp.Diff(before, facts()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	a.replace.Store(nil)
	i.execute(`UPDATE collector.invoice_loads SET asked_at = asked_at - interval '8 days', etag = NULL`)
	if r := i.night(Request{Only: OnlyInvoices}); r.Invoices.Failed != 0 || r.Invoices.NoData != 0 || r.Invoices.LinesChanged != 0 {
		t.Errorf("once all is well: %+v", r.Invoices)
	}
	if open := i.lines(`SELECT kind || ' ' || detail FROM finance.findings WHERE kind IN ('invoice_failed', 'invoice_no_data') AND resolved_at IS NULL`); len(open) > 0 {
		t.Errorf("%q", open)
	}
}

// A list in another order, with invoices twice or with none changes nothing; one that is none
// is why no invoices are read.
func TestNoListSpoilsInvoices(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 20, partnersim.Invoices{Plant: true, Back: 1})
	a := &answers{next: i.sim}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	i.Config.Partners[0].BaseURL = server.URL
	i.night(Request{})
	before := i.billed()
	rearranged := func(how func([]json.RawMessage) []json.RawMessage) func([]byte) []byte {
		return func(body []byte) []byte {
			page := map[string]json.RawMessage{}
			var items []json.RawMessage
			if err := errors.Join(json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &page), json.Unmarshal(page["items"], &items)); err != nil {
				t.Error(err)
			}
			items = how(items)
			changed, err := json.Marshal(map[string]any{"totalCount": len(items), "items": items})
			if err != nil {
				t.Error(err)
			}
			return changed
		}
	}
	tests := []struct {
		name    string
		replace func([]byte) []byte
		fails   bool
	}{
		{"the other way round", rearranged(func(items []json.RawMessage) []json.RawMessage { slices.Reverse(items); return items }), false},
		{"everything twice", rearranged(func(items []json.RawMessage) []json.RawMessage { return slices.Concat(items, items) }), false},
		{"only the first", rearranged(func(items []json.RawMessage) []json.RawMessage { return items[:1] }), false},
		{"none", always(`{"totalCount":0,"items":[]}`), false},
		{"an empty object", always(`{}`), true},
		{"an error", always(`{"code":2000,"description":"trouble"}`), true},
		{"another document", always(`{"items":[{"customerId":"x"}]}`), true},
		{"a total that is none", func(body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"totalCharges":`), []byte(`"totalCharges":"much","was":`))
		}, true},
		{"half of it", func(body []byte) []byte { return body[:len(body)/2] }, true},
	}
	for _, test := range tests {
		replace := func(path string, body []byte) []byte {
			if path != "/v1/invoices" {
				return nil
			}
			return test.replace(body)
		}
		a.replace.Store(&replace)
		r := i.night(Request{Only: OnlyInvoices})
		if r.Err != nil || r.Invoices.Changed != 0 || r.Invoices.LinesChanged != 0 || (r.Invoices.Cause != nil) != test.fails || r.Invoices.Failed != 0 {
			t.Errorf("%s: %v, %+v", test.name, r.Err, r.Invoices)
		}
		if diff := cmp.Diff(before, i.billed()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// A new-commerce invoice that names no parts is exported all the same.
func TestInvoicesWithoutParts(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 20, partnersim.Invoices{})
	a := &answers{next: i.sim}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	i.Config.Partners[0].BaseURL = server.URL
	withoutParts := part("/v1/invoices", func(body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(`"invoiceDetails":`), []byte(`"details":`))
	})
	a.replace.Store(&withoutParts)
	i.night(Request{Only: OnlyInvoices})
	const whole = `SELECT count(*) || ' ' || count(*) FILTER (WHERE state = 'complete' AND difference = 0 AND lines > 0) FROM finance.invoices WHERE invoice_type = 'OneTime'`
	if got := i.value(whole); got != "5 5" {
		t.Errorf("of the invoices are complete: %s", got)
	}
	a.replace.Store(nil)
	if r := i.night(Request{Only: OnlyInvoices}); r.Invoices.Failed > 0 || i.value(whole) != "5 5" || i.value(`SELECT count(*) FROM finance.invoices WHERE difference <> 0 OR lines = 0`) != "0" {
		t.Errorf("once they name them: %+v, %s", r.Invoices, i.value(whole))
	}
}

// A signature that expires between two blobs is renewed, and the export is read from its
// beginning.
func TestSignaturesExpireBetweenBlobs(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 30, partnersim.Invoices{LinesAPage: 5})
	newID, expired := i.NewID, atomic.Int32{}
	i.NewID = func() string { // called for every request
		if n := int32(i.sim.Stats().Requests["blob"]); n%7 == 1 && expired.Load() < n {
			expired.Store(n)
			i.sim.ExpireExports()
		}
		return newID()
	}
	r := i.night(Request{Only: OnlyInvoices})
	if r.Err != nil || r.Invoices.Failed+r.Invoices.Loading+r.Invoices.NoData > 0 || expired.Load() == 0 {
		t.Fatalf("%+v, %+v, expired %d", r, r.Invoices, expired.Load())
	}
	if bad := i.value(`SELECT count(*) FROM finance.invoices WHERE state <> 'complete' OR difference <> 0`); bad != "0" {
		t.Errorf("%s invoices are not complete", bad)
	}
}

// The lines of an invoice change while its pages are read: what does not add up shows, and
// goes when the lines are read again.
func TestLinesChangeBetweenPages(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 30, partnersim.Invoices{LinesAPage: 15})
	a := &answers{next: i.sim}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	i.Config.Partners[0].BaseURL = server.URL
	dropped := part("/invoices/D500000000/lineitems", func(body []byte) []byte { // the second page and later ones
		head, rest, _ := bytes.Cut(body, []byte(`"items":[`))
		_, tail, found := bytes.Cut(rest, []byte(`},{`)) // its first line is not there any more
		if !found {
			return nil
		}
		return bytes.Replace(slices.Concat(head, []byte(`"items":[{`), tail), []byte(`"totalCount":15`), []byte(`"totalCount":14`), 1)
	})
	a.replace.Store(&dropped)
	i.night(Request{})
	const wrong = `SELECT concat_ws(' ', v.subject, v.resolved_at IS NULL) FROM collector.findings v WHERE kind = 'invoice_total_mismatch' ORDER BY 1`
	if got := i.lines(wrong); !slices.Equal(got, []string{"D500000000 t"}) {
		t.Errorf("findings: %q", got)
	}
	a.replace.Store(nil)
	for range 7 {
		i.night(Request{Only: OnlyInvoices})
	}
	if got := i.lines(wrong); !slices.Equal(got, []string{"D500000000 f"}) {
		t.Errorf("findings a week later: %q", got)
	}
}

// Texts that the database cannot hold, and ids and dates that are none, spoil no invoice.
func TestOddTextsOfLines(t *testing.T) {
	t.Parallel()
	i := installInvoices(t, 20, partnersim.Invoices{})
	a := &answers{next: i.sim}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	i.Config.Partners[0].BaseURL = server.URL
	odd := part("/lineitems", func(body []byte) []byte {
		body = bytes.ReplaceAll(body, []byte(`"chargeType":"`), []byte(`"chargeType":"\u0000`))
		return bytes.ReplaceAll(body, []byte(`"customerName":"`), []byte(`"customerName":"\u0000\ud800`))
	})
	a.replace.Store(&odd)
	r := i.night(Request{Only: OnlyInvoices})
	if bad := i.value(`SELECT count(*) FROM finance.invoices WHERE state <> 'complete' OR difference <> 0`); bad != "0" || r.Invoices.Failed > 0 {
		t.Errorf("%s invoices are not complete: %+v", bad, r.Invoices)
	}
}
