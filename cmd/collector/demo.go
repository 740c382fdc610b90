package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/demo"
	"partnercost/internal/persist"
	"partnercost/internal/telemetry"
)

// demoFlags are the flags of demo.
type demoFlags struct {
	customers int
	seed      uint64
	keep      bool
	database  string
	listen    string
}

func (p *program) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a demo: private PostgreSQL, simulated Partner Center, two collections, reports",
		Long: `Start a private PostgreSQL and a simulated Partner Center, and collect its customers.
Then let a month pass, in which some amounts are restated, collect again and print the
reports. The demo needs no configuration and leaves nothing behind.

PostgreSQL is started from the server binaries of this machine. If there are none, they
are downloaded, except for root.

With --keep the demo collects a year of data first. The database and the console then
run until Ctrl-C; the address of the console is printed. The demo also writes a
configuration with a login that only reads, for report, status, export and explain. In
that year some customers refuse access, so its runs are partial; their warnings are not
printed.`,
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
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "seed of the invented data")
	cmd.Flags().BoolVar(&f.keep, "keep", false, "collect a year of data, and keep the database and the console running until Ctrl-C")
	cmd.Flags().StringVar(&f.database, "database", "", "use the empty database at this `URL` instead of a private server")
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "with --keep: the `address` of the console; port 0 picks a free one")
	return cmd
}

func (p *program) demo(ctx context.Context, f demoFlags) error {
	return demo.Run(ctx, demo.Options{
		Customers: f.customers, Seed: f.seed, Keep: f.keep, Database: f.database, Listen: f.listen, Out: p.stdout, Log: p.log, Now: p.now, Version: thisBuild().Version,
		Collect: func(ctx context.Context, c *config.Config, store *persist.Store, now func() time.Time, what demo.Collection) error {
			lived := *p
			lived.now = now
			if f.keep { // customers that refuse access are part of the demo: their warnings are not shown
				lived.log = telemetry.NewLogger(p.stderr, p.logFormat.value, "error")
			}
			lived.terminal = p.terminal && what.Shown
			display := lived.newProgress()
			selections := collector.Everybody(c.Partners)
			selections[0].Customers = what.Whom
			request := collector.Request{Kind: billing.KindOnce}
			if what.InvoicesOnly {
				request.Only = collector.OnlyInvoices
			}
			results := lived.newCollector(c, store, display).Collect(ctx, request, selections)
			display.Close()
			if what.Shown {
				if err := p.printResults(results, "table"); err != nil {
					return err
				}
			}
			err := worst(ctx, results)
			if f.keep && exitCode(ctx, err) == exitPartial { // because some customers refuse access
				return nil
			}
			return err
		},
	})
}
