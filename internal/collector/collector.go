package collector

import (
	"log/slog"
	"net/http"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
	"partnercost/internal/telemetry"
)

// Collector does jobs for the partners of one configuration. All fields are required,
// but for those that only some jobs need.
type Collector struct {
	Config *config.Config
	// Store is needed by every job but the check of a partner, and by that too when the
	// partner's refresh token is not in a file.
	Store *persist.Store
	// Metrics count the runs and their requests. Only runs and previews need them.
	Metrics *telemetry.Metrics
	Log     *slog.Logger
	Now     func() time.Time
	// NewID makes the ids of runs and requests: UUIDs in canonical form.
	NewID func() string
	// Rand draws from 0 up to 1, for the waits between the attempts of a request and for
	// the jitter of the schedule.
	Rand func() float64
	// Version of the program, and the host name of the machine, which every run records.
	Version, Machine string
	// Large is for one customer of all partners at a time. Only runs and previews need it.
	Large fetch.Large
	// Follow shows how far a run of the partner is, from its begin until finish is called.
	// Only runs and previews need it.
	Follow func(progress func() collect.Progress, partner string, log *slog.Logger) (finish func())
	// VaultHTTP carries the requests to a key vault; nil means Azure's own client.
	VaultHTTP *http.Client
}

// newRun is a run of the partner that begins now, and the log that names it.
func (c *Collector) newRun(partner string, kind billing.RunKind) (billing.Run, *slog.Logger) {
	run := billing.Run{ID: c.NewID(), Partner: partner, Kind: kind, Scope: billing.ScopeAll, StartedAt: c.Now(), Version: c.Version, Machine: c.Machine}
	return run, c.Log.With(slog.String("partner", partner), slog.String("run_id", run.ID))
}
