package collector

import (
	"context"
	"slices"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/persist"
	"partnercost/internal/schedule"
	"partnercost/internal/telemetry"
)

// runGrace is how long after its due time a run may end. After that the daemon is not
// ready. A run of many customers takes almost a day.
const runGrace = longestRun + time.Hour

// NewHealth returns the checks of /readyz for a daemon that starts now.
func NewHealth(c *config.Config, spec schedule.Spec, now func() time.Time, store func() (*persist.Store, error)) *telemetry.Health {
	return telemetry.NewHealth(
		telemetry.Check{Name: "database", Run: func(ctx context.Context) error {
			s, err := store()
			if err != nil {
				return err
			}
			return s.Ready(ctx)
		}},
		telemetry.OnTime(telemetry.Punctuality{
			Since: now(), Due: spec.Next, Grace: runGrace + c.Schedule.Jitter, Now: now,
			LastSuccess: func(ctx context.Context) (map[string]time.Time, error) {
				return newestOf(ctx, store, c.Partners, func(n persist.Collection) time.Time { return n.LastSuccess })
			},
		}),
		telemetry.LastRuns(func(ctx context.Context) (map[string]billing.RunStatus, error) {
			return newestOf(ctx, store, c.Partners, func(n persist.Collection) billing.RunStatus { return n.Status })
		}),
	)
}

// newestOf returns a value of the newest collection of every partner.
func newestOf[T any](ctx context.Context, open func() (*persist.Store, error), partners []config.Partner, what func(persist.Collection) T) (map[string]T, error) {
	store, err := open()
	if err != nil {
		return nil, err
	}
	newest, err := store.NewestCollections(ctx)
	if err != nil {
		return nil, err
	}
	told := make(map[string]T, len(partners))
	for _, partner := range partners {
		told[partner.Name] = what(newest[partner.Name])
	}
	return told, nil
}

// StateOf reads the state of the partners' collection from the database, for the metrics.
func StateOf(ctx context.Context, store *persist.Store, partners []config.Partner, now time.Time) (telemetry.State, error) {
	var none telemetry.State
	coverage, err := store.Coverage(ctx)
	if err != nil {
		return none, err
	}
	newest, err := store.NewestCollections(ctx)
	if err != nil {
		return none, err
	}
	nights, err := store.Nights(ctx)
	if err != nil {
		return none, err
	}
	var issued map[string]time.Time
	if slices.ContainsFunc(partners, SharesToken) {
		if issued, err = store.RefreshTokensIssued(ctx); err != nil {
			return none, err
		}
	}
	state := telemetry.State{Machines: nights.Machines, Partners: make(map[string]telemetry.PartnerState, len(partners))}
	for _, partner := range partners {
		n, c, running := newest[partner.Name], coverage[partner.Name], nights.Running[partner.Name]
		state.Partners[partner.Name] = telemetry.PartnerState{
			LastSuccess: n.LastSuccess, LastRun: n.Status, LastTally: n.Tally, RefreshTokenIssued: refreshTokenIssued(partner, issued, now),
			ActiveCustomers: c.Customers, CoveredCustomers: c.Covered, WaitingCustomers: c.Waiting, OpenFindings: c.OpenFindings,
			InvoiceFindings: c.InvoiceFindings, RunningSince: running.Since, Machine: running.Machine, TakenOverFrom: running.TakenOverFrom,
			WaitingSince: nights.Waiting[partner.Name],
		}
	}
	return state, nil
}
