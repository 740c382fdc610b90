package partnersim_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

const bom = "\ufeff"

func TestWireForm(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 3, NoCosts: -1})
	id := s.ids()[0]
	for _, path := range []string{
		"/v1/customers?size=2",
		"/v1/customers/" + id,
		"/v1/customers/" + id + "/profiles/billing",
		"/v1/customers/" + id + "/servicecosts/mostrecent",
		"/v1/customers/" + strings.ToUpper(id) + "/ServiceCosts/MostRecent/LineItems",
	} {
		r := s.get(path, "MS-RequestId", "9c2b0d5e-0000-4000-8000-000000000001", "MS-CorrelationId", "9c2b0d5e-0000-4000-8000-000000000002")
		if r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", path, r.Status, r.body)
		}
		if !bytes.HasPrefix(r.body, []byte(bom)) {
			t.Errorf("%s: no mark of the byte order", path)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, r.body[len(bom):]); err != nil || compact.Len() != len(r.body)-len(bom) {
			t.Errorf("%s: not compact JSON: %v", path, err)
		}
		if got := r.Header.Get("Content-Length"); got != strconv.Itoa(len(r.body)) {
			t.Errorf("%s: Content-Length %s of %d", path, got, len(r.body))
		}
		for name, want := range map[string]string{
			"Content-Type":     "application/json; charset=utf-8",
			"MS-RequestId":     "9c2b0d5e-0000-4000-8000-000000000001",
			"MS-CorrelationId": "9c2b0d5e-0000-4000-8000-000000000002",
			"X-Locale":         "en-US,en-US",
			"MS-ServerId":      "0000112E",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if got := r.Header.Get("MS-CV"); !regexp.MustCompile(`^[A-Za-z0-9+/]{16}\.0$`).MatchString(got) {
			t.Errorf("%s: MS-CV is %q", path, got)
		}
		if got := r.Header.Get("Request-Context"); !strings.HasPrefix(got, "appId=cid-v1:") {
			t.Errorf("%s: Request-Context is %q", path, got)
		}
	}
	made := s.get("/v1/customers/" + id).Header
	if made.Get("MS-RequestId") == "" || made.Get("MS-CorrelationId") == made.Get("MS-RequestId") {
		t.Errorf("ids made up: %v", made)
	}
}

// The service spells its headers in its own way, which Go's client hides.
func TestHeaderSpelling(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 1})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /v1/customers?size=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer simulator\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var names []string
	lines := bufio.NewScanner(conn)
	for lines.Scan() && lines.Text() != "" {
		if name, _, ok := strings.Cut(lines.Text(), ": "); ok {
			names = append(names, name)
		}
	}
	for _, want := range []string{"MS-CorrelationId", "MS-RequestId", "MS-CV", "MS-ServerId", "X-Locale", "Request-Context"} {
		if !slices.Contains(names, want) {
			t.Errorf("no header is spelled %s: %v", want, names)
		}
	}
}

func TestSummaryShape(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 60, NoCosts: -1})
	for _, id := range s.ids() {
		body := s.get("/v1/customers/" + id + "/servicecosts/mostrecent").body
		o := decode[object](t, body)
		if _, ok := o["currencyCode"]; ok {
			t.Fatalf("the root names a currency: %s", body)
		}
		first := o.list("details")[0].object("summary")
		for _, name := range []string{"billingStartDate", "billingEndDate", "pretaxTotal", "tax", "afterTaxTotal", "currencySymbol", "customerId"} {
			if !cmp.Equal(o[name], first[name]) {
				t.Errorf("the root's %s is %v, the first detail's %v", name, o[name], first[name])
			}
		}
		if got, want := o.object("links").object("serviceCostLineItems").text("uri"), "/customers/"+id+"/servicecosts/MostRecent/lineitems"; got != want {
			t.Errorf("link %q, want %q", got, want)
		}
		for _, d := range o.list("details") {
			end := d.object("summary").text("billingEndDate")
			if want := map[string]string{"Recurring": "T00:00:00Z", "OneTime": "T23:59:59.9999999Z"}[d.text("invoiceType")]; !strings.HasSuffix(end, want) {
				t.Errorf("a %s period ends %s", d.text("invoiceType"), end)
			}
		}
		for _, item := range decode[object](t, s.get("/v1/customers/"+id+"/servicecosts/mostrecent/lineitems").body).list("items") {
			if start := item.text("startDate"); len(start) != len("2015-12-15T00:00:00") {
				t.Errorf("a line begins %s, with a zone", start)
			}
			if got := item.text("subscriptionId"); got != strings.ToUpper(got) || len(got) != 36 {
				t.Errorf("subscriptionId %s is no GUID in upper case", got)
			}
		}
		profile := decode[object](t, s.get("/v1/customers/"+id+"/profiles/billing").body)
		if got, want := profile.object("links").object("self").text("uri"), "/v1/customers/"+id+"/profiles/billing"; got != want {
			t.Errorf("link %q, want %q", got, want)
		}
		if _, err := strconv.ParseInt(profile.object("attributes").text("etag"), 10, 64); err != nil {
			t.Errorf("the etag is no signed number: %v", err)
		}
		if email := profile.text("email"); !strings.HasSuffix(email, ".example") {
			t.Errorf("%s could be somebody's address", email)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 2})
	id := s.ids()[0]
	for name, tt := range map[string]struct {
		method, path string
		header       []string
		status       int
		body         string
	}{
		"unknown customer":   {"GET", "/v1/customers/65726577-c208-40fd-9735-8c85ac9cac68/profiles/billing", nil, 404, bom + `{"code":60003,"description":"Tenant not found","data":[],"source":"PartnerFD"}`},
		"malformed customer": {"GET", "/v1/customers/contoso/servicecosts/mostrecent", nil, 400, bom + `{"code":2000,"description":"Tenant Id must be a GUID.","data":[],"source":"PartnerApiServiceControllers"}`},
		"another period":     {"GET", "/v1/customers/" + id + "/servicecosts/current", nil, 400, bom + `{"code":2000,"description":"The billing period is not supported.","data":[],"source":"PartnerApiServiceControllers"}`},
		"no version":         {"GET", "/customers/" + id, nil, 404, bom + `{"code":1000,"description":"Not found","data":[],"source":"PartnerFD"}`},
		"version twice":      {"GET", "/v1//v1/customers", nil, 404, bom + `{"code":1000,"description":"Not found","data":[],"source":"PartnerFD"}`},
		"too deep":           {"GET", "/v1/customers/" + id + "/servicecosts/mostrecent/lineitems/more/more", nil, 404, bom + `{"code":1000,"description":"Not found","data":[],"source":"PartnerFD"}`},
		"a write":            {"POST", "/v1/customers", nil, 405, `{"statusCode":405,"message":"The requested resource does not support this method."}`},
		"no token":           {"GET", "/v1/customers", []string{"Authorization", ""}, 401, `{"statusCode":401,"message":"Unauthorized: Authorization header is missing"}`},
		"unknown token":      {"GET", "/v1/customers", []string{"Authorization", "Bearer nonsense"}, 401, `{"statusCode":401,"message":"Unauthorized: Invalid Authorization header"}`},
		"bad page size":      {"GET", "/v1/customers?size=many", nil, 400, bom + `{"code":2000,"description":"The page size is not valid.","data":[],"source":"PartnerApiServiceControllers"}`},
		"bad page token":     {"GET", "/v1/customers?size=2", []string{"MS-ContinuationToken", "x"}, 400, bom + `{"code":2000,"description":"The continuation token is not valid.","data":[],"source":"PartnerApiServiceControllers"}`},
	} {
		r := s.do(tt.method, tt.path, "", tt.header...)
		if r.err != nil {
			t.Fatalf("%s: %v", name, r.err)
		}
		if r.StatusCode != tt.status || string(r.body) != tt.body {
			t.Errorf("%s: %d %s\nwant %d %s", name, r.StatusCode, r.body, tt.status, tt.body)
		}
		if tt.status == 401 && !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "OAuth realm=urn:cpsvc:cpid:") {
			t.Errorf("%s: WWW-Authenticate is %q", name, r.Header.Get("WWW-Authenticate"))
		}
	}
}

func TestNoAccess(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 200, NoAccess: 0.25})
	refused := 0
	for _, id := range s.ids() {
		want, _ := s.Expected(id)
		r := s.get("/v1/customers/" + id + "/servicecosts/mostrecent")
		if (want.Failure != nil) != (r.StatusCode == http.StatusForbidden) {
			t.Errorf("%s: %d, expected failure %v", id, r.StatusCode, want.Failure)
		}
		if r.StatusCode == http.StatusForbidden {
			refused++
			if code := decodeCode(t, r.body); code != "20002" {
				t.Errorf("code %s", code)
			}
		}
	}
	if refused < 30 || refused > 70 {
		t.Errorf("%d of 200 customers are refused, want about 50", refused)
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	const customers = 1234
	for name, options := range map[string]partnersim.Options{
		"link":                         {},
		"link without version":         {Paging: partnersim.PageByUnversionedLink},
		"token in the body":            {Paging: partnersim.PageByBodyToken},
		"link to a spent token":        {SpentToken: true},
		"token in the body that spent": {Paging: partnersim.PageByBodyToken, SpentToken: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options.Customers = customers
			s := start(t, options)
			s.Advance(partnersim.Step{Leave: 0.1})
			var got []string
			var pages []int
			path, header := "/v1/customers?size=1000", []string(nil)
			for {
				r := s.get(path, header...)
				if len(header) > 0 && r.StatusCode == http.StatusBadRequest && options.SpentToken {
					if code := decodeCode(t, r.body); code != "2000" {
						t.Errorf("the end has code %s", code)
					}
					break
				}
				page := decode[object](t, r.body)
				items := page.list("items")
				if count, _ := page["totalCount"].(json.Number).Int64(); int(count) != len(items) {
					t.Errorf("totalCount %d of a page of %d", count, len(items))
				}
				pages = append(pages, len(items))
				for _, item := range items {
					got = append(got, item.text("id"))
					if item.object("companyProfile").text("tenantId") != item.text("id") || item["billingProfile"] != nil {
						t.Fatalf("item %v", item)
					}
				}
				token, next := page.text("continuationToken"), page.object("links").object("next")
				if options.Paging != partnersim.PageByBodyToken && next != nil {
					sent := next.list("headers")[0]
					if sent.text("key") != "MS-ContinuationToken" {
						t.Fatalf("next %v", next)
					}
					token = sent.text("value")
					if versioned := strings.HasPrefix(next.text("uri"), "/v1/"); versioned != (options.Paging == partnersim.PageByLink) {
						t.Errorf("next page at %s", next.text("uri"))
					}
					path = "/v1" + strings.TrimPrefix(next.text("uri"), "/v1")
				} else if next != nil {
					t.Fatalf("a link where a token was to be: %v", next)
				}
				if token == "" {
					break
				}
				header = []string{"MS-ContinuationToken", token}
			}
			if diff := cmp.Diff(s.ids(), got); diff != "" {
				t.Errorf("listed customers (-want +got):\n%s", diff)
			}
			if len(pages) != 3 || pages[0] != 500 || pages[1] != 500 {
				t.Errorf("pages of %v customers, want two of 500 and the rest", pages)
			}
		})
	}
}

func TestFaultsAtTheirRate(t *testing.T) {
	t.Parallel()
	const requests = 1500
	faults := partnersim.MixedFaults(0.3)
	faults.RetryAfter = 7 * time.Second
	s := start(t, partnersim.Options{Customers: 1, NoCosts: -1, Faults: faults})
	path := "/v1/customers/" + s.ids()[0] + "/profiles/billing"
	got := map[string]uint64{}
	for range requests {
		switch r := s.do(http.MethodGet, path, ""); {
		case r.Response == nil:
			got["reset"]++
		case r.err != nil && r.StatusCode == http.StatusOK:
			if len(r.body) == 0 || int64(len(r.body)) >= r.ContentLength {
				t.Fatalf("truncated to %d of %d", len(r.body), r.ContentLength)
			}
			got["truncate"]++
		case r.StatusCode == http.StatusTooManyRequests:
			got["throttle"]++
			if want := `{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 7 seconds." }`; string(r.body) != want || r.Header.Get("Retry-After") != "7" {
				t.Fatalf("%s, Retry-After %s", r.body, r.Header.Get("Retry-After"))
			}
		case r.StatusCode == http.StatusInternalServerError:
			got["server_error"]++
			if code := decodeCode(t, r.body); code != "800003" {
				t.Fatalf("code %s", code)
			}
		case r.StatusCode == http.StatusServiceUnavailable:
			got["unavailable"]++
		case r.StatusCode != http.StatusOK:
			t.Fatal(r.Status)
		}
	}
	stats := s.Stats()
	for kind, n := range got {
		if n < requests*0.3/5*0.6 || n > requests*0.3/5*1.5 {
			t.Errorf("%d of %d requests ended as %s, want about %d", n, requests, kind, requests*3/50)
		}
		if stats.Faults[kind] != n {
			t.Errorf("%d times %s, the simulator counts %d", n, kind, stats.Faults[kind])
		}
	}
	if len(got) != 5 || stats.Requests["profile"] != requests {
		t.Errorf("got %v, stats %+v", got, stats)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	s := partnersim.New(partnersim.Options{Customers: 1, MaxRequestsPerSecond: 3, Clock: func() time.Time { return now }})
	statuses := func(n int) []int {
		var all []int
		for range n {
			recorder := ask(t.Context(), s, "/v1/customers")
			all = append(all, recorder.Code)
			if recorder.Code == http.StatusTooManyRequests && recorder.Header().Get("Retry-After") != "1" {
				t.Errorf("Retry-After %q", recorder.Header().Get("Retry-After"))
			}
		}
		return all
	}
	if diff := cmp.Diff([]int{200, 200, 200, 429, 429}, statuses(5)); diff != "" {
		t.Errorf("in the first second:\n%s", diff)
	}
	now = now.Add(2 * time.Second)
	if diff := cmp.Diff([]int{200, 200, 200, 429}, statuses(4)); diff != "" {
		t.Errorf("two seconds later:\n%s", diff)
	}
	if got := s.Stats().Faults["rate_limit"]; got != 3 {
		t.Errorf("%d requests were over the limit, want 3", got)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := partnersim.New(partnersim.Options{Customers: 1, Latency: time.Minute, LatencyJitter: time.Second})
		begin := time.Now()
		if recorder := ask(t.Context(), s, "/v1/customers"); recorder.Code != http.StatusOK {
			t.Fatal(recorder.Code)
		}
		if took := time.Since(begin); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("an answer took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		if recorder := ask(ctx, s, "/v1/customers"); recorder.Body.Len() != 0 {
			t.Error("a client that is gone was answered")
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("a client that gave up after a second held the simulator for %s", took)
		}
	})
}

func TestGzip(t *testing.T) {
	t.Parallel()
	s := start(t, partnersim.Options{Customers: 50, Gzip: true})
	plain, packed := s.get("/v1/customers?size=50"), s.get("/v1/customers?size=50", "Accept-Encoding", "gzip")
	if packed.Header.Get("Content-Encoding") != "gzip" || len(packed.body) >= len(plain.body) {
		t.Fatalf("%d bytes, packed %d: %v", len(plain.body), len(packed.body), packed.Header)
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(packed.body))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(unpacker); err != nil || !bytes.Equal(got, plain.body) {
		t.Errorf("unpacked differs: %v", err)
	}
}
