package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/config"
	"partnercost/internal/persist"
)

// partnersAtOnce bounds how many partners are collected at the same time. Each has
// a quota of its own, at which tens of thousands of customers take hours: waiting
// for another partner's quota would help nobody. The bound keeps memory and
// database connections (two a partner) in hand.
const partnersAtOnce = 4

// runFlags are the flags of run.
type runFlags struct {
	partners, customers []string
	customersFile       string
	dryRun, resume      bool
	format              *choice
}

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Collect now, then exit",
		Long: `Fetch the billing profile, the most recent costs and the line items of every
customer and store what is new or restated. One customer's trouble does not stop the
others: it is recorded, and the exit code is 3.

With --dry-run everything is fetched and nothing is written: a line per customer
says what would change, and the last line counts them. With --format json each line
is an object.

With --resume the customers that the last unfinished run has done are left out; after
a complete one everybody is collected.

Several partners are collected side by side. The exit code is the worst of theirs.`,
		Example: `  collector run
  collector run --partner contoso
  collector run --customer 65726577-c208-40fd-9735-8c85ac9cac68 --dry-run
  collector run --partner contoso --customers-file again.txt
  collector run --resume`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.collect(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.partners, "partner", nil, "only this partner, by `name`; repeatable")
	flags.StringArrayVar(&f.customers, "customer", nil, "only this customer, a `GUID`; repeatable")
	flags.StringVar(&f.customersFile, "customers-file", "", "only the customers in this `file`, one GUID a line")
	flags.BoolVar(&f.resume, "resume", false, "leave out the customers that the last unfinished run has done")
	flags.BoolVar(&f.dryRun, "dry-run", false, "write nothing; print what would change")
	cmd.MarkFlagsMutuallyExclusive("resume", "customer")
	cmd.MarkFlagsMutuallyExclusive("resume", "customers-file")
	f.format = formatFlag(cmd, "table", "json")
	return cmd
}

// collect runs the command: one run per partner, and their summary.
func (p *program) collect(ctx context.Context, f runFlags) error {
	named, err := namedCustomers(f.customers, f.customersFile)
	if err != nil {
		return err
	}
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	partners, err := choosePartners(c.Partners, f.partners)
	if err != nil {
		return err
	}
	selections, err := chooseCustomers(partners, named)
	if err != nil {
		return err
	}
	store, err := p.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer store.Close()

	runs := &collection{program: p, config: c, store: store, progress: p.newProgress(), kind: billing.OnceRun}
	if f.resume {
		runs.rest = unfinishedRun
	}
	if f.dryRun {
		runs.preview = &preview{w: p.stdout, asJSON: f.format.value == "json"}
	}
	summaries := make([]summary, len(selections))
	var side errgroup.Group
	side.SetLimit(partnersAtOnce)
	for i, s := range selections {
		side.Go(func() error {
			summaries[i] = runs.partner(ctx, s)
			return nil
		})
	}
	_ = side.Wait() // what went wrong stands in the summaries
	runs.progress.close()

	if f.dryRun {
		err = runs.preview.finish()
	} else {
		err = p.printSummaries(summaries, f.format.value)
	}
	return errors.Join(worst(ctx, summaries), err)
}

// collection is what the runs of one command share.
type collection struct {
	*program
	config   *config.Config
	store    *persist.Store
	progress *progress
	kind     billing.RunKind
	rest     rest
	// notBefore keeps unfinished runs that began earlier from being resumed.
	notBefore time.Time
	preview   *preview // nil but for a dry run
}

// partner collects one partner.
func (c *collection) partner(ctx context.Context, s selection) summary {
	run := billing.Run{
		ID: c.newID(), Partner: s.partner.Name, Kind: c.kind, Scope: billing.Everybody, StartedAt: c.now(), Version: thisBuild().Version,
	}
	log := c.log.With(slog.String("partner", run.Partner), slog.String("run_id", run.ID))
	result := summary{partner: run.Partner}
	client, err := c.newClient(s.partner, c.config.Collect, log)
	if err != nil {
		result.err = err
		return result
	}
	defer client.Close()
	if c.preview != nil {
		if _, s, result.err = c.narrow(ctx, run, s, log); result.err != nil {
			return result
		}
		return c.observe(ctx, result, s, client, c.preview.sink(run.Partner, c.store), log)
	}

	locked, release, err := c.store.LockPartner(ctx, run.Partner)
	if err != nil {
		result.err = err
		return result
	}
	defer release()
	if run, s, err = c.narrow(locked, run, s, log); err != nil {
		result.err = err
		return result
	}
	if err := c.store.BeginRun(ctx, run); err != nil {
		result.err = err
		return result
	}
	result.runID = run.ID
	result = c.observe(locked, result, s, client, func(ctx context.Context, batch []billing.Statement) ([]billing.CustomerResult, error) {
		return c.store.Write(ctx, run, batch)
	}, log)
	result.status = runStatus(ctx, result)

	// Who was not asked for in a complete run is no longer a customer.
	complete := result.err == nil && s.customers == nil && c.rest != onlyMissing
	result.err = c.recordEnd(ctx, run, result, complete, log)
	log.Info("run ended", slog.String("status", string(result.status)), slog.Duration("took", result.took))
	return result
}

// observe lets the pipeline run, with its progress on display.
func (c *collection) observe(ctx context.Context, result summary, s selection, client *client, sink collect.Sink, log *slog.Logger) summary {
	log.Info("run started", slog.Int("customers", s.total), slog.Bool("discovering", s.customers == nil && s.partner.Customers.Discover))
	listing, stopListing := context.WithCancel(ctx)
	defer stopListing()
	run := collect.New(collect.Options{
		Customers: s.sequence(listing, client.list), Total: s.total, Source: client, Sink: sink,
		Concurrency: s.partner.Limits.Concurrency, Batch: c.config.Collect.Batch, StoreWait: c.config.Database.Wait, Log: log, Now: c.now,
	})
	finish := c.progress.follow(run, s.partner.Name, log)
	result.tally, result.err = run.Collect(ctx)
	finish()
	result.took = run.Progress().Elapsed
	return result
}

func runStatus(ctx context.Context, s summary) billing.RunStatus {
	switch {
	case s.err != nil && ctx.Err() != nil:
		return billing.Interrupted
	case s.err != nil:
		return billing.FailedRun
	case s.tally.Failed > 0:
		return billing.Partial
	}
	return billing.Succeeded
}
