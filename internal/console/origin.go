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
	Changes                    []restatementView
	Lists                      []list
	Command                    string
}

// restatementView is what changed with a restatement, the largest lines first.
type restatementView struct {
	Difference, On string
	Lines          []string
	More           int
}

// saidLines is how many lines of a restatement are told of; the table has all.
const saidLines = 3

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
	if f.kind == nil || f.start == nil || f.currency == nil {
		return view{}, badRequest("the origin of a number needs type, start and currency")
	}
	f = filter{partner: f.partner, customer: f.customer, kind: f.kind, start: f.start, currency: f.currency, ordinal: f.ordinal, now: f.now}
	p := originPage{Kind: kindTitle(*f.kind), Start: *f.start, Currency: *f.currency}
	p.Customer, err = known(ctx, tx, f)
	if err != nil {
		return view{}, err
	}
	total, run, err := p.newest(ctx, tx, &f)
	if err != nil {
		return view{}, err
	}
	set := f
	set.currency, set.ordinal = nil, 0
	all := filter{partner: f.partner, customer: f.customer, now: f.now}
	err = inOrder(
		func() (err error) { p.Run, err = ran(ctx, tx, run); return err },
		func() (err error) { p.Sum, err = sums(ctx, tx, set, p.Currency, total); return err },
		func() (err error) { p.Changes, err = changes(ctx, tx, f); return err },
		func() error {
			return p.add(changedLines.preview(ctx, tx, f, parseOrder(changedLines.order), 4*previewRows))
		},
		func() error {
			return p.add(lines.preview(ctx, tx, set, order{column: "after_tax_total", down: true}, pageRows))
		},
		func() error { return p.add(revisions.beginning(ctx, tx, f)) },
		func() error { return p.add(findings.beginning(ctx, tx, all)) },
	)
	if err != nil {
		return view{}, err
	}
	p.Command = "collector explain --customer " + p.Customer.ID
	if len(p.End) >= len(monthForm) {
		p.Command += " --period " + p.End[:len(monthForm)]
	}
	return view{template: "origin", title: "Where this number comes from", data: p}, nil
}

// newest fills in the value that counts, and returns it with the run that stored it.
func (p *originPage) newest(ctx context.Context, tx *sql.Tx, f *filter) (total decimal.NullDecimal, run string, err error) {
	v, err := finance.FindNewestValue(ctx, tx, f.selection())
	if errors.Is(err, finance.ErrUnknownCost) {
		return total, "", errNotFound
	}
	if err != nil {
		return total, "", err
	}
	p.Pretax, p.Tax, p.Total = p.stated(v.PretaxTotal), p.stated(v.Tax), p.stated(v.AfterTax)
	p.End, p.Revision, p.StoredAt, p.Imported = v.PeriodEnd, v.Revision, moment(v.StoredAt), v.Origin == "import"
	f.ordinal = v.Ordinal
	p.SummaryHash, p.LinesHash = v.SummaryHash, v.LineItemsHash
	return v.AfterTax, v.RunID, nil
}

// add adds a list, if it has rows.
func (p *originPage) add(v tableView, err error) error {
	if len(v.Rows) > 0 {
		p.Lists = append(p.Lists, list{ID: v.Name, Title: v.Title, Table: v})
	}
	return err
}

// changes tells which lines were behind each restatement, the newest first.
func changes(ctx context.Context, tx *sql.Tx, f filter) ([]restatementView, error) {
	found, err := finance.FindChangeLines(ctx, tx, f.selection())
	if err != nil {
		return nil, err
	}
	code := *f.currency
	var views []restatementView
	revision := -1
	for _, l := range found {
		if l.Revision != revision {
			revision = l.Revision
			v := restatementView{Difference: "an amount that is not stated", On: moment(l.ChangedAt)}
			if l.CostDifference.Valid {
				v.Difference = strings.TrimSpace(signed(exactly(l.CostDifference.Decimal, code)) + " " + code)
			}
			views = append(views, v)
		}
		v := &views[len(views)-1]
		if len(v.Lines) == saidLines && l.Change != "unexplained" {
			v.More++
			continue
		}
		v.Lines = append(v.Lines, changeSentence(l, code))
	}
	return views, nil
}

// changeSentence is a line such as "Azure Reserved Instance went (−822.55, 100 %)".
func changeSentence(l finance.ChangeLine, code string) string {
	by := ""
	if l.Difference.Valid {
		by = " (" + signed(exactly(l.Difference.Decimal, code))
		if l.SharePercent.Valid {
			by += ", " + grouped(l.SharePercent.Decimal.String()) + " %"
		}
		by += ")"
	}
	if l.Change == "unexplained" {
		return "no line explains the rest" + by
	}
	return l.Name + " " + l.Change + by
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
	return &runView{ID: id, Kind: strings.ToLower(title(run.Kind)), Started: moment(*run.StartedAt), Status: run.Status, Version: run.Version}, nil
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
