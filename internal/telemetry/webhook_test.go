package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// short are the pauses in tests.
var short = []time.Duration{time.Millisecond, time.Millisecond}

// script is a server that answers with one status after the other, the last one for
// ever, and records the requests.
type script struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	asked    []string
}

func newScript(t *testing.T, statuses ...int) *script {
	t.Helper()
	s := &script{statuses: statuses}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, r.Method+" "+r.URL.String())
		status := s.statuses[0]
		if len(s.statuses) > 1 {
			s.statuses = s.statuses[1:]
		}
		w.Header().Set("Location", r.URL.String()+"/elsewhere")
		w.WriteHeader(status)
		fmt.Fprintf(w, "you asked for %s", r.URL)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *script) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func TestPing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		statuses []int
		attempts int
		want     string // the error, without "ping http://host: "
	}{
		{"is heard", []int{200}, 1, ""},
		{"any success will do", []int{204}, 1, ""},
		{"a hiccup is overcome", []int{503, 429, 200}, 3, ""},
		{"a server that stays broken", []int{500}, 3, "it answered 500 Internal Server Error (after 3 attempts)"},
		{"an unknown switch is not asked again", []int{404}, 1, "it answered 404 Not Found"},
		{"a redirection is not followed", []int{302}, 1, "it answered 302 Found, a redirection, which is not followed: use its target address"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := newScript(t, tc.statuses...)
			err := ping(t.Context(), server.URL+"/ping/s3cr3t?token=s3cr3t", short)
			got := ""
			if err != nil {
				got = strings.TrimPrefix(err.Error(), "ping "+server.URL+": ")
			}
			if got != tc.want {
				t.Errorf("error %q, want %q", got, tc.want)
			}
			var want []string
			for range tc.attempts {
				want = append(want, "GET /ping/s3cr3t?token=s3cr3t")
			}
			if diff := cmp.Diff(want, server.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// The parts of an address must not reach a log, whatever error occurs.
func TestPingKeepsTheAddressToItself(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	host := strings.TrimPrefix(closed.URL, "http://")
	for _, address := range []string{
		closed.URL + "/s3cr3t", "http://s3cr3t:s3cr3t@" + host + "/s3cr3t?s3cr3t#s3cr3t",
		"https://" + host + "/s3cr3t", "s3cr3t", "", "ftp://example.com/s3cr3t", "http:///s3cr3t", "http://user:s3cr3t/x@example.com",
		"http://example.com/s3cr3t%zz", "http://example.com/\x00s3cr3t", "http://example.com:s3cr3t/",
	} {
		err := ping(t.Context(), address, nil)
		if err == nil {
			t.Errorf("%s: no error", address)
		} else if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error shows the secret: %v", address, err)
		}
	}
}

func TestPingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	err := ping(ctx, server.URL+"/s3cr3t", []time.Duration{time.Hour})
	if err == nil || !strings.Contains(err.Error(), "context canceled") || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("error %v", err)
	}
}

func TestPushBringsEachPartnerItsGroup(t *testing.T) {
	t.Parallel()
	gateway := newGateway(t)
	m := newMetrics("contoso", "fab.rikam")
	m.Watch(goodState)
	m.Request("contoso", "customers", "2xx", time.Second, false, false)
	address := strings.Replace(gateway.URL, "http://", "http://finance:s3cr3t@", 1)
	if err := m.push(t.Context(), address+"/", "nightly", short); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"POST /metrics/job/nightly/partner/contoso finance:s3cr3t",
		"POST /metrics/job/nightly/partner/fab.rikam finance:s3cr3t",
	}, gateway.requests()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, tc := range []struct{ partner, name, labels, want string }{
		{"contoso", "partnercost_requests_total", "class=2xx,endpoint=customers", "1"},
		{"fab.rikam", "partnercost_requests_total", "class=2xx,endpoint=customers", "0"},
		{"contoso", "partnercost_request_duration_seconds", "endpoint=customers", "sum 1 of 1"},
		{"contoso", "partnercost_customers_active", "", "10"},
		{"fab.rikam", "partnercost_customers_active", "", "0"},
		{"contoso", "partnercost_database_up", "", "1"},
		{"contoso", "go_goroutines", "", "absent"},
		{"contoso", "partnercost_next_run_timestamp_seconds", "", "absent"},
	} {
		if got := gateway.value(tc.partner, tc.name, tc.labels); got != tc.want {
			t.Errorf("%s: %s{%s} is %s, want %s", tc.partner, tc.name, tc.labels, got, tc.want)
		}
	}
}

func TestPushOvercomesAHiccup(t *testing.T) {
	t.Parallel()
	gateway := newGateway(t)
	gateway.refuse(http.StatusBadGateway, 2)
	if err := newMetrics("contoso").push(t.Context(), gateway.URL, "nightly", short); err != nil {
		t.Error(err)
	}
	if got := gateway.value("contoso", "partnercost_rows_changed_total", ""); got != "0" {
		t.Errorf("rows changed: %s", got)
	}
}

// The second push comes from a run that could not reach the database.
func TestPushLeavesWhatItKnowsNothingOf(t *testing.T) {
	t.Parallel()
	gateway := newGateway(t)
	before := newMetrics("contoso")
	before.Watch(goodState)
	after := newMetrics("contoso")
	after.Watch(func(context.Context) (State, error) { return State{}, context.DeadlineExceeded })
	for _, m := range []*Metrics{before, after} {
		if err := m.push(t.Context(), gateway.URL, "nightly", short); err != nil {
			t.Fatal(err)
		}
	}
	if got := gateway.value("contoso", "partnercost_database_up", ""); got != "0" {
		t.Errorf("database up: %s", got)
	}
	if got := gateway.value("contoso", "partnercost_last_success_timestamp_seconds", ""); got != "1795230000" {
		t.Errorf("last success: %s", got)
	}
}

func TestPushKeepsTheAddressToItself(t *testing.T) {
	t.Parallel()
	gateway := newGateway(t)
	gateway.refuse(http.StatusBadRequest, 1<<20)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, server := range []string{gateway.URL, closed.URL} {
		address := strings.Replace(server, "http://", "http://s3cr3t:s3cr3t@", 1) + "/s3cr3t"
		err := newMetrics("contoso", "fabrikam").push(t.Context(), address, "nightly", nil)
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("error %v", err)
			continue
		}
		for _, want := range []string{"push the metrics of contoso to " + server + ": ", "push the metrics of fabrikam to " + server + ": "} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not say %s", err, want)
			}
		}
	}
	for _, address := range []string{"", "gateway:9091/s3cr3t", "http://gateway:s3cr3t/", "http://gateway/?s3cr3t", "http://gateway/#s3cr3t"} {
		err := newMetrics("contoso").push(t.Context(), address, "nightly", nil)
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: error %v", address, err)
		}
	}
}
