package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/localpg"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
	"partnercost/internal/sheet"
)

// demoFlags are the flags of demo.
type demoFlags struct {
	customers int
	seed      uint64
	keep      bool
}

func (p *program) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: private PostgreSQL, simulated Partner Center, two collections, reports",
		Long: `Start a private PostgreSQL from the server binaries of this machine (or, as a normal
user where there are none, from downloaded ones) and a simulated Partner Center;
collect its customers; let a month pass, in which some amounts are restated; collect
again; print the reports. It needs no configuration, and nothing is left behind.

With --keep it first lives through a year, and then the database and the console, a
web page whose address is printed, stay until Ctrl-C, to look around.`,
		Example: `  collector demo
  collector demo --keep
  collector demo --customers 5000 --seed 7`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.customers < 1 {
				return usageError("--customers must be at least 1")
			}
			return p.demo(cmd.Context(), f)
		},
	}
	cmd.Flags().IntVar(&f.customers, "customers", 200, "number of simulated customers")
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "selects the invented data")
	cmd.Flags().BoolVar(&f.keep, "keep", false, "live through a year before, and leave the database and the console running until Ctrl-C")
	return cmd
}

// demoRows is how many rows of a long report the demo prints.
const demoRows = 24

func (p *program) demo(ctx context.Context, f demoFlags) (err error) {
	server, err := localpg.Start(ctx, localpg.Options{Log: p.log, Download: localpg.DownloadOptions{Enabled: true}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	url := server.URL("postgres")

	past, verdict := &calendar{}, strict
	options := partnersim.Options{Customers: f.customers, Seed: f.seed, Clock: p.now}
	if f.keep {
		p, past = p.inThePast()
		options, verdict = yearAgo(options, p.now()), tolerable
	}
	sim := partnersim.New(options)
	address, stop, err := serveDemo(ctx, sim)
	if err != nil {
		return err
	}
	defer stop()

	p.say("A private PostgreSQL and a Partner Center with %d simulated customers are running.\n", f.customers)
	if err := p.migrateDemo(ctx, url); err != nil {
		return err
	}
	c := demoConfig(url, "http://"+address)
	store, err := p.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer store.Close()

	if f.keep {
		if err := p.demoYear(ctx, c, store, sim, past); err != nil {
			return err
		}
	}
	p.say("\nThe first night:\n")
	if err := p.demoNight(ctx, c, store, verdict); err != nil {
		return err
	}
	past.set(0)
	change := sim.Advance(partnersim.Step{OneTimeMonths: 1, Restate: 0.05})
	p.say("\nA month passes: one-time purchases move on to %s, and Microsoft restates the recurring costs of %d customers. The next night:\n",
		change.OneTimeMonth, change.Restated)
	if err := p.demoNight(ctx, c, store, verdict); err != nil {
		return err
	}
	for _, name := range []string{"monthly-totals", "restatements"} {
		if err := p.demoReport(ctx, c, name); err != nil {
			return err
		}
	}
	if !f.keep {
		p.say("\nRun it with --keep to look around in a browser or with psql. For your own customers see the README.\n")
		return nil
	}
	return p.demoConsole(ctx, c, func(console string) {
		p.say("\nLook around until you press Ctrl-C, in a browser or in the schema finance:\n\n  %s\n  psql '%s'\n", console, url)
	})
}

// say writes a line of the demo's own, which is its result.
func (p *program) say(format string, args ...any) { fmt.Fprintf(p.stdout, format, args...) }

// serveDemo serves the simulator on a free loopback port.
func serveDemo(ctx context.Context, sim *partnersim.Simulator) (address string, stop func(), err error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("serve the simulator: %w", err)
	}
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close; a request that fails is the collector's to report
	return listener.Addr().String(), func() { _ = server.Close() }, nil
}

func demoConfig(databaseURL, baseURL string) *config.Config {
	return &config.Config{
		Database: config.Database{URL: config.NewSecret(databaseURL), MaxConnections: 4},
		Partners: []config.Partner{{
			Name: "demo", Cloud: "global", BaseURL: baseURL, Locale: "en-US",
			Auth:      config.Auth{Mode: "token", Token: config.NewSecret("simulator")},
			Customers: config.Customers{Discover: true},
			Limits:    config.Limits{Concurrency: 16, Timeout: time.Minute},
		}},
		Reconcile: config.Reconcile{UnseenAfter: 72 * time.Hour, JumpFactor: 5, JumpPercent: 50, JumpAmount: 10, JumpPeriods: 4},
		Collect:   config.Collect{Costs: true, LineItems: true, Profiles: "full", Batch: 500},
	}
}

func (p *program) migrateDemo(ctx context.Context, url string) (err error) {
	m, err := persist.OpenMigrator(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := m.Up(ctx); err != nil {
		return err
	}
	return m.GrantRoles(ctx)
}

// strict lets nothing pass that a run would not.
func strict(ctx context.Context, r collector.Result) error { return worst(ctx, []collector.Result{r}) }

// demoNight is one run, with its summary and a verdict on it.
func (p *program) demoNight(ctx context.Context, c *config.Config, store *persist.Store, verdict func(context.Context, collector.Result) error) error {
	progress := p.newProgress()
	results := p.newCollector(c, store, progress).Collect(ctx, collector.Request{Kind: billing.OnceRun}, collector.Everybody(c.Partners))
	progress.close()
	if err := p.printResults(results, "table"); err != nil {
		return err
	}
	return verdict(ctx, results[0])
}

// demoReport prints the beginning of a report, as the command that it names does.
func (p *program) demoReport(ctx context.Context, c *config.Config, name string) (err error) {
	reports, err := finance.Reports()
	if err != nil {
		return err
	}
	reader, err := finance.Open(c.Database.URL.Reveal())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	p.say("\ncollector report %s\n", name)
	i := slices.IndexFunc(reports, func(r finance.Report) bool { return r.Name == name })
	out := &firstRows{Writer: sheet.NewText(p.stdout), left: demoRows}
	if err := reader.Report(ctx, reports[i], finance.Parameters{}, out); err != nil {
		return err
	}
	if out.left < 0 {
		p.say("(and %d more)\n", -out.left)
	}
	return nil
}

// firstRows leaves out all but the first rows, and counts down to what it left out.
type firstRows struct {
	sheet.Writer

	left int
}

// Row implements sheet.Writer.
func (f *firstRows) Row(cells [][]byte) error {
	f.left--
	if f.left < 0 {
		return nil
	}
	return f.Writer.Row(cells)
}
