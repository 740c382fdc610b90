package telemetry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"partnercost/internal/billing"
)

var night = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)

func newMetrics(partners ...string) *Metrics {
	return New(Options{Version: "v1.2.3", Commit: "abc", Partners: partners, Now: func() time.Time { return night }})
}

// goodState is the state of a healthy partner with one finding.
func goodState(context.Context) (State, error) {
	return State{Machines: 2, Partners: map[string]PartnerState{
		"contoso": {
			LastSuccess: night.Add(-time.Hour), LastRun: billing.StatusPartial, LastTally: billing.Tally{Total: 10, OK: 7, Unchanged: 2, Failed: 1},
			ActiveCustomers: 10, CoveredCustomers: 9, OpenFindings: map[billing.Severity]int{billing.Serious: 3}, InvoiceFindings: map[billing.FindingKind]int{billing.InvoiceMissing: 2},
			RefreshTokenIssued: night.Add(-48 * time.Hour), RunningSince: night.Add(-time.Minute), Machine: "b", TakenOverFrom: "a",
			WaitingSince: night.Add(-30 * time.Second),
		},
		"no longer configured": {ActiveCustomers: 5},
	}}, nil
}

// serve returns a function that requests one of the three paths.
func serve(t *testing.T, m *Metrics, checks ...Check) (get func(path string) (int, string)) {
	t.Helper()
	server := httptest.NewServer(Handler(m, NewHealth(checks...)))
	t.Cleanup(server.Close)
	return func(path string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
}

// has checks that the exposition has each of the lines.
func has(t *testing.T, exposition string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+exposition, "\n"+line+"\n") {
			name, _, _ := strings.Cut(strings.Fields(line)[0], "{")
			var near []string
			for other := range strings.Lines(exposition) {
				if strings.HasPrefix(other, name) {
					near = append(near, other)
				}
			}
			t.Errorf("no line %s; there are\n%s", line, strings.Join(near, ""))
		}
	}
}

func TestCountersStartAtZeroForEveryPartner(t *testing.T) {
	t.Parallel()
	get := serve(t, newMetrics("contoso", "fabrikam"))
	_, body := get("/metrics")
	for _, partner := range []string{"contoso", "fabrikam"} {
		has(
			t, body,
			`partnercost_runs_total{kind="daily",partner="`+partner+`",status="failed"} 0`,
			`partnercost_runs_total{kind="import",partner="`+partner+`",status="interrupted"} 0`,
			`partnercost_run_duration_seconds_count{kind="once",partner="`+partner+`",status="succeeded"} 0`,
			`partnercost_run_in_progress{partner="`+partner+`"} 0`,
			`partnercost_customers_total{outcome="no_costs",partner="`+partner+`"} 0`,
			`partnercost_rows_changed_total{partner="`+partner+`"} 0`,
			`partnercost_requests_total{class="none",endpoint="customers",partner="`+partner+`"} 0`,
			`partnercost_requests_total{class="5xx",endpoint="customers/{id}/servicecosts/mostrecent/lineitems",partner="`+partner+`"} 0`,
			`partnercost_request_retries_total{endpoint="customers/{id}/profiles/billing",partner="`+partner+`"} 0`,
			`partnercost_requests_throttled_total{endpoint="customers/{id}/servicecosts/mostrecent",partner="`+partner+`"} 0`,
			`partnercost_request_duration_seconds_count{endpoint="customers",partner="`+partner+`"} 0`,
		)
	}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, prefix) && strings.Contains(line, "_total") && !strings.HasSuffix(line, " 0\n") {
			t.Errorf("does not start at 0: %s", line)
		}
	}
	if !strings.Contains(body, `partnercost_build_info{commit="abc",goversion="go1.`) || !strings.Contains(body, "\ngo_goroutines ") || !strings.Contains(body, "\nprocess_start_time_seconds ") {
		t.Errorf("build, Go or process information is missing:\n%s", body)
	}
	for _, absent := range []string{"partnercost_next_run", "partnercost_database_up", "partnercost_last_success"} {
		if strings.Contains(body, absent) {
			t.Errorf("%s is there before anything is known about it", absent)
		}
	}
}

func TestWhatHappensIsCounted(t *testing.T) {
	t.Parallel()
	m := newMetrics("contoso", "fabrikam")
	get := serve(t, m)
	m.Request("contoso", "customers", "2xx", 300*time.Millisecond, false, false)
	m.Request("contoso", "customers", "4xx", 20*time.Millisecond, false, true)
	m.Request("contoso", "customers", "none", time.Minute, true, false)
	m.RunStarted("contoso")
	m.RunStarted("fabrikam")
	tally := billing.Tally{Total: 10, OK: 4, Unchanged: 3, NoCosts: 2, Failed: 1, RowsChanged: 42}
	m.RunEnded("contoso", billing.KindDaily, billing.StatusPartial, 90*time.Second, tally)
	m.RunEnded("contoso", billing.KindDaily, billing.StatusPartial, 30*time.Second, tally)
	m.Scheduled(night)

	_, body := get("/metrics")
	has(
		t, body,
		`partnercost_requests_total{class="2xx",endpoint="customers",partner="contoso"} 1`,
		`partnercost_requests_total{class="4xx",endpoint="customers",partner="contoso"} 1`,
		`partnercost_requests_total{class="none",endpoint="customers",partner="contoso"} 1`,
		`partnercost_requests_total{class="2xx",endpoint="customers",partner="fabrikam"} 0`,
		`partnercost_request_retries_total{endpoint="customers",partner="contoso"} 1`,
		`partnercost_requests_throttled_total{endpoint="customers",partner="contoso"} 1`,
		`partnercost_request_duration_seconds_bucket{endpoint="customers",partner="contoso",le="0.25"} 1`,
		`partnercost_request_duration_seconds_bucket{endpoint="customers",partner="contoso",le="0.5"} 2`,
		`partnercost_request_duration_seconds_bucket{endpoint="customers",partner="contoso",le="60"} 3`,
		`partnercost_run_in_progress{partner="contoso"} 0`,
		`partnercost_run_in_progress{partner="fabrikam"} 1`,
		`partnercost_runs_total{kind="daily",partner="contoso",status="partial"} 2`,
		`partnercost_run_duration_seconds_sum{kind="daily",partner="contoso",status="partial"} 120`,
		`partnercost_customers_total{outcome="ok",partner="contoso"} 8`,
		`partnercost_customers_total{outcome="unchanged",partner="contoso"} 6`,
		`partnercost_customers_total{outcome="no_costs",partner="contoso"} 4`,
		`partnercost_customers_total{outcome="failed",partner="contoso"} 2`,
		`partnercost_rows_changed_total{partner="contoso"} 84`,
		`partnercost_next_run_timestamp_seconds 1.7952336e+09`,
	)

	m.Scheduled(time.Time{})
	_, body = get("/metrics")
	has(t, body, `partnercost_next_run_timestamp_seconds 0`)
}

func TestStateIsToldForConfiguredPartners(t *testing.T) {
	t.Parallel()
	m := newMetrics("contoso", "fabrikam")
	m.Watch(goodState)
	status, body := serve(t, m)("/metrics")
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	has(
		t, body,
		`partnercost_database_up 1`,
		`partnercost_last_success_timestamp_seconds{partner="contoso"} 1.79523e+09`,
		`partnercost_last_success_age_seconds{partner="contoso"} 3600`,
		`partnercost_last_run_status{partner="contoso",status="partial"} 1`,
		`partnercost_last_run_status{partner="contoso",status="failed"} 0`,
		`partnercost_last_run_customers{outcome="failed",partner="contoso"} 1`,
		`partnercost_last_run_customers{outcome="ok",partner="contoso"} 7`,
		`partnercost_customers_active{partner="contoso"} 10`,
		`partnercost_customers_covered{partner="contoso"} 9`,
		`partnercost_open_findings{partner="contoso",severity="info"} 0`,
		`partnercost_open_findings{partner="contoso",severity="serious"} 3`,
		`partnercost_open_invoice_findings{kind="invoice_missing",partner="contoso"} 2`,
		`partnercost_open_invoice_findings{kind="invoice_difference",partner="contoso"} 0`,
		`partnercost_refresh_token_age_seconds{partner="contoso"} 172800`,
		`partnercost_machines 2`,
		`partnercost_queue_wait_seconds{partner="contoso"} 30`,
		`partnercost_run_started_timestamp_seconds{machine="b",partner="contoso",taken_over_from="a"} 1.79523354e+09`,
		// There is no state of the other partner: counts are 0, and the rest is absent.
		`partnercost_last_success_timestamp_seconds{partner="fabrikam"} 0`,
		`partnercost_last_run_status{partner="fabrikam",status="succeeded"} 0`,
		`partnercost_customers_active{partner="fabrikam"} 0`,
	)
	for _, absent := range []string{`age_seconds{partner="fabrikam"}`, "no longer configured"} {
		if strings.Contains(body, absent) {
			t.Errorf("%s is there", absent)
		}
	}
}

func TestScrapeOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	now, away := night, false
	m := New(Options{Partners: []string{"contoso"}, Now: func() time.Time { return now }})
	m.Watch(func(ctx context.Context) (State, error) {
		if away {
			return State{}, errors.New("connection refused")
		}
		return goodState(ctx)
	})
	get := serve(t, m)
	_, body := get("/metrics")
	has(t, body, `partnercost_database_up 1`)

	away, now = true, now.Add(time.Hour)
	status, body := get("/metrics")
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	// The time since the last success continues to grow: an alert about it must not stop.
	has(
		t, body,
		`partnercost_database_up 0`,
		`partnercost_last_success_age_seconds{partner="contoso"} 7200`,
		`partnercost_customers_active{partner="contoso"} 10`,
		`partnercost_rows_changed_total{partner="contoso"} 0`,
	)

	away, now = false, now.Add(time.Hour)
	_, body = get("/metrics")
	has(t, body, `partnercost_database_up 1`)
}

func TestScrapeBeforeTheDatabaseWasEverThere(t *testing.T) {
	t.Parallel()
	m := newMetrics("contoso")
	m.Watch(func(context.Context) (State, error) { return State{}, errors.New("connection refused") })
	status, body := serve(t, m)("/metrics")
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	has(t, body, `partnercost_database_up 0`, `partnercost_rows_changed_total{partner="contoso"} 0`)
	if strings.Contains(body, "partnercost_last_success_") {
		t.Errorf("a last success is told that nobody knows of:\n%s", body)
	}
}

func TestMetricsKeepTheRulesOfPrometheus(t *testing.T) {
	t.Parallel()
	m := newMetrics("contoso")
	m.Watch(goodState)
	m.Scheduled(night)
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func TestOnlyGetIsServed(t *testing.T) {
	t.Parallel()
	handler := Handler(newMetrics("contoso"), NewHealth())
	got := map[string]int{}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, http.NoBody))
		got[path] = recorder.Code
	}
	want := map[string]int{"/healthz": 405, "/readyz": 405, "/metrics": 405}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// This package knows the client's endpoints by name only, because it does not import
// the client.
func TestEndpointsAreThoseOfTheClient(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../fetch/statement.go")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"customers"}
	for _, match := range regexp.MustCompile(`(?m)^\t\w+Resource\s+= "(.+)"$`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, "customers/{id}/"+match[1])
	}
	if diff := cmp.Diff(want, endpoints); diff != "" {
		t.Errorf("-client +here:\n%s", diff)
	}
}
