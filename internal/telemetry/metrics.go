package telemetry

import (
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"partnercost/internal/billing"
)

// prefix is the beginning of each metric name of ours.
const prefix = "partnercost_"

// The label values that are known in advance. Each has its series from the start: an
// alert on a counter needs the 0 before the first event, and an alert on absence must
// not fire because nothing has happened yet.
var (
	endpoints = []string{
		"customers", "customers/{id}/profiles/billing", "customers/{id}/servicecosts/mostrecent",
		"customers/{id}/servicecosts/mostrecent/lineitems",
	}
	classes  = []string{"2xx", "3xx", "4xx", "5xx", "none"}
	kinds    = []billing.RunKind{billing.KindDaily, billing.KindOnce, billing.KindMissing, billing.KindReplay, billing.KindImport}
	endings  = []billing.RunStatus{billing.StatusSucceeded, billing.StatusPartial, billing.StatusFailed, billing.StatusInterrupted}
	outcomes = []billing.Outcome{billing.OutcomeStored, billing.OutcomeUnchanged, billing.OutcomeNoCosts, billing.OutcomeFailed}
	severity = []billing.Severity{billing.Info, billing.Warning, billing.Serious}
)

// Options are the values from outside that metrics need.
type Options struct {
	// Version and Commit are those of the program.
	Version, Commit string
	// Partners are the configured partners, the only ones with series.
	Partners []string
	// Now returns the time.
	Now func() time.Time
}

// Metrics counts events in this process. Once Watch is called it also reports the state
// of the collection in the database. It is safe for concurrent use.
type Metrics struct {
	options  Options
	registry *prometheus.Registry

	runs        *prometheus.CounterVec
	runDuration *prometheus.SummaryVec
	inProgress  *prometheus.GaugeVec
	customers   *prometheus.CounterVec
	rows        *prometheus.CounterVec

	requests  *prometheus.CounterVec
	retries   *prometheus.CounterVec
	throttled *prometheus.CounterVec
	latency   *prometheus.HistogramVec

	next     prometheus.Gauge
	schedule sync.Once // guards the registration of next, which exists only with a schedule
	watch    *watch    // nil until Watch
}

// New returns metrics with a registry of their own.
func New(o Options) *Metrics {
	m := &Metrics{
		options:  o,
		registry: prometheus.NewRegistry(),
		runs:     counter("runs_total", "Runs that ended, by kind and status.", "kind", "status"),
		runDuration: prometheus.NewSummaryVec(prometheus.SummaryOpts{
			Name: prefix + "run_duration_seconds", Help: "Duration of runs, by kind and status.",
		}, []string{"partner", "kind", "status"}),
		inProgress: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: prefix + "run_in_progress", Help: "1 while a run is under way in this process, else 0.",
		}, []string{"partner"}),
		customers: counter("customers_total", "Customers that runs attempted, by outcome.", "outcome"),
		rows:      counter("rows_changed_total", "Fact rows that runs wrote: profiles, details, sets of line items."),
		requests:  counter("requests_total", "Requests sent to Partner Center, by class of the answer; class none is a request without a complete answer.", "endpoint", "class"),
		retries:   counter("request_retries_total", "Requests that repeated an earlier one.", "endpoint"),
		throttled: counter("requests_throttled_total", "Requests that were answered with 429.", "endpoint"),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "request_duration_seconds", Help: "Time from sending a request to the last byte of its answer.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 180},
		}, []string{"partner", "endpoint"}),
		next: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: prefix + "next_run_timestamp_seconds", Help: "When the next scheduled run starts; 0 if never. The daemon only.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: prefix + "build_info", Help: "Always 1; the labels identify the program.",
		ConstLabels: prometheus.Labels{"version": o.Version, "commit": o.Commit, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build,
		m.runs, m.runDuration, m.inProgress, m.customers, m.rows, m.requests, m.retries, m.throttled, m.latency,
	)
	for _, partner := range o.Partners {
		m.begin(partner)
	}
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, append([]string{"partner"}, labels...))
}

// begin creates all series of a partner.
func (m *Metrics) begin(partner string) {
	for _, kind := range kinds {
		for _, status := range endings {
			m.runs.WithLabelValues(partner, string(kind), string(status))
			m.runDuration.WithLabelValues(partner, string(kind), string(status))
		}
	}
	m.inProgress.WithLabelValues(partner)
	for _, outcome := range outcomes {
		m.customers.WithLabelValues(partner, string(outcome))
	}
	m.rows.WithLabelValues(partner)
	for _, endpoint := range endpoints {
		for _, class := range classes {
			m.requests.WithLabelValues(partner, endpoint, class)
		}
		m.retries.WithLabelValues(partner, endpoint)
		m.throttled.WithLabelValues(partner, endpoint)
		m.latency.WithLabelValues(partner, endpoint)
	}
}

// Request counts a request that was sent. class is that of the answer, "2xx" to "5xx",
// or "none" without a complete one. retried means that it repeated an earlier request,
// throttled that the answer was 429.
func (m *Metrics) Request(partner, endpoint, class string, took time.Duration, retried, throttled bool) {
	m.requests.WithLabelValues(partner, endpoint, class).Inc()
	m.latency.WithLabelValues(partner, endpoint).Observe(took.Seconds())
	if retried {
		m.retries.WithLabelValues(partner, endpoint).Inc()
	}
	if throttled {
		m.throttled.WithLabelValues(partner, endpoint).Inc()
	}
}

// RunStarted records that a run of the partner is in progress. RunEnded must follow.
func (m *Metrics) RunStarted(partner string) { m.inProgress.WithLabelValues(partner).Set(1) }

// RunEnded counts a run that ended and its results. The next scrape or push reads the
// state again.
func (m *Metrics) RunEnded(partner string, kind billing.RunKind, status billing.RunStatus, took time.Duration, tally billing.Tally) {
	m.inProgress.WithLabelValues(partner).Set(0)
	m.runs.WithLabelValues(partner, string(kind), string(status)).Inc()
	m.runDuration.WithLabelValues(partner, string(kind), string(status)).Observe(took.Seconds())
	for outcome, n := range byOutcome(tally) {
		m.customers.WithLabelValues(partner, string(outcome)).Add(float64(n))
	}
	m.rows.WithLabelValues(partner).Add(float64(tally.RowsChanged))
	if m.watch != nil {
		m.watch.expire()
	}
}

func byOutcome(t billing.Tally) map[billing.Outcome]int {
	return map[billing.Outcome]int{
		billing.OutcomeStored: t.OK, billing.OutcomeUnchanged: t.Unchanged, billing.OutcomeNoCosts: t.NoCosts, billing.OutcomeFailed: t.Failed,
	}
}

// Scheduled records when the next run starts; the zero time if never.
func (m *Metrics) Scheduled(next time.Time) {
	m.next.Set(timestamp(next))
	m.schedule.Do(func() { m.registry.MustRegister(m.next) })
}

// timestamp returns t in the form of Prometheus, and 0 for the zero time.
func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
