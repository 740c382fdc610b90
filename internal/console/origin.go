package console

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/shopspring/decimal"
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
	p.Findings.Empty = "Nothing about this customer looks odd."
	p.Command = "collector explain --customer " + p.Customer.ID
	if len(p.End) >= len(monthForm) {
		p.Command += " --period " + p.End[:len(monthForm)]
	}
	return view{template: "origin", title: "Where this number comes from", data: p}, nil
}

// newest fills in the value that counts, and returns it with the run that stored it.
func (p *originPage) newest(ctx context.Context, tx *sql.Tx, f filter) (total decimal.NullDecimal, run string, err error) {
	c := costConditions("v", f)
	var end, summary, lines, origin *string
	var pretax, tax decimal.NullDecimal
	var stored time.Time
	c.terms = append(c.terms, "v.superseded_at IS NULL")
	err = tx.QueryRowContext(ctx, `SELECT v.period_end::text, v.pretax_total, v.tax, v.after_tax_total, v.revision, v.valid_from, v.origin, v.run_id::text, v.summary_hash, v.line_items_hash
		FROM finance.cost_revisions v`+c.where(), c.args...).
		Scan(&end, &pretax, &tax, &total, &p.Revision, &stored, &origin, &run, &summary, &lines)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return total, "", errNotFound
	case err != nil:
		return total, "", fmt.Errorf("read the origin: %w", err)
	}
	p.Pretax, p.Tax, p.Total = p.stated(pretax), p.stated(tax), p.stated(total)
	p.StoredAt, p.Imported = moment(stored), origin != nil && *origin == "import"
	for from, to := range map[*string]*string{end: &p.End, summary: &p.SummaryHash, lines: &p.LinesHash} {
		if from != nil {
			*to = *from
		}
	}
	return total, run, nil
}

func (p *originPage) stated(d decimal.NullDecimal) string {
	if !d.Valid {
		return "not stated"
	}
	return strings.TrimSpace(exactly(d.Decimal, p.Currency) + " " + p.Currency)
}

// ran is the run with an id; nil when the ledger does not go back so far.
func ran(ctx context.Context, tx *sql.Tx, id string) (*runView, error) {
	v := runView{ID: id}
	var started time.Time
	err := tx.QueryRowContext(ctx, "SELECT kind, started_at, status, version FROM finance.runs WHERE run_id = $1::uuid", id).Scan(&v.Kind, &started, &v.Status, &v.Version)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil //nolint:nilnil // nil is a run that is no longer kept
	case err != nil:
		return nil, fmt.Errorf("read the run: %w", err)
	}
	v.Started = moment(started)
	return &v, nil
}

// sums adds the line items up, by currency, and compares them with the amount.
func sums(ctx context.Context, tx *sql.Tx, f filter, code string, total decimal.NullDecimal) ([]sumView, error) {
	query, args := lines.selected(f)
	var views []sumView
	err := each(ctx, tx, "SELECT currency_code, count(*), sum(after_tax_total) FROM ("+query+") l GROUP BY currency_code ORDER BY currency_code NULLS LAST", args, func(scan func(...any) error) error {
		var in *string
		var n int
		var sum decimal.NullDecimal
		if err := scan(&in, &n, &sum); err != nil {
			return err
		}
		v := sumView{Count: count(n), Total: "nothing stated"}
		if in != nil {
			v.Code = *in
		}
		if sum.Valid {
			v.Total = exactly(sum.Decimal, v.Code)
		}
		if v.Code == code && sum.Valid && total.Valid {
			v.Same = sum.Decimal.Equal(total.Decimal)
			v.Difference = signed(exactly(sum.Decimal.Sub(total.Decimal), v.Code))
		}
		views = append(views, v)
		return nil
	})
	return views, err
}
