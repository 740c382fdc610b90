package fetch_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/billing"
	"partnercost/internal/fetch"
)

// wire is a partner without a network: it answers the n-th request and records when
// each was sent.
type wire struct {
	mu     sync.Mutex
	start  time.Time
	sent   []time.Duration
	answer func(n int, r *http.Request) *http.Response
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.sent = append(w.sent, time.Since(w.start))
	n := len(w.sent)
	w.mu.Unlock()
	response := w.answer(n, r)
	response.Request = r
	return response, nil
}

func respond(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
}

// never is a body that does not come.
type never struct{ until <-chan struct{} }

func (n never) Read([]byte) (int, error) { <-n.until; return 0, io.ErrClosedPipe }
func (n never) Close() error             { return nil }

func TestWaits(t *testing.T) {
	t.Parallel()

	date := func() string { return time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat) }
	tests := []struct {
		name    string
		answer  func(n int, r *http.Request) *http.Response
		sent    []time.Duration
		class   billing.FailureClass
		options fetch.Options
	}{
		{
			name: "seconds", sent: []time.Duration{0, 57 * time.Second},
			answer: func(n int, _ *http.Request) *http.Response {
				if n == 1 {
					return respond(429, "", "Retry-After", "57")
				}
				return respond(200, goodProfile)
			},
		},
		{
			name: "a date", sent: []time.Duration{0, 90 * time.Second},
			answer: func(n int, _ *http.Request) *http.Response {
				if n == 1 {
					return respond(503, "", "Retry-After", date())
				}
				return respond(200, goodProfile)
			},
		},
		{
			name: "a date that is past, then a number below zero, then nothing", sent: []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond},
			answer: func(n int, _ *http.Request) *http.Response {
				if n < 4 {
					return respond(429, "", "Retry-After", []string{"Thu, 01 Jan 1970 00:00:00 GMT", "-5", ""}[n-1])
				}
				return respond(200, goodProfile)
			},
		},
		{
			name: "the message of the gateway", sent: []time.Duration{0, 57 * time.Second},
			answer: func(n int, _ *http.Request) *http.Response {
				if n == 1 {
					return respond(429, `{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 57 seconds." }`)
				}
				return respond(200, goodProfile)
			},
		},
		{
			name: "throttled between faults", options: fetch.Options{Attempts: 2}, class: billing.ServerFailure,
			sent: []time.Duration{0, time.Minute, time.Minute + time.Second, 2*time.Minute + time.Second},
			answer: func(n int, _ *http.Request) *http.Response {
				if n%2 == 1 {
					return respond(429, "", "Retry-After", "60")
				}
				return respond(500, "")
			},
		},
		{
			name: "a day, and patience for a quarter of an hour", sent: []time.Duration{0, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute}, class: billing.Throttled,
			answer: func(int, *http.Request) *http.Response { return respond(429, "", "Retry-After", "86400") },
		},
		{
			name: "a day, a cap of a minute and patience for two", sent: []time.Duration{0, time.Minute, 2 * time.Minute}, class: billing.Throttled,
			answer:  func(int, *http.Request) *http.Response { return respond(429, "", "Retry-After", "86400") },
			options: fetch.Options{MaxRetryAfter: time.Minute, Attempts: 1, Patience: 2 * time.Minute},
		},
		{
			name: "a body that does not come", sent: []time.Duration{0, 3*time.Minute + 500*time.Millisecond}, class: billing.ServerFailure,
			answer: func(_ int, r *http.Request) *http.Response {
				response := respond(200, "")
				response.ContentLength = -1
				response.Body = never{r.Context().Done()}
				return response
			},
			options: fetch.Options{Attempts: 2},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &wire{start: time.Now(), answer: test.answer}
				o := test.options
				o.BaseURL, o.Transport, o.Rand = "https://api.example", w, func() float64 { return 1 }
				s, err := client(t, o).Statement(t.Context(), asked)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.sent, w.sent); diff != "" {
					t.Errorf("sent at (-want +got):\n%s", diff)
				}
				if test.class == "" && s.Failure != nil || test.class != "" && (s.Failure == nil || s.Failure.Class != test.class || s.Failure.Attempts != len(test.sent)) {
					t.Errorf("failure %+v, want %s", s.Failure, test.class)
				}
			})
		})
	}
}

// One customer's 429 delays all customers, and no request is sent in vain.
func TestThrottlingHoldsUpAllCustomers(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		refused := 0
		var mu sync.Mutex
		w := &wire{start: start, answer: func(n int, _ *http.Request) *http.Response {
			mu.Lock()
			defer mu.Unlock()
			if since := time.Since(start); n > 10 && since < 40*time.Second {
				refused++
				return respond(429, "", "Retry-After", "40")
			}
			return respond(200, goodProfile)
		}}
		var attempts []fetch.Attempt
		c := client(t, fetch.Options{BaseURL: "https://api.example", Transport: w, RequestsPerMinute: 600, Concurrency: 4, Observe: func(a fetch.Attempt) {
			mu.Lock()
			defer mu.Unlock()
			attempts = append(attempts, a)
		}})
		wantStatements(t, c, 4, 25)
		if refused == 0 || refused > 4 {
			t.Errorf("%d requests were refused", refused)
		}
		if len(w.sent) != 100+refused || len(attempts) != len(w.sent) {
			t.Errorf("%d requests and %d attempts for 100 customers, %d refused", len(w.sent), len(attempts), refused)
		}
		counted := map[fetch.Attempt]int{}
		for _, a := range attempts {
			counted[a]++
		}
		const endpoint = "customers/{id}/profiles/billing"
		want := map[fetch.Attempt]int{
			{Endpoint: endpoint, Class: "2xx"}: 100 - refused, {Endpoint: endpoint, Class: "2xx", Retried: true}: refused,
			{Endpoint: endpoint, Class: "4xx", Throttled: true}: refused,
		}
		if diff := cmp.Diff(want, counted); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

// A period of throttling costs no customer, even when the service does not say how long
// it lasts.
func TestThrottlingWithoutAWordIsWaitedOut(t *testing.T) {
	t.Parallel()

	for _, random := range []float64{0, 0.5, 1} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			w := &wire{start: start, answer: func(n int, _ *http.Request) *http.Response {
				if since := time.Since(start); n > 20 && since < 57*time.Second {
					return respond(429, "")
				}
				return respond(200, goodProfile)
			}}
			c := client(t, fetch.Options{BaseURL: "https://api.example", Transport: w, RequestsPerMinute: 600, Rand: func() float64 { return random }})
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					wantStatements(t, c, 1, 10)
				})
			}
			group.Wait()
			if n := len(w.sent); n > 80+100 {
				t.Errorf("%d requests for 80 customers", n)
			}
		})
	}
}
