package collector

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"partnercost/internal/billing"
	"partnercost/internal/codepages"
	"partnercost/internal/collect"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// Request says what a collection does.
type Request struct {
	Kind billing.RunKind
	// LeaveOut says which earlier results are enough for a customer to be left out.
	LeaveOut LeaveOut
	// ResumeSince is the time before which an unfinished run is too old to be resumed.
	ResumeSince time.Time
	// Full means that unchanged parts are read again too, however long it takes.
	Full bool
	// RetireAll retires every customer that is no longer listed, however many they are.
	RetireAll bool
	// Only limits the collection to the costs or the invoices. A backfill of missing
	// customers reads no invoices.
	Only Only
	// InvoicesSince is the first month of invoices to read, instead of the configured one.
	InvoicesSince time.Time
	// AllInvoices requests even lines that have been missing for too long.
	AllInvoices bool
}

// Collect collects the selections, several partners at the same time. The results are
// in the order of the selections.
func (c *Collector) Collect(ctx context.Context, request Request, selections []Selection) []Result {
	codepages.Release()
	return c.sideBySide(selections, func(s Selection) Result { return c.collectPartner(ctx, request, s) })
}

// sideBySide works on as many partners at the same time as the configuration allows.
// Each has a quota of its own, at which tens of thousands of customers take hours, so
// one partner gains nothing by waiting for another.
func (c *Collector) sideBySide(selections []Selection, work func(Selection) Result) []Result {
	results := make([]Result, len(selections))
	var partners errgroup.Group
	partners.SetLimit(c.Config.Collect.PartnersAtOnce)
	for i, s := range selections {
		partners.Go(func() error {
			results[i] = work(s)
			return nil
		})
	}
	_ = partners.Wait() // the errors are in the results
	return results
}

// collectPartner collects one partner.
func (c *Collector) collectPartner(ctx context.Context, request Request, s Selection) Result {
	run, log := c.newRun(s.Partner.Name, request.Kind)
	return c.locked(ctx, run, func(ctx context.Context) Result {
		var done persist.Done
		err := c.await(ctx, run, func() (err error) {
			run, done, err = c.narrow(ctx, run, request, s, log)
			return err
		})
		if err != nil {
			return Result{Partner: run.Partner, Kind: run.Kind, Err: err}
		}
		j := job{
			work: func(ctx context.Context, settle settle) (billing.Tally, error) {
				return c.collectCustomers(ctx, run, request, s, done, settle, log)
			},
			// In a complete run, a customer that is not on the list has left.
			complete: s.Customers == nil && request.LeaveOut != DoneSinceLastCollection, retireAll: request.RetireAll,
			excluded: s.Partner.Customers.Exclude,
		}
		if request.Only == OnlyInvoices { // the ledger does not count it as a collection of customers
			run.Scope, j.complete = billing.ScopeSome, false
			j.work = func(ctx context.Context, _ settle) (billing.Tally, error) {
				return billing.Tally{}, c.savePartner(ctx, run, s)
			}
		}
		if request.readsInvoices(s) {
			j.invoices = func(ctx context.Context) (*InvoiceTally, error) { return c.collectInvoices(ctx, run, request, s, log) }
		}
		return c.record(ctx, run, log, j)
	})
}

// collectCustomers does the work of a collection. An error before its beginning is
// recorded in the ledger like one that ends it. It settles the run before it reads unchanged
// parts again, which may take as long as the night.
func (c *Collector) collectCustomers(ctx context.Context, run billing.Run, request Request, s Selection, done persist.Done, settle settle, log *slog.Logger) (billing.Tally, error) {
	bounds := persist.Bounds{Refresh: c.Config.Collect.Refresh, LineItems: c.Config.Collect.Costs && c.Config.Collect.LineItems}
	err := c.await(ctx, run, func() error {
		if err := c.Store.SavePartner(ctx, run.Partner, s.Partner.Auth.TenantID); err != nil {
			return err
		}
		return c.Store.SaveBounds(ctx, run.Partner, bounds)
	})
	if err != nil {
		return billing.Tally{}, err
	}
	client, err := c.NewClient(s.Partner, countRequests(c.Metrics, run.Partner), log)
	if err != nil {
		return billing.Tally{}, err
	}
	defer client.Close()
	if len(run.Resumes) > 0 {
		client.BeginGently()
	}
	pipeline := c.pipeline(client, s, log, func(ctx context.Context, batch []billing.Statement) ([]billing.CustomerResult, error) {
		return c.Store.Write(ctx, run, batch)
	})
	defer c.Follow(pipeline.progress, run.Partner, log)()
	if s.Customers != nil {
		return pipeline.collect(ctx, s.whole(ctx, client, nil), len(s.Customers))
	}
	n := night{full: request.Full, began: run.StartedAt, length: c.Config.Collect.Night, refresh: c.Config.Collect.Refresh, pace: s.Partner.Limits}
	again := c.Config.Collect.Costs && request.LeaveOut != DoneSinceLastCollection
	t := &turns{Collector: c, run: run, bounds: bounds, done: done, log: log}
	t.whole = func(listed int) bool { return again && n.isAmple(listed, pipeline.progress()) }
	tally, err := c.collectEverybody(ctx, t, s, client, pipeline)
	if err != nil || !again {
		return tally, err
	}
	if err := settle(ctx, tally); err != nil {
		return tally, err
	}
	n.customers = t.total()
	tally, err = pipeline.collect(ctx, c.rest(ctx, run, n, bounds, log), 0)
	if err == nil {
		err = t.patiently(ctx, func(ctx context.Context) error { return c.Store.ForgetTurns(ctx, run.Partner) })
	}
	return tally, err
}

// collectEverybody reads, for all of the partner's customers, what can be lost.
func (c *Collector) collectEverybody(ctx context.Context, t *turns, s Selection, client *fetch.Client, pipeline *pipeline) (billing.Tally, error) {
	var visits iter.Seq2[billing.Visit, error]
	if s.discovers() {
		visits = t.discovered(ctx, s, client, pipeline.expect)
	} else {
		if err := t.configured(ctx, s); err != nil {
			return billing.Tally{}, err
		}
		visits = t.inOrder(ctx)
	}
	t.log.Info("run started", slog.Int("customers", t.total()), slog.Bool("discovering", s.discovers()))
	return pipeline.collect(ctx, visits, t.total())
}

// savePartner stores the partner's values of the configuration.
func (c *Collector) savePartner(ctx context.Context, run billing.Run, s Selection) error {
	return c.await(ctx, run, func() error { return c.Store.SavePartner(ctx, run.Partner, s.Partner.Auth.TenantID) })
}

// locked calls work while it holds the partner's lock, so that only one process works
// on a partner at a time.
func (c *Collector) locked(ctx context.Context, run billing.Run, work func(context.Context) Result) Result {
	var locked context.Context
	var release func()
	err := c.await(ctx, run, func() (err error) {
		locked, release, err = c.Store.LockPartner(ctx, run.Partner) //nolint:fatcontext // a failed attempt returns no context
		return err
	})
	if err != nil {
		return Result{Partner: run.Partner, Kind: run.Kind, Err: err}
	}
	defer release()
	return work(locked)
}

// await prepares a run, and waits for an unavailable database. A nightly run does not
// wait, because the daemon tries again later.
func (c *Collector) await(ctx context.Context, run billing.Run, prepare func() error) error {
	if run.Kind == billing.KindDaily {
		return prepare()
	}
	return collect.RetryWhileUnavailable(ctx, c.Config.Database.Wait, c.Log, func(context.Context) error { return prepare() })
}

// settle does what a run does once every customer's costs are read: it retires who is no
// longer listed, and reads the invoices.
type settle func(context.Context, billing.Tally) error

// job is the work of a run.
type job struct {
	// work may settle the run before it ends; else the run is settled after it.
	work func(context.Context, settle) (billing.Tally, error)
	// invoices reads the invoices; nil when they are not read.
	invoices func(context.Context) (*InvoiceTally, error)
	// complete means that the job collects all of the partner's customers, unless it
	// fails. retireAll allows it to retire any number of unlisted customers.
	complete, retireAll bool
	// excluded are customers that the configuration excludes. Their absence from the list
	// says nothing about the list.
	excluded []billing.CustomerID
}

// record executes a job as a run of the ledger.
func (c *Collector) record(ctx context.Context, run billing.Run, log *slog.Logger, j job) Result {
	result := Result{Partner: run.Partner, Kind: run.Kind}
	result.Err = c.await(ctx, run, func() error { return c.Store.BeginRun(ctx, run) })
	if result.Err != nil {
		return result
	}
	result.RunID = run.ID
	c.Metrics.RunStarted(run.Partner)
	settled := false
	settle := func(ctx context.Context, tally billing.Tally) (err error) {
		settled = true
		if j.complete {
			if result.Kept, err = c.retire(ctx, run, j, log); err != nil {
				return err
			}
			if result.Vanished, err = c.vanished(ctx, run, tally, log); err != nil {
				return err
			}
		}
		if j.invoices != nil {
			result.Invoices, err = j.invoices(ctx)
		}
		return err
	}
	result.Tally, result.Err = j.work(ctx, settle)
	if !settled && result.Err == nil {
		result.Err = settle(ctx, result.Tally)
	}
	result.Took = c.Now().Sub(run.StartedAt)
	result.Status = result.judge(ctx)

	c.reconcile(ctx, run, log)
	result.Err = c.finish(ctx, run, result, log)
	c.Metrics.RunEnded(run.Partner, run.Kind, result.Status, result.Took, result.Tally)
	log.Info("run ended", slog.String("status", string(result.Status)), slog.Duration("took", result.Took))
	return result
}

// reconcileWithin bounds the reconciliation after a run.
const reconcileWithin = 15 * time.Minute

// reconcile updates the findings about stored data after the run. If it fails the costs
// are still right, and the next run reconciles again.
func (c *Collector) reconcile(ctx context.Context, run billing.Run, log *slog.Logger) {
	if ctx.Err() != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, reconcileWithin)
	defer cancel()
	if err := c.Store.Reconcile(limited, run, persist.ReconcileRules(c.Config.Reconcile)); err != nil && ctx.Err() == nil {
		log.Error("the findings are not up to date", slog.Any("error", err))
	}
}

// pipeline takes customers through the stages. A run may do so in several parts, one
// after the other.
type pipeline struct {
	options collect.Options

	mu      sync.Mutex
	current *collect.Run
}

func (c *Collector) pipeline(client *fetch.Client, s Selection, log *slog.Logger, sink collect.Sink) *pipeline {
	o := collect.Options{
		Source: client, Sink: sink, Concurrency: s.Partner.Limits.Concurrency, Batch: c.Config.Collect.Batch, MaxBatchBytes: c.batchBytes(),
		StoreWait: c.Config.Database.Wait, Log: log, Now: c.Now,
	}
	return &pipeline{options: o, current: collect.New(o)}
}

// collect collects a part of the run. total is the number of its customers if it is
// known.
func (p *pipeline) collect(ctx context.Context, visits iter.Seq2[billing.Visit, error], total int) (billing.Tally, error) {
	o := p.options
	o.Customers, o.Total = visits, total
	p.mu.Lock()
	run := collect.New(o).Follow(p.current)
	p.current = run
	p.mu.Unlock()
	return run.Collect(ctx)
}

func (p *pipeline) run() *collect.Run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

func (p *pipeline) progress() collect.Progress { return p.run().Progress() }

func (p *pipeline) expect(total int) { p.run().Expect(total) }

// The largest size of the raw bodies in the batches of all partners together, and the
// largest and smallest for one partner.
const (
	allBatches    = 32 << 20
	largestBatch  = 8 << 20
	smallestBatch = 256 << 10
)

// batchBytes returns the size at which a partner's batch is complete, so that many
// partners at the same time need little more memory than a few.
func (c *Collector) batchBytes() int {
	partners := min(len(c.Config.Partners), c.Config.Collect.PartnersAtOnce)
	return min(largestBatch, max(smallestBatch, allBatches/max(1, partners)))
}

// finishWithin bounds the recording of a run's end after an interruption. Together with
// the grace for storing it is well below the 30 s after which service managers kill a
// process.
const finishWithin = 8 * time.Second

// finish records in the ledger how a run ended, and returns why it did not succeed. It
// waits for an unavailable database, unless the run has already waited for it in vain.
func (c *Collector) finish(ctx context.Context, run billing.Run, result Result, log *slog.Logger) error {
	record := func(context.Context) error {
		finishing, release := collect.WithGrace(ctx, finishWithin)
		defer release()
		return c.Store.FinishRun(finishing, run, result.Status, result.Tally, result.Cause())
	}
	var err error
	if errors.Is(result.Err, billing.ErrUnavailable) {
		err = record(ctx)
	} else {
		err = collect.RetryWhileUnavailable(ctx, c.Config.Database.Wait, log, record)
	}
	if err != nil {
		err = fmt.Errorf("%w; the ledger shows the run as running until this partner's next run closes it", err)
	}
	if result.Err != nil && run.Kind == billing.KindOnce && run.Scope != billing.ScopeSome {
		result.Err = fmt.Errorf("%w; collector run --resume collects the rest", result.Err)
	}
	return errors.Join(result.Err, err)
}
