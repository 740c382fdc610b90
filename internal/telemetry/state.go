package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"partnercost/internal/billing"
)

// State is the state of the collection.
type State struct {
	// Machines counts those whose daemon was seen within two minutes.
	Machines int
	// Partners are by the partner's name.
	Partners map[string]PartnerState
}

// PartnerState is the stored state of the collection of one partner. It outlives the
// process and includes the work of other processes.
type PartnerState struct {
	// LastSuccess is when a run of all customers last completed, with the status succeeded
	// or partial, because failures of single customers show in the coverage. Zero if there
	// was none.
	LastSuccess time.Time
	// LastRun is how the newest run of all customers ended; empty if there was none.
	LastRun billing.RunStatus
	// LastTally is the tally of that run.
	LastTally billing.Tally
	// ActiveCustomers counts the partner's customers. CoveredCustomers counts those that
	// were collected within the last 26 hours and have no part older than allowed,
	// WaitingCustomers those that have one.
	ActiveCustomers, CoveredCustomers, WaitingCustomers int
	// OpenFindings counts by severity, InvoiceFindings those about invoices by kind.
	OpenFindings    map[billing.Severity]int
	InvoiceFindings map[billing.FindingKind]int
	// RefreshTokenIssued is zero when there is no refresh token, or its age is unknown.
	RefreshTokenIssued time.Time
	// RunningSince is when the run began that is under way on Machine, zero if there is none.
	// TakenOverFrom is another machine, with whose unfinished run it goes on.
	RunningSince           time.Time
	Machine, TakenOverFrom string
	// WaitingSince is since when the partner waits for a machine; zero if it does not.
	WaitingSince time.Time
}

// Watch makes the metrics read the state whenever they are scraped or pushed, at most
// once in stateKept and for at most stateWait. While the state cannot be read,
// partnercost_database_up is 0 and the values read last are repeated; read must log the
// reason itself. Watch is called once, before the metrics are served.
func (m *Metrics) Watch(read func(context.Context) (State, error)) {
	m.watch = &watch{read: read, now: m.options.Now}
	m.registry.MustRegister(stateCollector{partners: m.options.Partners, watch: m.watch})
}

// stateCollector turns the state into metrics.
type stateCollector struct {
	partners []string
	watch    *watch
}

var (
	databaseUp = describe("database_up", "1 if the state of the collection could be read from the database, else 0. The gauges from the database keep their last values while it is 0.")

	machines = describe("machines", "Machines whose daemon was seen within the last two minutes.")

	lastSuccess = partnerDescribe("last_success_timestamp_seconds", "When a run of all customers last completed (succeeded or partial); 0 if never.")
	sinceThen   = partnerDescribe("last_success_age_seconds", "Seconds since a run of all customers last completed; absent if never.")
	lastRun     = partnerDescribe("last_run_status", "1 for the status of the newest run of all customers, 0 for every other status.", "status")
	lastTally   = partnerDescribe("last_run_customers", "Customers of the newest run of all customers, by outcome.", "outcome")
	active      = partnerDescribe("customers_active", "Active customers of the partner.")
	covered     = partnerDescribe("customers_covered", "Customers of the partner that were collected within the last 26 hours, with nothing older than collect.refresh.")
	waiting     = partnerDescribe("customers_waiting", "Customers of the partner whose profile or line items are older than collect.refresh, or not read yet.")
	findings    = partnerDescribe("open_findings", "Findings that are not resolved.", "severity")
	invoices    = partnerDescribe("open_invoice_findings", "Findings about invoices that are not resolved. A difference is a finding above the tolerance only.", "kind")
	runSince    = partnerDescribe("run_started_timestamp_seconds", "When the run began that is under way, on whatever machine; absent without one.", "machine", "taken_over_from")
	queued      = partnerDescribe("queue_wait_seconds", "Seconds for which the partner, which is due, has been waiting for a machine; 0 if it does not wait.")
	tokenAge    = partnerDescribe("refresh_token_age_seconds", "Seconds since the refresh token was replaced; it expires after 90 days (7776000). Absent without a refresh token.")

	stateDescriptions = []*prometheus.Desc{databaseUp, lastSuccess, sinceThen, lastRun, lastTally, active, covered, waiting, findings, invoices, tokenAge, machines, runSince, queued}
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

func partnerDescribe(name, help string, labels ...string) *prometheus.Desc {
	return describe(name, help, append([]string{"partner"}, labels...)...)
}

// Describe implements prometheus.Collector.
func (c stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range stateDescriptions {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	state, up := c.watch.current()
	gauge(databaseUp, number(up))
	if state == nil {
		return // the state was never read, and a 0 would be wrong
	}
	now := c.watch.now()
	gauge(machines, float64(state.Machines))
	for _, partner := range c.partners {
		s := state.Partners[partner]
		gauge(lastSuccess, timestamp(s.LastSuccess), partner)
		if !s.LastSuccess.IsZero() {
			gauge(sinceThen, max(0, now.Sub(s.LastSuccess)).Seconds(), partner)
		}
		for _, status := range endings {
			gauge(lastRun, number(s.LastRun == status), partner, string(status))
		}
		for outcome, n := range byOutcome(s.LastTally) {
			gauge(lastTally, float64(n), partner, string(outcome))
		}
		gauge(active, float64(s.ActiveCustomers), partner)
		gauge(covered, float64(s.CoveredCustomers), partner)
		gauge(waiting, float64(s.WaitingCustomers), partner)
		for _, level := range severity {
			gauge(findings, float64(s.OpenFindings[level]), partner, string(level))
		}
		for _, kind := range billing.InvoiceFindings {
			gauge(invoices, float64(s.InvoiceFindings[kind]), partner, string(kind))
		}
		if !s.RunningSince.IsZero() {
			gauge(runSince, timestamp(s.RunningSince), partner, s.Machine, s.TakenOverFrom)
		}
		waits := 0.0
		if !s.WaitingSince.IsZero() {
			waits = max(0, now.Sub(s.WaitingSince)).Seconds()
		}
		gauge(queued, waits, partner)
		if !s.RefreshTokenIssued.IsZero() {
			gauge(tokenAge, max(0, now.Sub(s.RefreshTokenIssued)).Seconds(), partner)
		}
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
