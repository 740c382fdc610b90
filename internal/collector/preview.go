package collector

import (
	"context"

	"partnercost/internal/billing"
)

// Preview fetches everything of the selections and stores nothing: it calls show with the
// changes that storing each batch would make. show is called from several goroutines, one
// per partner; its error ends that partner's preview.
//
// It takes no lock, because it writes nothing, and another run of the partner only makes
// the data with which it compares newer.
func (c *Collector) Preview(ctx context.Context, request Request, selections []Selection, show Show) []Result {
	return c.sideBySide(selections, func(s Selection) Result { return c.previewPartner(ctx, request, s, show) })
}

// Show receives the results of a preview.
type Show struct {
	// Customers is called with each batch of customers and the results that storing it
	// would have.
	Customers func(partner string, batch []billing.Statement, results []billing.CustomerResult) error
	// Invoice is called with each invoice that would change or whose lines would be read.
	Invoice func(InvoiceLine) error
}

func (c *Collector) previewPartner(ctx context.Context, request Request, s Selection, show Show) (result Result) {
	run, log := c.newRun(s.Partner.Name, request.Kind)
	result = Result{Partner: run.Partner, Kind: run.Kind}
	if result.Err = c.Store.CheckPartner(ctx, run.Partner, s.Partner.Auth.TenantID); result.Err != nil {
		return result // like the end of a run
	}
	client, err := c.NewClient(s.Partner, countRequests(c.Metrics, run.Partner), log)
	if err != nil {
		result.Err = err
		return result
	}
	defer client.Close()
	if request.readsInvoices(s) {
		defer func() {
			if result.Err == nil {
				result.Err = c.previewInvoices(ctx, run, request, s, client, log, show.Invoice)
			}
		}()
	}
	if request.Only == OnlyInvoices {
		return result
	}
	_, done, err := c.narrow(ctx, run, request, s, log)
	var left map[billing.CustomerID]bool
	if err == nil {
		left, err = c.doneIDs(ctx, run.Partner, done)
	}
	if err != nil {
		result.Err = err
		return result
	}
	pipeline := c.pipeline(client, s, log, func(ctx context.Context, batch []billing.Statement) ([]billing.CustomerResult, error) {
		planned, err := c.Store.Plan(ctx, run.Partner, batch)
		if err != nil {
			return nil, err
		}
		return planned, show.Customers(run.Partner, batch, planned)
	})
	defer c.Follow(pipeline.progress, run.Partner, log)()
	result.Tally, result.Err = pipeline.collect(ctx, s.whole(ctx, client, left), 0)
	return result
}
