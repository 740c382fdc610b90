package persist

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"partnercost/internal/billing"
)

// STUB: signatures only, replaced by the real store.

// Options says how to reach the database.
type Options struct {
	URL            string
	MaxConnections int
	Log            *slog.Logger
	Now            func() time.Time
}

// Store keeps statements.
type Store struct{}

// ErrLocked: another collector holds the partner's lock.
var ErrLocked = errors.New("another run of this partner is under way")

// Open connects and refuses a schema that is not the one this program needs.
func Open(ctx context.Context, o Options) (*Store, error) { return nil, errors.New("stub") }

// Close closes the pool.
func (s *Store) Close() {}

// LockPartner takes the partner's advisory lock; ErrLocked when somebody holds it. The returned
// context ends when the lock is lost. release is called once.
func (s *Store) LockPartner(ctx context.Context, partner string) (locked context.Context, release func(), err error) {
	return nil, nil, errors.New("stub")
}

// BeginRun records a run as running.
func (s *Store) BeginRun(ctx context.Context, run billing.Run) error { return errors.New("stub") }

// FinishRun records how a run ended; cause is why it did not succeed, or nil.
// complete says that every customer of the partner was enumerated: those not seen become inactive.
func (s *Store) FinishRun(ctx context.Context, run billing.Run, status billing.RunStatus, tally billing.Tally, complete bool, cause error) error {
	return errors.New("stub")
}

// Write stores a batch in one transaction and returns one result per statement, in order. An error
// that errors.Is ErrRejected means the data itself was refused.
func (s *Store) Write(ctx context.Context, run billing.Run, batch []billing.Statement) ([]billing.CustomerResult, error) {
	return nil, errors.New("stub")
}

// Plan says what Write would do, and writes nothing.
func (s *Store) Plan(ctx context.Context, partner string, batch []billing.Statement) ([]billing.CustomerResult, error) {
	return nil, errors.New("stub")
}

// Report is one of the queries of sql/queries/finance.
type Report struct{ Name, Summary, SQL string }

// Reports lists the reports by name.
func Reports() ([]Report, error) { return nil, errors.New("stub") }

// Table is the result of a report; a nil cell is NULL. Cells are text as PostgreSQL prints them.
type Table struct {
	Columns []string
	Numeric []bool // column holds numbers: align right
	Rows    [][]*string
}

// RunReport runs a report read-only. period is "YYYY-MM" or "", customer a GUID or "".
func (s *Store) RunReport(ctx context.Context, r Report, period string, customer billing.CustomerID) (Table, error) {
	return Table{}, errors.New("stub")
}

// Status is what `collector status` shows; it marshals to JSON as the command's output.
type Status struct {
	Runs     []RunRecord     `json:"runs"`
	Partners []PartnerStatus `json:"partners"`
}

// RunRecord is a row of the run ledger.
type RunRecord struct {
	ID          string     `json:"run_id"`
	Partner     string     `json:"partner"`
	Kind        string     `json:"kind"`
	Status      string     `json:"status"`
	StartedAt   time.Time  `json:"started_at"`
	FinishedAt  *time.Time `json:"finished_at"`
	Total       int        `json:"customers_total"`
	OK          int        `json:"customers_ok"`
	Unchanged   int        `json:"customers_unchanged"`
	NoCosts     int        `json:"customers_no_costs"`
	Failed      int        `json:"customers_failed"`
	RowsChanged int64      `json:"rows_changed"`
	Error       string     `json:"error,omitempty"`
}

// PartnerStatus is the coverage of one partner.
type PartnerStatus struct {
	Partner           string         `json:"partner"`
	Customers         int            `json:"customers_active"`
	Covered           int            `json:"customers_collected_last_26h"`
	NeverCollected    int            `json:"customers_never_collected"`
	OldestUnseen      string         `json:"oldest_unseen_customer,omitempty"`
	OldestUnseenSince *time.Time     `json:"oldest_unseen_since,omitempty"`
	OpenFindings      map[string]int `json:"open_findings"` // by severity
}

// Status reads the last limit runs and the coverage.
func (s *Store) Status(ctx context.Context, limit int) (Status, error) {
	return Status{}, errors.New("stub")
}

// ErrRejected: the database refuses the data, not the connection.
var ErrRejected = errors.New("the database refuses the data")

var _ = json.Marshal
var _ io.Reader
