package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func check(name string, err error) Check {
	return Check{Name: name, Run: func(context.Context) error { return err }}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	broken := errors.New("cannot reach postgres://collector:s3c@r3t@db/costs\n(password=s3cr3t)\x1b[31m")
	for _, tc := range []struct {
		name       string
		checks     []Check
		wantStatus int
		want       string
	}{
		{"nothing to check", nil, http.StatusOK, ""},
		{"all hold", []Check{check("database", nil), check("schema", nil)}, http.StatusOK, "ok    database\nok    schema\n"},
		{
			"one does not",
			[]Check{check("database", broken), check("schema", nil)},
			http.StatusServiceUnavailable,
			"FAIL  database: cannot reach postgres://[redacted]@db/costs (password=[redacted]\nok    schema\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			get := serve(t, newMetrics("contoso"), tc.checks...)
			if status, body := get("/healthz"); status != http.StatusOK || body != "ok\n" {
				t.Errorf("/healthz: %d %q", status, body)
			}
			status, body := get("/readyz")
			if status != tc.wantStatus {
				t.Errorf("/readyz: %d, want %d", status, tc.wantStatus)
			}
			if diff := cmp.Diff(tc.want, body); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A check that hangs is given up in time, whether it respects its context or not.
func TestReadyIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		health := NewHealth(
			Check{Name: "deaf", Run: func(context.Context) error { time.Sleep(time.Minute); return nil }},
			Check{Name: "patient", Run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
			check("quick", nil),
		)
		begin := time.Now()
		recorder := httptest.NewRecorder()
		health.Ready(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody))
		if took := time.Since(begin); took != checkWithin {
			t.Errorf("took %v", took)
		}
		want := "FAIL  deaf: no answer within 3s\nFAIL  patient: no answer within 3s\nok    quick\n"
		if diff := cmp.Diff(want, recorder.Body.String()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		time.Sleep(time.Minute) // the check that ignores its context ends
	})
}

func TestOnTime(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		t.Helper()
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	// Every day at half past two.
	due := func(after time.Time) time.Time {
		next := time.Date(after.Year(), after.Month(), after.Day(), 2, 30, 0, 0, time.UTC)
		if !next.After(after) {
			next = next.AddDate(0, 0, 1)
		}
		return next
	}
	for _, tc := range []struct {
		name, now string
		last      map[string]time.Time
		lastErr   error
		due       func(time.Time) time.Time
		want      string
	}{
		{"collected tonight", "2026-11-21T12:00:00Z", map[string]time.Time{"contoso": at("2026-11-21T03:00:00Z")}, nil, due, ""},
		{"yesterday's, within the grace of tonight's", "2026-11-21T04:30:00Z", map[string]time.Time{"contoso": at("2026-11-20T03:00:00Z")}, nil, due, ""},
		{
			"yesterday's, after the grace", "2026-11-21T04:30:01Z",
			map[string]time.Time{"contoso": at("2026-11-20T03:00:00Z"), "fabrikam": at("2026-11-21T03:00:00Z")},
			nil, due,
			"partner contoso: the last successful run ended at 2026-11-20T03:00:00Z, the next was due at 2026-11-21T02:30:00Z; see collector status",
		},
		{"never, and the daemon is new", "2026-11-20T13:00:00Z", map[string]time.Time{"contoso": {}}, nil, due, ""},
		{
			"never, and a run was missed", "2026-11-21T05:00:00Z",
			map[string]time.Time{"contoso": {}},
			nil, due,
			"partner contoso: no run has succeeded yet, the next was due at 2026-11-21T02:30:00Z; see collector status",
		},
		{"nothing is ever due", "2026-11-21T05:00:00Z", map[string]time.Time{"contoso": {}}, nil, func(time.Time) time.Time { return time.Time{} }, ""},
		{"nobody knows", "2026-11-21T05:00:00Z", nil, errors.New("the database is away"), due, "the database is away"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			onTime := OnTime(Punctuality{
				Since: at("2026-11-20T12:00:00Z"), Due: tc.due, Grace: 2 * time.Hour, Now: func() time.Time { return at(tc.now) },
				LastSuccess: func(context.Context) (map[string]time.Time, error) { return tc.last, tc.lastErr },
			})
			got := ""
			if err := onTime.Run(t.Context()); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
