package fetch_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

// unpacked is the content of a body.
func unpacked(t testing.TB, b billing.InvoiceBody) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b.Content))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func zipped(content string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, content)
	_ = w.Close()
	return b.Bytes()
}

const (
	exportOperation = "/v1.0/reports/partners/billing/operations/1"
	exportLine      = `{"PartnerId":"1","CustomerId":"11111111-2222-3333-4444-555555555555","CustomerName":"Example","InvoiceNumber":"G1","OrderId":"o","ProductId":"P","SkuId":"0001","ProductName":"Plan","ChargeType":"new","UnitPrice":"10","Quantity":9,"BillableQuantity":3,"Subtotal":30,"TaxTotal":"5.70","Total":35.70,"Currency":"EUR","SubscriptionId":"S","ChargeStartDate":"2026-10-01T00:00:00Z","ChargeEndDate":"2026-10-31T00:00:00Z","Tags":"x"}`
)

// operationBody is an operation that has succeeded, with the manifest of a server.
func operationBody(status, server, sas string) string {
	return `{"@odata.type":"#microsoft.graph.partners.billing.exportSuccessOperation","id":"1","status":"` + status + `",
	 "resourceLocation":{"id":"m","schemaVersion":"1","dataFormat":"compressedJSONLines","eTag":"V1","rootDirectory":"` + server + `/c/BillingMonth=202610/Fragment=full","sasToken":"` + sas + `","blobCount":2,
	 "blobs":[{"name":"part-0.json.gz","partitionValue":"default"},{"name":"part-1.json.gz"}]}}`
}

// graph makes a client that does not wait.
func graph(t testing.TB, url string) *fetch.Graph {
	t.Helper()
	g, err := fetch.NewGraph(fetch.Options{BaseURL: url, Tokens: fetch.StaticToken("graph"), Rand: func() float64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func TestGraphExport(t *testing.T) {
	t.Parallel()
	var server *httptest.Server
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1.0/reports/partners/billing/reconciliation/billed/export", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != `{"attributeSet":"full","invoiceId":"G1"}` || r.Header.Get("Authorization") != "Bearer graph" || r.Header.Get("MS-PartnerCenter-Application") != "" {
			t.Errorf("asked for with %s, %v", body, r.Header)
		}
		w.Header().Set("Location", server.URL+exportOperation)
		w.WriteHeader(http.StatusAccepted)
	})
	var polls atomic.Int32
	mux.HandleFunc("GET "+exportOperation, func(w http.ResponseWriter, r *http.Request) {
		switch polls.Add(1) {
		case 1:
			w.Header().Set("Retry-After", "7")
			says(200, `{"@odata.type":"#microsoft.graph.partners.billing.runningOperation","status":"notStarted"}`)(w, r)
		default:
			says(200, operationBody("completed", server.URL, "sv=1&sig=secret"))(w, r)
		}
	})
	mux.HandleFunc("GET /c/BillingMonth=202610/Fragment=full/{blob}", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("sig") != "secret" || r.Header.Get("Authorization") != "" {
			t.Errorf("a blob was asked for with %s, %v", r.URL, r.Header)
		}
		if r.PathValue("blob") == "part-0.json.gz" {
			_, _ = w.Write(zipped("\ufeff" + exportLine + "\r\n\n" + exportLine + "\n"))
			return
		}
		_, _ = w.Write(zipped("\ufeff" + exportLine))
	})
	server = httptest.NewServer(mux)
	t.Cleanup(server.Close)

	g := graph(t, server.URL)
	operation, err := g.RequestExport(t.Context(), "G1")
	if err != nil || operation != server.URL+exportOperation {
		t.Fatal(operation, err)
	}
	export, err := g.Operation(t.Context(), operation)
	if err != nil || export.State != fetch.ExportRunning || export.Wait != 7*time.Second {
		t.Fatal(export, err)
	}
	export, err = g.Operation(t.Context(), operation)
	if err != nil || export.State != fetch.ExportSucceeded || export.Manifest.ETag != "V1" {
		t.Fatal(export, err)
	}
	set, err := g.Download(t.Context(), export.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	want := billing.InvoiceLine{
		Class: billing.ExportedLine, CustomerID: lineID, CustomerName: "Example", InvoiceNumber: "G1", ChargeType: "new", ChargeStart: onDay(2026, 10, 1), ChargeEnd: onDay(2026, 10, 31),
		SubscriptionID: "S", OrderID: "o", ProductID: "P", SkuID: "0001", ProductName: "Plan", Quantity: amountOf("3"), UnitPrice: amountOf("10"),
		PretaxTotal: amountOf("30"), Tax: amountOf("5.7"), AfterTaxTotal: amountOf("35.7"), CurrencyCode: "EUR",
	}
	for range 2 {
		if diff := cmp.Diff([]billing.InvoiceLine{want, want, want}, linesOf(t, set), sameInvoices); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if manifest := unpacked(t, set.Bodies[0]); len(set.Bodies) != 3 || strings.Contains(manifest, "secret") || !strings.Contains(manifest, `"sasToken":""`) {
		t.Errorf("%d bodies, of which the manifest is %s", len(set.Bodies), manifest)
	}
}

func TestGraphOperationStates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		state      fetch.ExportState
		code       string
		class      billing.FailureClass
	}{
		{"running", `{"status":"running"}`, fetch.ExportRunning, "", ""},
		{"no data", `{"@odata.type":"#microsoft.graph.partners.billing.failedOperation","status":"failed","error":{"code":"5000","message":"No reconciliation data available"}}`, fetch.ExportNoData, "5000", ""},
		{"failed", `{"status":"failed","error":{"code":4003,"message":"for ada@contoso.example"}}`, fetch.ExportFailed, "4003", ""},
		{"a state that comes later", `{"status":"queued"}`, fetch.ExportRunning, "", ""},
		{"succeeded without a manifest", `{"status":"succeeded"}`, "", "", billing.BadAnswer},
		{"blobs in the clear", `{"status":"succeeded","resourceLocation":{"rootDirectory":"http://blobs.example/c","sasToken":"sig=secret","blobs":[{"name":"a"}]}}`, "", "", billing.BadAnswer},
		{"a blob too few", `{"status":"succeeded","resourceLocation":{"rootDirectory":"https://blobs.example/c","sasToken":"sig=secret","blobCount":2,"blobs":[{"name":"a"}]}}`, "", "", billing.BadAnswer},
		{"a blob elsewhere", `{"status":"succeeded","resourceLocation":{"rootDirectory":"https://blobs.example/c","blobs":[{"name":"../../d"}]}}`, "", "", billing.BadAnswer},
		{"a manifest elsewhere", `{"status":"succeeded","resourceLocation@odata.navigationLink":"https://elsewhere.example/v1.0/reports/partners/billing/manifests/1"}`, "", "", billing.BadAnswer},
		{"no operation", `{"value":[]}`, "", "", billing.BadAnswer},
	}
	for _, test := range tests {
		_, url := newPartner(t, map[string]http.HandlerFunc{exportOperation: says(200, test.body)})
		export, err := graph(t, url).Operation(t.Context(), url+exportOperation)
		if test.class != "" {
			if f := checkFailure(t, err, test.class, ""); f == nil || strings.Contains(fmt.Sprint(f, f.Said), "secret") {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil || export.State != test.state || export.Code != test.code || strings.Contains(export.Message, "ada@") {
			t.Errorf("%s: %+v, %v", test.name, export, err)
		}
	}
	_, err := graph(t, "http://127.0.0.1:1").Operation(t.Context(), "https://elsewhere.example"+exportOperation)
	checkFailure(t, err, billing.BadAnswer, "", "another host")
}

func TestGraphManifestBehindALink(t *testing.T) {
	t.Parallel()
	var server *httptest.Server
	const manifest = "/v1.0/reports/partners/billing/manifests/m"
	p, url := newPartner(t, map[string]http.HandlerFunc{
		exportOperation: func(w http.ResponseWriter, r *http.Request) {
			says(200, `{"status":"succeeded","resourceLocation@odata.navigationLink":"`+server.URL+manifest+`"}`)(w, r)
		},
		manifest: says(200, `{"eTag":"V2","rootDirectory":"https://blobs.example/c","sasToken":"?sig=1","blobCount":0,"blobs":[]}`),
	})
	server = httptest.NewServer(p)
	t.Cleanup(server.Close)
	_ = url
	export, err := graph(t, server.URL).Operation(t.Context(), server.URL+exportOperation)
	if err != nil || export.Manifest.ETag != "V2" {
		t.Fatal(export, err)
	}
	set, err := graph(t, server.URL).Download(t.Context(), export.Manifest)
	if err != nil || len(linesOf(t, set)) != 0 {
		t.Error(set, err)
	}
}

func TestGraphBlobs(t *testing.T) {
	t.Parallel()
	whole := zipped(exportLine + "\n")
	blob := func(status int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write(body)
		}
	}
	refused := blob(403, []byte(`<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code><Message>Signature did not match: sv=1&amp;sig=secret</Message></Error>`))
	tests := []struct {
		name    string
		blob    http.HandlerFunc
		lines   int
		class   billing.FailureClass
		expired bool
		words   []string
	}{
		{name: "whole", blob: blob(200, whole), lines: 2},
		{name: "cut short, then whole", blob: inTurn(blob(200, whole[:len(whole)-10]), blob(200, whole)), lines: 2},
		{name: "unpacked by a proxy", blob: blob(200, []byte(exportLine)), lines: 2},
		{name: "trouble, then whole", blob: inTurn(blob(503, nil), blob(200, whole)), lines: 2},
		{name: "expired", blob: refused, expired: true},
		{name: "a web page", blob: blob(200, zipped("<html>")), class: billing.BadAnswer, words: []string{"line 1"}},
		{name: "a word for a number", blob: blob(200, zipped(exportLine+"\n"+`{"Total":"much"}`)), class: billing.BadAnswer, words: []string{"line 2", "Total"}},
		{name: "a line that never ends", blob: blob(200, zipped(strings.Repeat("x", 5<<20))), class: billing.BadAnswer, words: []string{"longer"}},
		{name: "trouble that stays", blob: blob(500, []byte("sig=secret")), class: billing.ServerFailure},
	}
	for _, test := range tests {
		p := &partner{answers: map[string]http.HandlerFunc{"/c/BillingMonth=202610/Fragment=full/part-0.json.gz": test.blob, "/c/BillingMonth=202610/Fragment=full/part-1.json.gz": blob(200, whole)}}
		server := httptest.NewServer(p)
		t.Cleanup(server.Close)
		p.answers[exportOperation] = says(200, operationBody("succeeded", server.URL, "sv=1&sig=secret"))
		g := graph(t, server.URL)
		export, err := g.Operation(t.Context(), server.URL+exportOperation)
		if err != nil {
			t.Fatal(err)
		}
		set, err := g.Download(t.Context(), export.Manifest)
		switch {
		case test.expired:
			if !errors.Is(err, fetch.ErrExpired) {
				t.Errorf("%s: %v", test.name, err)
			}
		case test.class != "":
			if f := checkFailure(t, err, test.class, "", test.words...); f == nil || strings.Contains(fmt.Sprint(f, f.Said), "secret") {
				t.Errorf("%s: %v", test.name, err)
			}
		case err != nil || len(linesOf(t, set)) != test.lines:
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestGraphRefusesTheApplication(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		class billing.FailureClass
		word  string
	}{401: {billing.Refused, "invoices.graph"}, 403: {billing.RoleMissing, "PartnerBilling.Read.All"}} {
		p, url := newPartner(t, map[string]http.HandlerFunc{
			"/v1.0/reports/partners/billing/reconciliation/billed/export": says(status, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}}`),
		})
		_, err := graph(t, url).RequestExport(t.Context(), "G1")
		var failure *billing.Failure
		if !errors.As(err, &failure) || failure.Class != want.class || !strings.Contains(failure.Error(), want.word) {
			t.Errorf("%d: %v", status, err)
		}
		for _, r := range p.all() {
			if r.URL.Path == "/v1/customers" {
				t.Error("the token was tried at a list of customers that Graph does not have")
			}
		}
	}
}
