package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"partnercost/internal/billing"
)

// checkWithin bounds all checks of one probe together. It is less than the timeout of the
// probes in deploy/kubernetes.
const checkWithin = 3 * time.Second

// Check is a condition for the daemon to be ready.
type Check struct {
	// Name says in a few words what is checked.
	Name string
	// Run returns why the condition does not hold, in words without secrets or personal
	// data. It must end with its context.
	Run func(context.Context) error
}

// Health answers the probes of a supervisor.
type Health struct {
	checks []Check
}

// NewHealth returns a Health with these checks. They run in parallel.
func NewHealth(checks ...Check) *Health { return &Health{checks: checks} }

// Alive answers ok while the process exists, whatever else fails.
func (h *Health) Alive(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") }

// Ready runs the checks and answers with a line for each: 200 when all hold, else 503.
func (h *Health) Ready(w http.ResponseWriter, r *http.Request) {
	errs := h.run(r.Context())
	status := http.StatusOK
	var lines strings.Builder
	for i, check := range h.checks {
		if errs[i] == nil {
			fmt.Fprintf(&lines, "ok    %s\n", check.Name)
			continue
		}
		status = http.StatusServiceUnavailable
		fmt.Fprintf(&lines, "FAIL  %s: %s\n", check.Name, fit(errs[i].Error()))
	}
	answer(w, status, lines.String())
}

func answer(w http.ResponseWriter, status int, text string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // an error only means that the client is gone
}

// run runs the checks and returns their errors. A check that exceeds the limit has failed.
func (h *Health) run(ctx context.Context) []error {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	errs := make([]error, len(h.checks))
	var all sync.WaitGroup
	for i, check := range h.checks {
		all.Go(func() {
			said := make(chan error, 1)
			go func() { said <- check.Run(ctx) }()
			select {
			case errs[i] = <-said:
			case <-ctx.Done():
				errs[i] = ctx.Err()
			}
			if errors.Is(errs[i], context.DeadlineExceeded) {
				errs[i] = fmt.Errorf("no answer within %s", checkWithin)
			}
		})
	}
	all.Wait()
	return errs
}

// Punctuality has the values for the check that runs take place in time.
type Punctuality struct {
	// Since is when the daemon started. A partner that was never collected has until the
	// first due time after it.
	Since time.Time
	// LastSuccess returns, for every partner, when a run last completed, and the zero time
	// if none did.
	LastSuccess func(context.Context) (map[string]time.Time, error)
	// Due returns the first scheduled time after t, and the zero time if there is none.
	Due func(t time.Time) time.Time
	// Grace is how long after its due time a run may end.
	Grace time.Duration
	Now   func() time.Time
}

// OnTime is the check that every partner's last successful run is no older than the
// schedule and the grace allow.
func OnTime(p Punctuality) Check {
	return Check{Name: "runs on time", Run: func(ctx context.Context) error {
		last, err := p.LastSuccess(ctx)
		if err != nil {
			return err
		}
		var late []string
		for partner, success := range last {
			from, said := success, "the last successful run ended at "+utc(success)
			if success.IsZero() {
				from, said = p.Since, "no run has succeeded yet"
			}
			if due := p.Due(from); !due.IsZero() && p.Now().After(due.Add(p.Grace)) {
				late = append(late, fmt.Sprintf("partner %s: %s, the next was due at %s", partner, said, utc(due)))
			}
		}
		if len(late) == 0 {
			return nil
		}
		slices.Sort(late)
		return fmt.Errorf("%s; see collector status", strings.Join(late, "; "))
	}}
}

// LastRuns is the check that no partner's newest run has failed. A run has failed if it
// ended early, read nothing, or could not begin. newest returns, for every partner, how
// its newest run ended, and an empty status if there was none.
func LastRuns(newest func(context.Context) (map[string]billing.RunStatus, error)) Check {
	return Check{Name: "last runs", Run: func(ctx context.Context) error {
		ended, err := newest(ctx)
		if err != nil {
			return err
		}
		var failed []string
		for partner, status := range ended {
			if status == billing.StatusFailed {
				failed = append(failed, "partner "+partner+": the newest run failed")
			}
		}
		if len(failed) == 0 {
			return nil
		}
		slices.Sort(failed)
		return fmt.Errorf("%s; see collector status", strings.Join(failed, "; "))
	}}
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Handler serves /healthz, /readyz and /metrics.
func Handler(m *Metrics, h *Health) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.Alive)
	mux.HandleFunc("GET /readyz", h.Ready)
	// A metric that cannot be collected must not prevent the others.
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}
