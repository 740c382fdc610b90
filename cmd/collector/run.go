package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/config"
	"partnercost/internal/persist"
	"partnercost/internal/telemetry"
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
	pushGateway         string
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

At the end it requests notify.success_url or notify.failure_url, if configured, and
with --push-gateway pushes its metrics.

Several partners are collected side by side. The exit code is the worst of theirs.`,
		Example: `  collector run
  collector run --partner contoso
  collector run --customer 65726577-c208-40fd-9735-8c85ac9cac68 --dry-run
  collector run --partner contoso --customers-file again.txt
  collector run --resume
  collector run --push-gateway http://pushgateway:9091`,
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
	flags.StringVar(&f.pushGateway, "push-gateway", "", "push the metrics of the run to the Pushgateway at this `URL`")
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

	runs := p.newCollection(c, store, billing.OnceRun)
	if f.resume {
		runs.rest = unfinishedRun
	}
	if f.dryRun {
		runs.preview = &preview{w: p.stdout, asJSON: f.format.value == "json"}
	}
	summaries := runs.all(ctx, selections)
	if f.dryRun {
		err = runs.preview.finish()
	} else {
		err = p.printSummaries(summaries, f.format.value)
		var told sync.WaitGroup
		told.Go(func() { p.notify(ctx, c.Notify, allSucceeded(summaries)) })
		told.Go(func() { p.push(ctx, runs.metrics, f.pushGateway) })
		told.Wait()
	}
	return errors.Join(worst(ctx, summaries), err)
}

// collection is what the runs of one command share.
type collection struct {
	*program
	config   *config.Config
	store    *persist.Store
	metrics  *telemetry.Metrics
	progress *progress
	kind     billing.RunKind
	rest     rest
	// notBefore keeps unfinished runs that began earlier from being resumed.
	notBefore time.Time
	preview   *preview // nil but for a dry run
}

// newCollection is for the runs of one command, of one kind.
func (p *program) newCollection(c *config.Config, store *persist.Store, kind billing.RunKind) *collection {
	runs := &collection{program: p, config: c, store: store, metrics: p.newMetrics(c.Partners), progress: p.newProgress(), kind: kind}
	p.watch(runs.metrics, c.Partners, func() (*persist.Store, error) { return store, nil })
	return runs
}

// all collects the selections side by side.
func (c *collection) all(ctx context.Context, selections []selection) []summary {
	summaries := make([]summary, len(selections))
	var side errgroup.Group
	side.SetLimit(partnersAtOnce)
	for i, s := range selections {
		side.Go(func() error {
			summaries[i] = c.partner(ctx, s)
			return nil
		})
	}
	_ = side.Wait() // what went wrong stands in the summaries
	c.progress.close()
	return summaries
}

// newRun is a run of the partner that begins now, and the log that names it.
func (c *collection) newRun(partner string) (billing.Run, *slog.Logger) {
	run := billing.Run{ID: c.newID(), Partner: partner, Kind: c.kind, Scope: billing.Everybody, StartedAt: c.now(), Version: thisBuild().Version}
	return run, c.log.With(slog.String("partner", partner), slog.String("run_id", run.ID))
}

// partner collects one partner.
func (c *collection) partner(ctx context.Context, s selection) summary {
	run, log := c.newRun(s.partner.Name)
	client, err := c.newClient(s.partner, c.config.Collect, countRequests(c.metrics, run.Partner), log)
	if err != nil {
		return summary{partner: run.Partner, err: err}
	}
	defer client.Close()
	if c.preview != nil {
		return c.forecast(ctx, run, s, client, log)
	}
	return c.locked(ctx, run.Partner, func(ctx context.Context) summary {
		run, s, err := c.narrow(ctx, run, s, log)
		if err == nil {
			err = c.store.SavePartner(ctx, run.Partner, s.partner.Auth.TenantID)
		}
		if err != nil {
			return summary{partner: run.Partner, err: err}
		}
		// Who was not asked for in a complete run is no longer a customer.
		complete := s.customers == nil && c.rest != onlyMissing
		return c.record(ctx, run, complete, log, func(ctx context.Context) (billing.Tally, error) {
			return c.observe(ctx, s, client, func(ctx context.Context, batch []billing.Statement) ([]billing.CustomerResult, error) {
				return c.store.Write(ctx, run, batch)
			}, log)
		})
	})
}

// forecast collects one partner, and prints what storing it would change.
func (c *collection) forecast(ctx context.Context, run billing.Run, s selection, client *client, log *slog.Logger) summary {
	result := summary{partner: run.Partner}
	if _, s, result.err = c.narrow(ctx, run, s, log); result.err == nil {
		result.tally, result.err = c.observe(ctx, s, client, c.preview.sink(run.Partner, c.store), log)
	}
	return result
}

// locked does work that only one process may do for a partner at a time.
func (c *collection) locked(ctx context.Context, partner string, work func(context.Context) summary) summary {
	locked, release, err := c.store.LockPartner(ctx, partner)
	if err != nil {
		return summary{partner: partner, err: err}
	}
	defer release()
	return work(locked)
}

// record does work as a run of the ledger. When complete, it asks for all customers,
// unless it fails.
func (c *collection) record(ctx context.Context, run billing.Run, complete bool, log *slog.Logger, work func(context.Context) (billing.Tally, error)) summary {
	result := summary{partner: run.Partner, kind: run.Kind}
	if result.err = c.store.BeginRun(ctx, run); result.err != nil {
		return result
	}
	result.runID = run.ID
	c.metrics.RunStarted(run.Partner)
	result.tally, result.err = work(ctx)
	result.took = c.now().Sub(run.StartedAt)
	result.status = runStatus(ctx, result)

	c.reconcile(ctx, run, log)
	result.err = c.recordEnd(ctx, run, result, complete && result.err == nil, log)
	c.metrics.RunEnded(run.Partner, run.Kind, result.status, result.took, result.tally)
	log.Info("run ended", slog.String("status", string(result.status)), slog.Duration("took", result.took))
	return result
}

// reconcileWithin bounds the search for oddities after a run.
const reconcileWithin = 15 * time.Minute

// reconcile looks for oddities in what is stored after the run. Without it the costs
// are right all the same, and the next run does it.
func (c *collection) reconcile(ctx context.Context, run billing.Run, log *slog.Logger) {
	if ctx.Err() != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, reconcileWithin)
	defer cancel()
	if err := c.store.Reconcile(limited, run, persist.ReconcileRules(c.config.Reconcile)); err != nil && ctx.Err() == nil {
		log.Error("the findings are not up to date", slog.Any("error", err))
	}
}

// observe lets the pipeline run, with its progress on display.
func (c *collection) observe(ctx context.Context, s selection, client *client, sink collect.Sink, log *slog.Logger) (billing.Tally, error) {
	log.Info("run started", slog.Int("customers", s.total), slog.Bool("discovering", s.customers == nil && s.partner.Customers.Discover))
	listing, stopListing := context.WithCancel(ctx)
	defer stopListing()
	run := collect.New(collect.Options{
		Customers: s.sequence(listing, client.list), Total: s.total, Source: client, Sink: sink,
		Concurrency: s.partner.Limits.Concurrency, Batch: c.config.Collect.Batch, StoreWait: c.config.Database.Wait, Log: log, Now: c.now,
	})
	defer c.progress.follow(run.Progress, s.partner.Name, log)()
	return run.Collect(ctx)
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
