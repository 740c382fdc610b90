package billing

import "time"

// RunKind says why a run took place.
type RunKind string

// The kinds of runs, as they stand in finance.runs.
const (
	KindDaily   RunKind = "daily"
	KindOnce    RunKind = "once"
	KindMissing RunKind = "missing"
	KindReplay  RunKind = "replay"
	KindImport  RunKind = "import"
)

// RunStatus is how a run stands or ended.
type RunStatus string

// The states of a run, as they stand in finance.runs.
const (
	StatusRunning     RunStatus = "running"
	StatusSucceeded   RunStatus = "succeeded"
	StatusPartial     RunStatus = "partial"
	StatusFailed      RunStatus = "failed"
	StatusInterrupted RunStatus = "interrupted"
)

// RunScope says which customers a run was to collect.
type RunScope string

// The scopes of a run, as they stand in finance.runs.
const (
	// ScopeAll: all of the partner's customers.
	ScopeAll RunScope = "all"
	// ScopeSome: the customers that the command named.
	ScopeSome RunScope = "some"
	// ScopeRest: all of the partner's customers but those that earlier runs had done.
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
}

// Outcome is what a run achieved for one customer.
type Outcome string

// The outcomes of a customer, as they stand in finance.coverage. All after
// OutcomeNoCosts count as failed.
const (
	// OutcomeStored: something new or restated was written.
	OutcomeStored Outcome = "ok"
	// OutcomeUnchanged: the answers say what is already stored; no fact row was written.
	OutcomeUnchanged Outcome = "unchanged"
	// OutcomeNoCosts: the service has no costs for this customer.
	OutcomeNoCosts         Outcome = "no_costs"
	OutcomeNoAccess        Outcome = "no_access"
	OutcomeUnknownCustomer Outcome = "unknown_customer"
	OutcomeFailed          Outcome = "failed"
)

// CustomerResult is what storing, or planning to store, one statement did.
type CustomerResult struct {
	CustomerID CustomerID
	Outcome    Outcome
	// RowsChanged counts the fact rows written: profiles, details, line-item sets.
	RowsChanged int
	// Changes lists the details that are new or restated, and ProfileChanged and
	// LineItemSetsChanged tell of the other facts. They are filled by a plan only.
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
	// Blank counts the failed customers of which nothing at all could be read.
	Blank       int
	RowsChanged int64
}

// Add counts one customer. Total is not touched: it is known, or not, before.
func (t *Tally) Add(r CustomerResult) {
	*t.of(r.Outcome)++
	t.RowsChanged += int64(r.RowsChanged)
}

// Drop takes back what was counted of a customer that is counted anew. An empty outcome
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

// NothingRead reports whether customers were asked for and no costs could be read of any
// of them.
func (t *Tally) NothingRead() bool { return t.Blank > 0 && t.Blank == t.Done() }

// CoveredWithin is how recent a customer's last success must be, at the least, for the
// customer to count as covered: a night, and room for a late or slow run.
const CoveredWithin = 26 * time.Hour
