// Package demo shows the collector at work: a private PostgreSQL, a simulated Partner
// Center, some nights, the reports about them and, if it is kept, the console.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/localpg"
	"partnercost/internal/partnersim"
	"partnercost/internal/persist"
	"partnercost/internal/sheet"
)

// reportRows is how many rows of a long report the demo prints.
const reportRows = 24

// Options say what the demo shows. All fields but Database are required.
type Options struct {
	// Customers is how many customers are simulated, from the Seed.
	Customers int
	Seed      uint64
	// Database is the URL of an empty database; if it is empty, a private server is
	// started. A database that an earlier demo has filled is shown as it is.
	Database string
	// Listen is the address of the console if the demo is kept.
	Listen string
	// Keep first collects a year of nights, and leaves the database and the console
	// running until the context ends.
	Keep bool
	// Collect runs one collection at the time of now, and returns an error if the demo must
	// not continue.
	Collect func(ctx context.Context, c *config.Config, store *persist.Store, now func() time.Time, what Collection) error
	Out     io.Writer
	Log     *slog.Logger
	Now     func() time.Time
	// Version of the program, which the console shows.
	Version string
}

// Collection says what is collected: everything of everybody if it is zero.
type Collection struct {
	Whom         []billing.CustomerID
	InvoicesOnly bool
	// Shown says that the result is to be printed.
	Shown bool
}

// demonstration is a demo that has begun.
type demonstration struct {
	Options

	past   calendar
	config *config.Config
	store  *persist.Store
	sim    *partnersim.Simulator
}

// Run shows the demo.
func Run(ctx context.Context, o Options) (err error) {
	url := o.Database
	if url == "" {
		server, err := localpg.Start(ctx, localpg.Options{Log: o.Log, Download: localpg.DownloadOptions{Enabled: true}})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
		url = server.URL("postgres")
	}

	simulated := partnersim.Options{Customers: o.Customers, Seed: o.Seed, Clock: o.Now, Invoices: &partnersim.Invoices{Plant: true, Tenant: tenant}}
	if o.Keep {
		simulated = yearAgo(simulated, o.Now())
	}
	sim := partnersim.New(simulated)
	address, stop, err := serveSimulator(ctx, sim)
	if err != nil {
		return err
	}
	defer stop()

	d := &demonstration{Options: o, config: configuration(url, "http://"+address), sim: sim}
	if o.Database == "" {
		d.say("A private PostgreSQL and a Partner Center with %d simulated customers are running.\n", o.Customers)
	} else {
		d.say("A Partner Center with %d simulated customers is running.\n", o.Customers)
	}
	if err := persist.Prepare(ctx, url); err != nil {
		return err
	}
	if lived, err := d.lived(ctx); err != nil || lived {
		return errors.Join(err, d.look(ctx, url))
	}
	d.store, err = persist.Open(ctx, persist.Options{
		URL: url, MaxConnections: d.config.Database.MaxConnections, Profiles: billing.FullProfile, Log: o.Log, Now: d.now,
	})
	if err != nil {
		return err
	}
	defer d.store.Close()

	if o.Keep {
		if err := d.year(ctx); err != nil {
			return err
		}
	}
	if o.Keep {
		d.say("\nThe first night; that some customers refuse access is part of the show:\n")
	} else {
		d.say("\nThe first night:\n")
	}
	if err := d.Collect(ctx, d.config, d.store, d.now, Collection{Shown: true}); err != nil {
		return err
	}
	d.past.set(0)
	change := sim.Advance(partnersim.Step{OneTimeMonths: 1, Restate: 0.05})
	d.say("\nA month passes: one-time purchases move on to %s, and Microsoft restates the recurring costs of %d customers. The next night:\n",
		change.OneTimeMonth, change.Restated)
	if err := d.Collect(ctx, d.config, d.store, d.now, Collection{Shown: true}); err != nil {
		return err
	}
	if o.Keep {
		if err := d.begin(ctx); err != nil {
			return err
		}
	}
	for _, name := range []string{"monthly-totals", "restatements"} {
		if err := d.report(ctx, name); err != nil {
			return err
		}
	}
	if !o.Keep {
		d.say("\nRun the demo with --keep to use the console and psql. To collect your own customers, see README.md.\n")
		return nil
	}
	return d.look(ctx, url)
}

// lived reports whether an earlier demo has filled the database.
func (d *demonstration) lived(ctx context.Context) (_ bool, err error) {
	reader, err := finance.Open(d.config.Database.URL.Reveal())
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	status, err := reader.Status(ctx, d.now(), 1)
	return len(status.Runs) > 0, err
}

// look waits until the context ends while users look around.
func (d *demonstration) look(ctx context.Context, url string) error {
	if d.Database != "" {
		return d.console(ctx, func(console string) {
			d.say("\nThe console runs until it is stopped, with a year of invented data:\n\n  %s\n", console)
		})
	}
	file, readerURL, remove, err := configurationFile(ctx, url)
	if err != nil {
		return err
	}
	defer remove()
	return d.console(ctx, func(console string) {
		d.say("\nThe console and the database run until Ctrl-C:\n\n  %s\n\nThese commands use a login that only reads:\n\n"+
			"  export COLLECTOR_CONFIG='%s'\n  collector report month-states\n  collector report restatements --lines\n  collector status\n  psql '%s'\n",
			console, file, readerURL)
	})
}

// say writes a line of the demo's own output.
func (d *demonstration) say(format string, args ...any) { fmt.Fprintf(d.Out, format, args...) }

// now returns the time of the collections.
func (d *demonstration) now() time.Time { return d.Now().Add(-d.past.back()) }

// serveSimulator serves the simulator on a free loopback port.
func serveSimulator(ctx context.Context, sim *partnersim.Simulator) (address string, stop func(), err error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("serve the simulator: %w", err)
	}
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close; the collector reports failed requests
	return listener.Addr().String(), func() { _ = server.Close() }, nil
}

// tenant is the simulated partner's tenant.
const tenant = "50000000-0000-4000-8000-000000000000"

// configuration returns a configuration that collects everything of one simulated
// partner.
func configuration(databaseURL, baseURL string) *config.Config {
	return &config.Config{
		Database: config.Database{URL: config.NewSecret(databaseURL), MaxConnections: 4},
		Partners: []config.Partner{{
			Name: "demo", Cloud: "global", BaseURL: baseURL, Locale: "en-US",
			Auth:      config.Auth{Mode: "token", Token: config.NewSecret("simulator")},
			Customers: config.Customers{Discover: true},
			Invoices: config.Invoices{Enabled: true, Graph: config.Graph{
				Given: true, TenantID: tenant, ClientID: tenant, ClientSecret: config.NewSecret("simulator"), BaseURL: baseURL, LoginURL: baseURL,
			}},
			Limits: config.Limits{Concurrency: 16, Timeout: time.Minute},
		}},
		Reconcile: config.Reconcile{UnseenAfter: 72 * time.Hour, JumpFactor: 5, JumpPercent: 50, JumpAmount: 10, JumpPeriods: 4},
		Collect:   config.Collect{Costs: true, LineItems: true, Profiles: "full", Batch: 500, Night: time.Hour, Refresh: 7 * 24 * time.Hour, PartnersAtOnce: 1},
	}
}

// report prints the beginning of a report, like the command that it names.
func (d *demonstration) report(ctx context.Context, name string) (err error) {
	reports, err := finance.Reports()
	if err != nil {
		return err
	}
	reader, err := finance.Open(d.config.Database.URL.Reveal())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	d.say("\ncollector report %s\n", name)
	i := slices.IndexFunc(reports, func(r finance.Report) bool { return r.Name == name })
	out := &firstRows{Writer: sheet.NewReport(d.Out), left: reportRows}
	if _, err := reader.Report(ctx, reports[i], finance.Parameters{Typed: true}, out); err != nil {
		return err
	}
	if out.left < 0 {
		d.say("(and %d more)\n", -out.left)
	}
	return nil
}

// firstRows passes on the first rows, and counts the others.
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
