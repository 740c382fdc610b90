package collector

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"

	"partnercost/internal/billing"
	"partnercost/internal/collect"
	"partnercost/internal/fetch"
	"partnercost/internal/persist"
)

// replayBatch and replayBytes bound the customers and the bodies replayed in one
// transaction.
const (
	replayBatch = 200
	replayBytes = 16 << 20
)

// Replay derives the facts of a partner again from the archive, and calls show for each
// customer and showInvoice for each invoice that changes.
func (c *Collector) Replay(ctx context.Context, partner string, show func(persist.ReplayResult), showInvoice func(InvoiceLine)) Result {
	run, log := c.newRun(partner, billing.KindReplay)
	return c.locked(ctx, run, func(ctx context.Context) Result {
		return c.record(ctx, run, log, job{work: func(ctx context.Context, _ settle) (billing.Tally, error) {
			r := &replaying{show: show, log: log}
			r.storage = collect.Storage[persist.Rederived, persist.ReplayResult]{
				Sink: func(ctx context.Context, batch []persist.Rederived) ([]persist.ReplayResult, error) {
					return c.Store.Replay(ctx, run, batch)
				},
				Stored: r.stored, Refused: r.refused, Wait: c.Config.Database.Wait, Log: log,
			}
			begun := c.Now()
			defer c.Follow(func() collect.Progress {
				tally := r.snapshot()
				return collect.Progress{Tally: tally, Fetched: tally.Done(), Elapsed: c.Now().Sub(begun)}
			}, partner, log)()
			err := r.all(ctx, c.Store.Archive(ctx, partner))
			return r.snapshot(), err
		}, invoices: func(ctx context.Context) (*InvoiceTally, error) { return c.replayInvoices(ctx, run, log, showInvoice) }})
	})
}

// replaying is the replay of one partner.
type replaying struct {
	storage collect.Storage[persist.Rederived, persist.ReplayResult]
	show    func(persist.ReplayResult)
	log     *slog.Logger

	mu    sync.Mutex
	tally billing.Tally
}

func (r *replaying) snapshot() billing.Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally
}

func (r *replaying) all(ctx context.Context, archive iter.Seq2[persist.ArchivedCustomer, error]) error {
	var batch []persist.Rederived
	size := 0
	for customer, err := range archive {
		if err != nil {
			return err
		}
		derived, err := r.rederive(customer)
		if err != nil {
			r.log.Error("an archived answer cannot be read; the customer is not changed",
				slog.String("customer_id", string(customer.CustomerID)), slog.Any("error", err))
			r.count(billing.CustomerResult{Outcome: billing.OutcomeFailed})
			continue
		}
		batch = append(batch, derived)
		if size += bytesOf(customer); len(batch) == replayBatch || size >= replayBytes {
			if err := r.storage.Store(ctx, batch); err != nil {
				return err
			}
			batch, size = nil, 0
		}
	}
	return r.storage.Store(ctx, batch)
}

// rederive reads all answers of a customer.
func (r *replaying) rederive(c persist.ArchivedCustomer) (persist.Rederived, error) {
	derived := persist.Rederived{CustomerID: c.CustomerID}
	for _, answer := range c.Answers {
		s, err := fetch.Normalise(c.CustomerID, answer.Documents)
		if errors.Is(err, fetch.ErrNotDocument) {
			r.log.Warn("an archived answer is not the requested document; it is ignored",
				slog.String("customer_id", string(c.CustomerID)), slog.Int64("statement", answer.StatementID), slog.Any("error", err))
			s, err = fetch.Normalise(c.CustomerID, documents(c.CustomerID, answer.Documents))
		}
		if err != nil {
			return derived, fmt.Errorf("statement %d: %w", answer.StatementID, err)
		}
		derived.Pruned = derived.Pruned || answer.Pruned
		s.Documents = nil // the bodies are already in the archive
		derived.Answers = append(derived.Answers, persist.RederivedAnswer{StatementID: answer.StatementID, Imported: answer.Imported, Statement: s})
	}
	return derived, nil
}

// documents returns the bodies that have the form of their kind. Earlier versions
// accepted any JSON as an answer. Line items go with their summary, which determines
// their period.
func documents(id billing.CustomerID, bodies []billing.Document) []billing.Document {
	strange := map[billing.DocumentKind]bool{}
	for _, d := range bodies {
		_, err := fetch.Normalise(id, []billing.Document{d})
		strange[d.Kind] = errors.Is(err, fetch.ErrNotDocument)
	}
	return slices.DeleteFunc(slices.Clone(bodies), func(d billing.Document) bool {
		return strange[d.Kind] || d.Kind == billing.LineItemsDocument && strange[billing.SummaryDocument]
	})
}

func bytesOf(c persist.ArchivedCustomer) (n int) {
	for _, answer := range c.Answers {
		for _, d := range answer.Documents {
			n += len(d.Body)
		}
	}
	return n
}

// stored counts and shows the stored results.
func (r *replaying) stored(_ []persist.Rederived, results []persist.ReplayResult) error {
	for _, result := range results {
		r.count(result.CustomerResult)
		if result.Outcome == billing.OutcomeUnchanged {
			continue
		}
		r.show(result)
	}
	return nil
}

// refused records that the database refuses a customer's derived facts.
func (r *replaying) refused(ctx context.Context, customer persist.Rederived, why error) error {
	r.log.ErrorContext(ctx, "the database refuses the derived rows; the customer is not changed",
		slog.String("customer_id", string(customer.CustomerID)), slog.Any("error", why))
	r.count(billing.CustomerResult{Outcome: billing.OutcomeFailed})
	return nil
}

func (r *replaying) count(result billing.CustomerResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Total++
	r.tally.Add(result)
}
