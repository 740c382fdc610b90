package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
	"partnercost/internal/progress"
	"partnercost/internal/telemetry"
)

// runFlags are the flags of run.
type runFlags struct {
	partners, customers []string
	customersFile       string
	pushGateway         string
	dryRun, resume      bool
	retireAll, full     bool
	only                *enumFlag
	format              *enumFlag
}

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Collect now, then exit",
		Long: `Fetch the billing profile, the most recent costs and the line items of every
customer, and store what is new or restated. A customer that fails does not stop the
others: the failure is recorded, and the exit code is 3.

A run first reads the costs of every customer, most at risk first, and the line items of
the customers whose costs changed. Then it reads the other profiles and line items
again, oldest first, until all are read or the night (collect.night) is over. No part
should become older than collect.refresh. --full reads everything, however long it
takes.
Named customers (--customer, --customers-file) are read completely.

--dry-run fetches everything and writes nothing. It prints a line for each customer that
says what would change, and a last line with totals. With --format json each line is an
object.

--resume leaves out the customers that the last unfinished run collected, if that run
began within the last 24 hours. After a complete run it collects all customers.

A customer that is no longer on the partner's list is retired: it is no longer an active
customer. If more than a tenth of the customers are missing from the list, the list is
probably incomplete: no customer is retired and the exit code is 3. --retire-all retires
them anyway.

At its end the run requests notify.success_url or notify.failure_url, if configured.
--push-gateway pushes its metrics.

Partners are collected in parallel. The exit code is that of the partner that did worst.`,
		Example: `  collector run
  collector run --partner contoso
  collector run --customer 65726577-c208-40fd-9735-8c85ac9cac68 --dry-run
  collector run --partner contoso --customers-file again.txt
  collector run --resume
  collector run --full
  collector run --push-gateway http://pushgateway:9091`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.run(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.partners, "partner", nil, "only this partner, by `name`; repeatable")
	flags.StringArrayVar(&f.customers, "customer", nil, "only the customer with this `GUID`; repeatable")
	flags.StringVar(&f.customersFile, "customers-file", "", "only the customers in this `file`, one GUID per line")
	flags.BoolVar(&f.resume, "resume", false, "leave out the customers that the last unfinished run collected")
	flags.BoolVar(&f.retireAll, "retire-all", false, "retire all customers that are no longer listed, even more than a tenth")
	flags.BoolVar(&f.full, "full", false, "read everything again, however long it takes")
	flags.BoolVar(&f.dryRun, "dry-run", false, "write nothing; print what would change")
	f.only = newEnumFlag("costs", "invoices")
	f.only.value = ""
	flags.Var(f.only, "only", "collect only the costs or only the invoices")
	_ = cmd.RegisterFlagCompletionFunc("only", f.only.complete) // fails for unknown flags only
	cmd.MarkFlagsMutuallyExclusive("resume", "customer")
	cmd.MarkFlagsMutuallyExclusive("resume", "customers-file")
	flags.StringVar(&f.pushGateway, "push-gateway", "", "push the metrics of the run to the Pushgateway at this `URL`")
	f.format = formatFlag(cmd, "table", "json")
	return cmd
}

// resumeWithin is how old an unfinished run may be to be resumed. What an older run
// collected has to be collected again.
const resumeWithin = 24 * time.Hour

// run collects or previews, with one run per partner, and prints the results.
func (p *program) run(ctx context.Context, f runFlags) error {
	named, err := collector.NamedCustomers(f.customers, f.customersFile)
	if err != nil {
		return err
	}
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	partners, err := collector.ChoosePartners(c.Partners, f.partners)
	if err != nil {
		return err
	}
	if f.only.value == string(collector.OnlyInvoices) {
		if len(named) > 0 || f.resume {
			return usageError("--only invoices excludes --customer, --customers-file and --resume, because invoices belong to the partner")
		}
		if partners, err = collector.WithInvoices(partners); err != nil {
			return err
		}
	}
	selections, err := collector.ChooseCustomers(partners, named)
	if err != nil {
		return err
	}
	store, err := p.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer store.Close()

	shown := p.newProgress()
	jobs := p.newCollector(c, store, shown)
	request := collector.Request{Kind: billing.KindOnce, RetireAll: f.retireAll, Full: f.full, Only: collector.Only(f.only.value)}
	if f.resume {
		request.LeaveOut, request.ResumeSince = collector.DoneByUnfinishedRun, p.now().Add(-resumeWithin)
	}
	if f.dryRun {
		preview := &preview{w: p.stdout, asJSON: f.format.value == "json"}
		results := jobs.Preview(ctx, request, selections, collector.Show{Customers: preview.print, Invoice: preview.printInvoice})
		shown.Close()
		err := preview.finish()
		return errors.Join(worst(ctx, results), err)
	}
	results := jobs.Collect(ctx, request, selections)
	shown.Close()
	err = p.printResults(results, f.format.value)
	var told sync.WaitGroup
	told.Go(func() { jobs.Notify(ctx, collector.AllSucceeded(results)) })
	told.Go(func() { p.push(ctx, jobs.Metrics, f.pushGateway) })
	told.Wait()
	return errors.Join(worst(ctx, results), err)
}

// newProgress returns a display of progress on the terminal or in the log.
func (p *program) newProgress() *progress.Display {
	if p.terminal {
		return progress.Drawn(p.stderr)
	}
	return progress.Logged(p.progressEvery)
}

// newCollector returns the collector for commands that run.
func (p *program) newCollector(c *config.Config, store *persist.Store, shown *progress.Display) *collector.Collector {
	metrics := p.newMetrics(c.Partners)
	p.watch(metrics, c.Partners, func() (*persist.Store, error) { return store, nil })
	jobs := p.jobs(c, store)
	jobs.Metrics, jobs.Large, jobs.Follow = metrics, fetch.NewLarge(), shown.Follow
	return &jobs
}

// jobs returns a collector without the parts that only runs need.
func (p *program) jobs(c *config.Config, store *persist.Store) collector.Collector {
	return collector.Collector{Config: c, Store: store, Log: p.log, Now: p.now, NewID: p.newID, Rand: p.random, Version: thisBuild().Version, Machine: p.machine}
}

// pushJob is the label "job" of pushed metrics.
const pushJob = "partnercost"

// push pushes the metrics of a run to the Pushgateway, if one is given. A failed push does
// not fail the run.
func (p *program) push(ctx context.Context, metrics *telemetry.Metrics, gateway string) {
	if gateway == "" {
		return
	}
	ctx, cancel := collector.Detached(ctx)
	defer cancel()
	if err := metrics.Push(ctx, gateway, pushJob); err != nil {
		p.log.Error("cannot push the metrics", slog.Any("error", err))
	}
}
