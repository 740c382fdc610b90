package finance

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/finance/dbsqlc"
)

// Status is the state of the collection. Its JSON form is the output of "collector
// status".
type Status struct {
	Runs []RunRecord `json:"runs"`
	// Machines are the daemons that take part.
	Machines []Machine `json:"machines"`
	// Running are the runs that are under way, on any machine.
	Running []RunningRun `json:"running"`
	// Waiting are the partners that are due and wait for a machine.
	Waiting  []WaitingNight  `json:"waiting"`
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
	Machine     string     `json:"machine,omitempty"`
}

// Machine is a daemon that takes part in collecting.
type Machine struct {
	Name      string    `json:"machine"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	// SeenAt is when the machine last showed that it is alive. If that is more than two
	// minutes ago, it is dead or cut off from the database.
	SeenAt time.Time `json:"seen_at"`
	// PartnersNow counts the partners that it is collecting. PartnersAtOnce is the largest
	// number that it collects at the same time.
	PartnersNow    int `json:"partners_now"`
	PartnersAtOnce int `json:"partners_at_once"`
}

// WaitingNight is a partner that is due and waits for a machine.
type WaitingNight struct {
	Partner    string    `json:"partner"`
	DueSince   time.Time `json:"due_since"`
	WaitsSince time.Time `json:"waits_since"`
	WaitsFor   string    `json:"waits_for"`
}

// RunningRun is a run that is under way.
type RunningRun struct {
	ID        string    `json:"run_id"`
	Partner   string    `json:"partner"`
	Kind      string    `json:"kind"`
	Machine   string    `json:"machine"`
	StartedAt time.Time `json:"started_at"`
	// TakenOverFrom is another machine whose unfinished run this run continues.
	TakenOverFrom string `json:"taken_over_from,omitempty"`
}

// PartnerStatus is the coverage of one partner's active customers.
type PartnerStatus struct {
	Partner   string `json:"partner"`
	Customers int    `json:"customers_active"`
	// Covered counts the customers that were collected within billing.CoveredWithin and
	// have no part that is older than collect.refresh.
	Covered        int `json:"customers_collected_last_26h"`
	NeverCollected int `json:"customers_never_collected"`
	// Waiting counts the customers whose profile or line items are older than
	// collect.refresh, or not read yet. OldestPart is when the oldest part was read.
	Waiting    int        `json:"customers_waiting"`
	OldestPart *time.Time `json:"oldest_profile_or_line_items,omitempty"`
	// OldestUnseen is the customer whose last success is longest ago. For a customer that
	// was never collected, the time of its first request counts.
	OldestUnseen      string     `json:"oldest_unseen_customer,omitempty"`
	OldestUnseenSince *time.Time `json:"oldest_unseen_since,omitempty"`
	// OpenFindings counts the open findings by severity.
	OpenFindings map[string]int `json:"open_findings"`
	// Invoices counts the invoices by state. It is empty if none were read.
	Invoices map[string]int `json:"invoices,omitempty"`
}

// Status reads at most limit of the last runs, newest first, and the coverage of every
// partner as of now.
func (r *Reader) Status(ctx context.Context, now time.Time, limit int) (Status, error) {
	status := Status{Runs: []RunRecord{}, Machines: []Machine{}, Running: []RunningRun{}, Waiting: []WaitingNight{}, Partners: []PartnerStatus{}}
	err := r.read(ctx, func(tx pgx.Tx) error {
		runs, err := r.q.LastRuns(ctx, tx, int32(limit))
		if err != nil {
			return err
		}
		for _, run := range runs {
			status.Runs = append(status.Runs, runRecord(run))
		}
		if err := r.now(ctx, tx, &status); err != nil {
			return err
		}
		status.Partners, err = r.partners(ctx, tx, now)
		return err
	})
	if err != nil {
		return Status{}, fmt.Errorf("read the status: %w", err)
	}
	return status, nil
}

// now reads the machines, the runs under way and the partners that wait.
func (r *Reader) now(ctx context.Context, tx pgx.Tx, status *Status) error {
	machines, err := r.q.Machines(ctx, tx)
	if err != nil {
		return err
	}
	for _, m := range machines {
		status.Machines = append(status.Machines, Machine{
			Name: m.Machine, Version: m.Version, StartedAt: m.StartedAt.UTC(), SeenAt: m.SeenAt.UTC(), PartnersNow: int(m.PartnersNow), PartnersAtOnce: int(m.PartnersAtOnce),
		})
	}
	running, err := r.q.RunningRuns(ctx, tx)
	if err != nil {
		return err
	}
	for _, run := range running {
		status.Running = append(status.Running, RunningRun{
			ID: run.RunID, Partner: run.Partner, Kind: run.Kind, Machine: run.Machine, StartedAt: run.StartedAt.UTC(), TakenOverFrom: run.TakenOverFrom,
		})
	}
	waiting, err := r.q.WaitingNights(ctx, tx)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		status.Waiting = append(status.Waiting, WaitingNight{Partner: w.Partner, DueSince: w.DueSince.UTC(), WaitsSince: w.WaitsSince.UTC(), WaitsFor: w.WaitsFor})
	}
	return nil
}

func runRecord(r dbsqlc.LastRunsRow) RunRecord {
	return RunRecord{
		ID: r.RunID, Partner: r.Partner, Kind: r.Kind, Status: r.Status, StartedAt: r.StartedAt.UTC(), FinishedAt: inUTC(r.FinishedAt),
		Total: int(r.CustomersTotal), OK: int(r.CustomersOk), Unchanged: int(r.CustomersUnchanged), NoCosts: int(r.CustomersNoCosts),
		Failed: int(r.CustomersFailed), RowsChanged: r.RowsChanged, Error: r.Error, Machine: r.Machine,
	}
}

func (r *Reader) partners(ctx context.Context, tx pgx.Tx, now time.Time) ([]PartnerStatus, error) {
	coverage, err := r.q.PartnerCoverage(ctx, tx, now.Add(-billing.CoveredWithin))
	if err != nil {
		return nil, err
	}
	oldest, err := r.q.OldestUnseen(ctx, tx)
	if err != nil {
		return nil, err
	}
	findings, err := r.q.OpenFindings(ctx, tx)
	if err != nil {
		return nil, err
	}
	invoices, err := r.q.InvoiceStates(ctx, tx)
	if err != nil {
		return nil, err
	}
	partners := make([]PartnerStatus, 0, len(coverage))
	for _, c := range coverage {
		p := PartnerStatus{
			Partner: c.Partner, Customers: int(c.Customers), Covered: int(c.Covered), NeverCollected: int(c.NeverCollected), Waiting: int(c.Waiting),
			OpenFindings: map[string]int{},
		}
		if !c.OldestPartAt.IsZero() {
			p.OldestPart = inUTC(&c.OldestPartAt)
		}
		for _, o := range oldest {
			if o.Partner == p.Partner {
				since := o.UnseenSince.UTC()
				p.OldestUnseen, p.OldestUnseenSince = o.CustomerID, &since
			}
		}
		for _, f := range findings {
			if f.Partner == p.Partner {
				p.OpenFindings[f.Severity] = int(f.Findings)
			}
		}
		for _, i := range invoices {
			if i.Partner == p.Partner {
				if p.Invoices == nil {
					p.Invoices = map[string]int{}
				}
				p.Invoices[i.State] = int(i.Invoices)
			}
		}
		partners = append(partners, p)
	}
	return partners, nil
}
