package collector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// Only narrows a collection to the costs or to the invoices; the zero value is both.
type Only string

// The values of Only.
const (
	OnlyCosts    Only = "costs"
	OnlyInvoices Only = "invoices"
)

const (
	// askFor is how long missing lines are requested every night, and present lines once a
	// week.
	askFor = 60 * 24 * time.Hour
	// askAgain is how old the lines of a recent invoice may become.
	askAgain = 7 * 24 * time.Hour
)

// firstExport is the first month of new commerce that Microsoft Graph exports. Lines of
// earlier months are only in Partner Center.
var firstExport = time.Date(2024, time.February, 1, 0, 0, 0, 0, time.UTC)

// InvoiceTally counts the invoices of a run. Its JSON form is part of the results of a run.
type InvoiceTally struct {
	Listed  int `json:"listed"`
	Changed int `json:"changed"`
	// Read counts the parts of invoices whose lines were read, and LinesChanged those with
	// new or changed lines.
	Read         int `json:"read"`
	LinesChanged int `json:"lines_changed"`
	Unchanged    int `json:"unchanged"`
	// Loading counts exports in progress, which the next run continues; NoData counts
	// parts without lines so far.
	Loading int `json:"loading"`
	NoData  int `json:"no_data"`
	Failed  int `json:"failed"`
	// Unread says why each of the remaining parts could not be read.
	Unread []UnreadInvoice `json:"unread,omitempty"`
	// Cause is why no invoices could be read at all.
	Cause error `json:"-"`
}

// UnreadInvoice is a part of an invoice that a run could not read.
type UnreadInvoice struct {
	InvoiceID string `json:"invoice_id"`
	Month     string `json:"month"`
	Part      string `json:"part"`
	State     string `json:"state"`
	Why       string `json:"why,omitempty"`
}

// Failure returns why some parts could not be read.
func (t *InvoiceTally) Failure() error {
	if t.Cause != nil {
		return fmt.Errorf("the invoices could not be read: %w", t.Cause)
	}
	return fmt.Errorf("the lines of %d invoices could not be read; the view finance.invoices shows which", t.Failed)
}

// AnyFailed reports whether some part could not be read. A part without lines so far is not a
// failure.
func (t *InvoiceTally) AnyFailed() bool { return t != nil && (t.Failed > 0 || t.Cause != nil) }

// readsInvoices reports whether the partner's invoices are read. They belong to no
// single customer, so a run of some customers does not read them.
func (r Request) readsInvoices(s Selection) bool {
	return s.Partner.Invoices.Enabled && r.Only != OnlyCosts && (s.Customers == nil || r.Only == OnlyInvoices) && r.LeaveOut != DoneSinceLastCollection
}

// WithInvoices returns the partners whose invoices are read. It returns a ConfigError if
// there is none.
func WithInvoices(partners []config.Partner) ([]config.Partner, error) {
	var with []config.Partner
	for _, p := range partners {
		if p.Invoices.Enabled {
			with = append(with, p)
		}
	}
	if len(with) == 0 {
		return nil, &ConfigError{errors.New("invoices are not read for any of these partners; set invoices.enabled: true")}
	}
	return with, nil
}

// invoiceWork reads the invoices of one partner.
type invoiceWork struct {
	c       *Collector
	run     billing.Run
	partner config.Partner
	client  *fetch.Client
	// graph is nil if the configuration has none. close closes it.
	graph *fetch.Graph
	log   *slog.Logger
	// since is the first month to read. all makes the run request even lines that were given
	// up.
	since time.Time
	all   bool
	tally InvoiceTally
	// latest is the day of the newest invoice of each type and currency.
	latest map[billing.InvoiceSummary]time.Time
}

// newInvoiceWork returns the work of a run. The caller closes it.
func (c *Collector) newInvoiceWork(run billing.Run, request Request, s Selection, client *fetch.Client, log *slog.Logger) (*invoiceWork, error) {
	w := &invoiceWork{c: c, run: run, partner: s.Partner, client: client, log: log, since: s.Partner.Invoices.SinceMonth(), all: request.AllInvoices}
	if !request.InvoicesSince.IsZero() {
		w.since = request.InvoicesSince
	}
	var err error
	w.graph, err = c.newGraph(s.Partner, log)
	return w, err
}

func (w *invoiceWork) close() {
	if w.graph != nil {
		w.graph.Close()
	}
}

// collectInvoices reads the partner's invoices and their lines. Failures that concern
// only invoices are in the tally; an error ends the run.
func (c *Collector) collectInvoices(ctx context.Context, run billing.Run, request Request, s Selection, log *slog.Logger) (*InvoiceTally, error) {
	client, err := c.NewClient(s.Partner, countRequests(c.Metrics, run.Partner), log)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	w, err := c.newInvoiceWork(run, request, s, client, log)
	if err != nil {
		return nil, err
	}
	defer w.close()
	err = w.collect(ctx)
	if failure, ok := errors.AsType[*billing.Failure](err); ok && ctx.Err() == nil {
		log.Error("the invoices could not be read", slog.Any("error", failure))
		w.tally.Cause, err = failure, nil
	}
	if err == nil {
		err = w.stored(ctx, func(ctx context.Context) error { return c.Store.ReconcileInvoices(ctx, run) })
	}
	log.Info("invoices read", slog.Int("listed", w.tally.Listed), slog.Int("read", w.tally.Read), slog.Int("changed", w.tally.LinesChanged), slog.Int("unchanged", w.tally.Unchanged),
		slog.Int("loading", w.tally.Loading), slog.Int("no_data", w.tally.NoData), slog.Int("failed", w.tally.Failed))
	return &w.tally, err
}

// newGraph returns a client of Microsoft Graph for the partner's application, or nil
// without a configuration for it. It makes no request.
func (c *Collector) newGraph(partner config.Partner, log *slog.Logger) (*fetch.Graph, error) {
	g := partner.Invoices.Graph
	if !g.Given {
		return nil, nil //nolint:nilnil // invoices without Graph are allowed
	}
	cloud, err := CloudOf(partner)
	if err != nil {
		return nil, err
	}
	tokens, err := fetch.NewAppOnlySource(fetch.SignIn{
		LoginURL: cmp.Or(g.LoginURL, cloud.LoginURL), TenantID: g.TenantID, ClientID: g.ClientID, ClientSecret: g.ClientSecret.Reveal(),
		Scope: fetch.GraphScope, Now: c.Now, Rand: c.Rand,
	})
	if err != nil {
		return nil, &ConfigError{err}
	}
	o := fetch.Options{
		BaseURL: cmp.Or(g.BaseURL, fetch.GraphURL), Tokens: tokens, UserAgent: "partnercost/" + c.Version, Concurrency: 2,
		Timeout: partner.Limits.Timeout, MaxRetryAfter: partner.Limits.MaxRetryAfter, Now: c.Now, NewID: c.NewID, Rand: c.Rand, Log: log,
	}
	if c.Metrics != nil {
		o.Observe = countRequests(c.Metrics, partner.Name)
	}
	graph, err := fetch.NewGraph(o)
	if err != nil {
		return nil, &ConfigError{err}
	}
	return graph, nil
}

// stored calls do, and waits for an unavailable database.
func (w *invoiceWork) stored(ctx context.Context, do func(context.Context) error) error {
	return collect.RetryWhileUnavailable(ctx, w.c.Config.Database.Wait, w.log, do)
}

func (w *invoiceWork) collect(ctx context.Context) error {
	err := w.stored(ctx, func(ctx context.Context) error {
		return w.c.Store.SavePartnerScope(ctx, w.run.Partner, w.partner.Customers.Discover)
	})
	if err != nil {
		return err
	}
	if err := w.list(ctx); err != nil {
		return err
	}
	if err := w.summaries(ctx); err != nil {
		return err
	}
	loads, err := w.due(ctx)
	if err != nil {
		return err
	}
	var exports []persist.InvoiceLoad
	for _, load := range loads {
		if load.Source == billing.FromV2 {
			exports = append(exports, load)
			continue
		}
		if err := w.readLines(ctx, load); err != nil {
			return err
		}
	}
	return w.export(ctx, exports)
}

// summaries records when the newest invoices were issued. Without these days an export
// is requested again after a week at the latest.
func (w *invoiceWork) summaries(ctx context.Context) error {
	w.latest = map[billing.InvoiceSummary]time.Time{}
	if w.partner.Auth.Mode == "app_only" {
		return nil
	}
	summaries, err := w.client.InvoiceSummaries(ctx)
	if failure, ok := errors.AsType[*billing.Failure](err); ok && failure.Class != billing.CredentialFailure {
		w.log.Warn("the summaries of the invoices could not be read", slog.Any("error", failure))
		return nil
	}
	for _, s := range summaries {
		w.latest[billing.InvoiceSummary{Type: s.Type, CurrencyCode: s.CurrencyCode}] = s.Latest
	}
	return err
}

// latestOf returns the day of the newest invoice of a load's type and currency.
func (w *invoiceWork) latestOf(load persist.InvoiceLoad) time.Time {
	return w.latest[billing.InvoiceSummary{Type: load.Type, CurrencyCode: load.CurrencyCode}]
}

// due returns the loads that should be requested now.
func (w *invoiceWork) due(ctx context.Context) (due []persist.InvoiceLoad, err error) {
	var loads []persist.InvoiceLoad
	err = w.stored(ctx, func(ctx context.Context) (err error) {
		loads, err = w.c.Store.InvoiceLoads(ctx, w.run.Partner)
		return err
	})
	for _, load := range loads {
		if !load.Month.Before(w.since) && w.isDue(load) {
			due = append(due, load)
		}
	}
	return due, err
}

func (w *invoiceWork) isDue(load persist.InvoiceLoad) bool {
	now := w.c.Now()
	switch {
	case load.State == persist.LoadLeftOut:
		return false
	case load.Operation != "" || load.State == persist.LoadExpected || load.State == persist.LoadRunning || load.State == persist.LoadFailed:
		return true
	case load.State == persist.LoadNoData:
		return w.all || now.Sub(load.FirstSeen) < askFor
	case load.AskedTotal.Valid != load.Total.Valid || load.Total.Valid && !load.AskedTotal.Decimal.Equal(load.Total.Decimal):
		return true
	case now.Sub(cmp.Or(load.Date, load.FirstSeen)) >= askFor:
		return false
	}
	latest := w.latestOf(load)
	return !latest.IsZero() && !latest.Equal(load.AskedLatest) || now.Sub(load.AskedAt) >= askAgain
}

// asked returns the load as the ledger records it once it has been requested.
func (w *invoiceWork) asked(load persist.InvoiceLoad) persist.InvoiceLoad {
	load.AskedAt, load.AskedTotal, load.AskedLatest = w.c.Now(), load.Total, w.latestOf(load)
	return load
}

// readLines reads the line items of Partner Center.
func (w *invoiceWork) readLines(ctx context.Context, load persist.InvoiceLoad) error {
	load = w.asked(load)
	set, err := w.client.InvoiceLines(ctx, load.InvoiceID, load.Part)
	failure, failed := errors.AsType[*billing.Failure](err)
	switch {
	case err == nil:
		return w.save(ctx, load, set)
	case !failed || failure.Class == billing.CredentialFailure:
		return err
	case failure.Class == billing.UnknownCustomer: // not found: Partner Center no longer has the lines of new commerce
		return w.without(ctx, load, failure.Error())
	}
	return w.fail(ctx, load, failure)
}

// save stores the lines that were read. No lines for an invoice with a total means that
// they are not available yet.
func (w *invoiceWork) save(ctx context.Context, load persist.InvoiceLoad, set billing.LineSet) error {
	for _, err := range set.Lines {
		if err != nil {
			return w.fail(ctx, load, &billing.Failure{Class: billing.BadAnswer, Resource: "lines of " + load.InvoiceID, Message: err.Error()})
		}
		return w.keep(ctx, load, set)
	}
	if load.Part.IsNewCommerce() && load.Total.Valid && !load.Total.Decimal.IsZero() {
		why := "the service lists no lines"
		if load.Source == billing.FromV1 && w.graph == nil {
			why = "Partner Center lists no lines; those of new commerce after March 2025 come from Microsoft Graph alone (invoices.graph)"
		}
		return w.without(ctx, load, why)
	}
	return w.keep(ctx, load, set)
}

func (w *invoiceWork) keep(ctx context.Context, load persist.InvoiceLoad, set billing.LineSet) error {
	var saved persist.SavedLines
	err := w.stored(ctx, func(ctx context.Context) (err error) {
		saved, err = w.c.Store.SaveLines(ctx, w.run, load, set)
		return err
	})
	if errors.Is(err, billing.ErrRejected) {
		return w.fail(ctx, load, &billing.Failure{Class: billing.Rejected, Resource: "lines of " + load.InvoiceID, Message: err.Error()})
	}
	if err != nil {
		return err
	}
	if saved.Kept > 0 {
		return w.without(ctx, load, fmt.Sprintf("the service lists no lines any more; the %d that were read before stay", saved.Kept))
	}
	w.tally.Read++
	if saved.Changed {
		w.tally.LinesChanged++
	}
	return nil
}

// without records that there is no data, or none yet. Lines that were read before stay.
func (w *invoiceWork) without(ctx context.Context, load persist.InvoiceLoad, why string) error {
	load.Operation = ""
	if load.State != persist.LoadDone {
		load.State = persist.LoadNoData
	}
	w.tally.NoData++
	w.unread(load, why)
	return w.note(ctx, load, nil)
}

// fail records a failure. Lines that were read before stay.
func (w *invoiceWork) fail(ctx context.Context, load persist.InvoiceLoad, failure *billing.Failure) error {
	w.log.Warn("the lines of an invoice could not be read", slog.String("invoice_id", load.InvoiceID), slog.Any("error", failure))
	load.Operation = ""
	if load.State != persist.LoadDone {
		load.State = persist.LoadFailed
	}
	w.tally.Failed++
	w.unread(load, failure.Error())
	return w.note(ctx, load, failure)
}

func (w *invoiceWork) note(ctx context.Context, load persist.InvoiceLoad, failure *billing.Failure) error {
	return w.stored(ctx, func(ctx context.Context) error { return w.c.Store.NoteLoad(ctx, w.run, load, failure) })
}

func (w *invoiceWork) unread(load persist.InvoiceLoad, why string) {
	w.tally.Unread = append(w.tally.Unread, UnreadInvoice{InvoiceID: load.InvoiceID, Month: load.Month.Format("2006-01"), Part: load.Name(), State: string(load.State), Why: why})
	slices.SortStableFunc(w.tally.Unread, func(a, b UnreadInvoice) int {
		return cmp.Or(strings.Compare(a.Month, b.Month), strings.Compare(a.InvoiceID, b.InvoiceID))
	})
}
