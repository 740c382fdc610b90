package billing

import "time"

// RunKind says why a run took place.
type RunKind string

// The kinds of runs, as stored in finance.runs.
const (
	KindDaily   RunKind = "daily"
	KindOnce    RunKind = "once"
	KindMissing RunKind = "missing"
	KindReplay  RunKind = "replay"
	KindImport  RunKind = "import"
)

// RunStatus is the state of a run.
type RunStatus string

// The states of a run, as stored in finance.runs.
const (
	StatusRunning     RunStatus = "running"
	StatusSucceeded   RunStatus = "succeeded"
	StatusPartial     RunStatus = "partial"
	StatusFailed      RunStatus = "failed"
	StatusInterrupted RunStatus = "interrupted"
)

// RunScope says which customers a run is to collect.
type RunScope string

// The scopes of a run, as stored in finance.runs.
const (
	// ScopeAll: all of the partner's customers.
	ScopeAll RunScope = "all"
	// ScopeSome: the customers that the command named.
	ScopeSome RunScope = "some"
	// ScopeRest: all of the partner's customers except those that earlier runs had
	// collected.
	ScopeRest RunScope = "rest"
)

// Run is one collection of one partner's customers.
type Run struct {
	// ID is a UUID in canonical form.
	ID      string
	Partner string
	Kind    RunKind
	Scope   RunScope
	// Resumes are the ids of the unfinished runs whose rest this one collects.
	Resumes   []string
	StartedAt time.Time
	// Version is the version of the program, for tracing a number back to its code.
	Version string
	// Machine is the host name of the machine that makes the run.
	Machine string
}

// Outcome is the result of a run for one customer.
type Outcome string

// The outcomes of a customer, as stored in finance.coverage. All after OutcomeNoCosts
// count as failed.
const (
	// OutcomeStored: a new or restated fact was written.
	OutcomeStored Outcome = "ok"
	// OutcomeUnchanged: the answers agree with the stored data; no fact row was written.
	OutcomeUnchanged Outcome = "unchanged"
	// OutcomeNoCosts: the service has no costs for this customer.
	OutcomeNoCosts         Outcome = "no_costs"
	OutcomeNoAccess        Outcome = "no_access"
	OutcomeUnknownCustomer Outcome = "unknown_customer"
	OutcomeFailed          Outcome = "failed"
)

// CustomerResult is the result of storing one statement, or of planning to.
type CustomerResult struct {
	CustomerID CustomerID
	Outcome    Outcome
	// RowsChanged counts the fact rows written: profiles, details, line-item sets.
	RowsChanged int
	// Changes lists the details that are new or restated; ProfileChanged and
	// LineItemSetsChanged report the other facts. Only a plan fills them in.
	Changes             []DetailChange
	ProfileChanged      bool
	LineItemSetsChanged int
}

// DetailChange is a detail that is new (Before is nil) or restated.
type DetailChange struct {
	InvoiceType InvoiceType
	Before      *CostTotals
	After       CostTotals
}

// Tally counts the customers of a run by outcome, and the fact rows written.
type Tally struct {
	Total, OK, Unchanged, NoCosts, Failed int
	// Blank counts the failed customers of which no part could be read.
	Blank       int
	RowsChanged int64
}

// Add counts one customer. It does not change Total, which may be known in advance.
func (t *Tally) Add(r CustomerResult) {
	*t.of(r.Outcome)++
	t.RowsChanged += int64(r.RowsChanged)
}

// Drop removes an earlier result of a customer that is counted again. An empty outcome
// was not counted.
func (t *Tally) Drop(earlier Outcome) {
	if earlier != "" {
		*t.of(earlier)--
	}
}

func (t *Tally) of(o Outcome) *int {
	switch o {
	case OutcomeStored:
		return &t.OK
	case OutcomeUnchanged:
		return &t.Unchanged
	case OutcomeNoCosts:
		return &t.NoCosts
	}
	return &t.Failed
}

// Done is the number of customers counted so far.
func (t *Tally) Done() int { return t.OK + t.Unchanged + t.NoCosts + t.Failed }

// NothingRead reports whether the run had customers and could read the costs of none of
// them.
func (t *Tally) NothingRead() bool { return t.Blank > 0 && t.Blank == t.Done() }

// CoveredWithin is how recent a customer's last success must be for the customer to
// count as covered: a night, with room for a late or slow run.
const CoveredWithin = 26 * time.Hour
