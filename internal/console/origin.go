package console

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strings"

	"github.com/shopspring/decimal"

	"partnercost/internal/finance"
)

// originPage tells where a number comes from.
type originPage struct {
	Customer                   facts
	Kind, Start, End, Currency string
	Pretax, Tax, Total         string
	Revision                   int
	StoredAt                   string
	Imported                   bool
	SummaryHash, LinesHash     string
	Run                        *runView
	Sum                        []sumView
	Revisions, Lines, Findings tableView
	Command                    string
}

type runView struct{ ID, Kind, Started, Status, Version string }

// sumView is what the line items of one currency add up to.
type sumView struct {
	Count, Code, Total, Difference string
	// Same says that they add up to the amount.
	Same bool
}

func (c *console) origin(ctx context.Context, tx *sql.Tx, r *http.Request) (view, error) {
	f, err := c.filter(r.URL.Query())
	if err != nil {
		return view{}, err
	}
	if f.kind == nil || f.start == nil || f.currency == nil || f.ordinal == 0 {
		return view{}, badRequest("the origin of a number needs type, start, currency and ordinal")
	}
	f = filter{partner: f.partner, customer: f.customer, kind: f.kind, start: f.start, currency: f.currency, ordinal: f.ordinal, now: f.now}
	p := originPage{Kind: *f.kind, Start: *f.start, Currency: *f.currency}
	p.Customer, err = known(ctx, tx, f)
	if err != nil {
		return view{}, err
	}
	total, run, err := p.newest(ctx, tx, f)
	if err != nil {
		return view{}, err
	}
	set := f
	set.currency, set.ordinal = nil, 0
	all := filter{partner: f.partner, customer: f.customer, now: f.now}
	err = inOrder(
		func() (err error) { p.Run, err = ran(ctx, tx, run); return err },
		func() (err error) { p.Sum, err = sums(ctx, tx, set, p.Currency, total); return err },
		func() (err error) { p.Revisions, err = revisions.beginning(ctx, tx, f); return err },
		func() (err error) {
			p.Lines, err = lines.preview(ctx, tx, set, parseOrder(lines.order), pageRows)
			return err
		},
		func() (err error) { p.Findings, err = findings.beginning(ctx, tx, all); return err },
	)
	if err != nil {
		return view{}, err
	}
	p.Findings.Empty = "There are no findings about this customer."
	p.Command = "collector explain --customer " + p.Customer.ID
	if len(p.End) >= len(monthForm) {
		p.Command += " --period " + p.End[:len(monthForm)]
	}
	return view{template: "origin", title: "Where this number comes from", data: p}, nil
}

// newest fills in the value that counts, and returns it with the run that stored it.
func (p *originPage) newest(ctx context.Context, tx *sql.Tx, f filter) (total decimal.NullDecimal, run string, err error) {
	v, err := finance.FindNewestValue(ctx, tx, f.selection())
	if errors.Is(err, finance.ErrUnknownCost) {
		return total, "", errNotFound
	}
	if err != nil {
		return total, "", err
	}
	p.Pretax, p.Tax, p.Total = p.stated(v.PretaxTotal), p.stated(v.Tax), p.stated(v.AfterTax)
	p.End, p.Revision, p.StoredAt, p.Imported = v.PeriodEnd, v.Revision, moment(v.StoredAt), v.Origin == "import"
	p.SummaryHash, p.LinesHash = v.SummaryHash, v.LineItemsHash
	return v.AfterTax, v.RunID, nil
}

func (p *originPage) stated(d decimal.NullDecimal) string {
	if !d.Valid {
		return "not stated"
	}
	return strings.TrimSpace(exactly(d.Decimal, p.Currency) + " " + p.Currency)
}

// ran is the run with an id; nil when the ledger does not go back so far.
func ran(ctx context.Context, tx *sql.Tx, id string) (*runView, error) {
	run, err := finance.FindRun(ctx, tx, id)
	if run == nil || err != nil {
		return nil, err
	}
	return &runView{ID: id, Kind: run.Kind, Started: moment(*run.StartedAt), Status: run.Status, Version: run.Version}, nil
}

// sums adds the line items up, by currency, and compares them with the amount.
func sums(ctx context.Context, tx *sql.Tx, f filter, code string, total decimal.NullDecimal) ([]sumView, error) {
	found, err := finance.LineItemSums(ctx, tx, f.selection())
	if err != nil {
		return nil, err
	}
	var views []sumView
	for _, sum := range found {
		v := sumView{Count: count(sum.Count), Total: "nothing stated"}
		if sum.Currency != nil {
			v.Code = *sum.Currency
		}
		if sum.AfterTax.Valid {
			v.Total = exactly(sum.AfterTax.Decimal, v.Code)
		}
		if v.Code == code && sum.AfterTax.Valid && total.Valid {
			v.Same = sum.AfterTax.Decimal.Equal(total.Decimal)
			v.Difference = signed(exactly(sum.AfterTax.Decimal.Sub(total.Decimal), v.Code))
		}
		views = append(views, v)
	}
	return views, nil
}
