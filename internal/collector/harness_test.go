package collector

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the queries below

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/config"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
	"partnercost/internal/persist/pgtest"
	"partnercost/internal/schedule"
	"partnercost/internal/telemetry"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// clock is a clock that only waiting moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// installation is a collector with one partner, a real database and a simulated
// Partner Center.
type installation struct {
	*Collector

	t     *testing.T
	sim   *partnersim.Simulator
	url   string
	clock *clock
	log   *bytes.Buffer
	pings *pings
	// down makes the service refuse every request about a customer.
	down atomic.Bool
	// noCosts makes the service return no costs for any customer.
	noCosts atomic.Bool
}

// begin is when the clock of an installation begins.
var begin = time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC)

func install(t *testing.T, o partnersim.Options) *installation {
	t.Helper()
	i := &installation{t: t, clock: &clock{now: begin}, log: &bytes.Buffer{}, pings: &pings{}, url: pgtest.New(t)}
	o.Clock = i.clock.Now
	i.sim = partnersim.New(o)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.down.Load() && strings.HasPrefix(r.URL.Path, "/v1/customers/") {
			w.WriteHeader(http.StatusNotImplemented)
			return
		}
		if i.noCosts.Load() && strings.Contains(r.URL.Path, "/servicecosts/") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		i.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(service.Close)
	pinged := httptest.NewServer(i.pings)
	t.Cleanup(pinged.Close)
	c := &config.Config{
		Database: config.Database{URL: config.NewSecret(i.url), MaxConnections: 4, Wait: time.Minute},
		Partners: []config.Partner{{
			Name: "sim", Cloud: "global", BaseURL: service.URL, Locale: "en-US",
			Auth:      config.Auth{Mode: "token", Token: config.NewSecret("simulator")},
			Customers: config.Customers{Discover: true}, Limits: config.Limits{Concurrency: 8, Timeout: time.Minute},
		}},
		Collect:   config.Collect{Costs: true, LineItems: true, Profiles: "full", Batch: 10, Night: 6 * time.Hour, Refresh: 7 * 24 * time.Hour, PartnersAtOnce: 64},
		Reconcile: config.Reconcile{UnseenAfter: 72 * time.Hour, JumpFactor: 5, JumpPercent: 50, JumpAmount: 10, JumpPeriods: 4},
		Schedule:  config.Schedule{Cron: "30 2 * * *", Timezone: "UTC", CatchUp: true},
		Notify:    config.Notify{SuccessURL: pinged.URL + "/well", FailureURL: pinged.URL + "/badly"},
	}
	log := slog.New(slog.NewTextHandler(i.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	i.Collector = &Collector{
		Config: c, Metrics: telemetry.New(telemetry.Options{Now: i.clock.Now, Partners: []string{"sim"}}), Log: log, Now: i.clock.Now, Rand: func() float64 { return 0 }, NewID: uuid.NewString, Version: "v1",
		Follow: func(func() collect.Progress, string, *slog.Logger) func() { return func() {} },
	}
	store, err := i.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	i.Store = store
	return i
}

func (i *installation) open(ctx context.Context) (*persist.Store, error) {
	return persist.Open(ctx, persist.Options{URL: i.url, MaxConnections: 4, Log: i.Log, Now: i.clock.Now})
}

// customersFile lists the partner's customers in a file, and returns a function that
// rewrites it.
func (i *installation) customersFile() (write func(ids ...string)) {
	file := filepath.Join(i.t.TempDir(), "customers.txt")
	i.Config.Partners[0].Customers = config.Customers{File: file}
	return func(ids ...string) {
		i.t.Helper()
		if err := os.WriteFile(file, []byte(strings.Join(ids, "\n")), 0o600); err != nil {
			i.t.Fatal(err)
		}
	}
}

// ids are the customers of the simulated partner.
func (i *installation) ids() (ids []string) {
	for id := range i.sim.CustomerIDs() {
		ids = append(ids, id)
	}
	return ids
}

// night runs one collection of all customers.
func (i *installation) night(request Request) Result {
	i.t.Helper()
	if request.Kind == "" {
		request.Kind = billing.KindOnce
	}
	i.clock.advance(24 * time.Hour)
	return i.Collect(i.t.Context(), request, Everybody(i.Config.Partners))[0]
}

// days runs a daemon until the clock has moved by d. At each wait, before the clock
// moves, it calls at.
func (i *installation) days(d time.Duration, at func(now time.Time)) {
	i.t.Helper()
	spec, err := schedule.ParseSpec(i.Config.Schedule.Cron, i.Config.Schedule.Timezone)
	if err != nil {
		i.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(i.t.Context())
	defer stop()
	end := i.clock.Now().Add(d)
	c := *i.Collector
	c.Store = nil
	daemon := NewDaemon(DaemonOptions{
		Collector: c, Spec: spec, Open: i.open,
		Wait: func(_ context.Context, d time.Duration) {
			if at != nil {
				at(i.clock.Now())
			}
			if i.clock.advance(d).After(end) {
				stop()
			}
		},
	})
	if err := daemon.Run(ctx); err != nil {
		i.t.Fatal(err)
	}
}

// execute runs statements in the database.
func (i *installation) execute(statements ...string) {
	i.t.Helper()
	db := i.database()
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.ExecContext(i.t.Context(), s); err != nil {
			i.t.Fatalf("%s: %v", s, err)
		}
	}
}

func (i *installation) database() *sql.DB {
	i.t.Helper()
	db, err := sql.Open("pgx", i.url)
	if err != nil {
		i.t.Fatal(err)
	}
	return db
}

// lines returns the rows of a query with one text column.
func (i *installation) lines(query string) []string {
	i.t.Helper()
	db := i.database()
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(i.t.Context(), query)
	if err != nil {
		i.t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			i.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		i.t.Fatal(err)
	}
	return lines
}

// ledger returns a line for each run.
func (i *installation) ledger() []string {
	i.t.Helper()
	return i.lines(`SELECT concat_ws(' ', scope, status, customers_total, customers_failed) FROM finance.runs ORDER BY started_at`)
}

// pings records the paths that are requested.
type pings struct {
	mu    sync.Mutex
	paths []string
}

func (p *pings) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.Copy(io.Discard, r.Body) // a ping has none
	p.paths = append(p.paths, r.URL.Path)
}

func (p *pings) heard() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	heard := p.paths
	p.paths = nil
	return heard
}
