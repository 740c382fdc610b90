package finance

import (
	"context"
	stdsql "database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/sheet"
)

// ReportingMonth returns the month of reports for which none is named. It is the zero time
// if there are no costs.
func (r *Reader) ReportingMonth(ctx context.Context, with Parameters) (month time.Time, err error) {
	err = r.read(ctx, func(tx pgx.Tx) error {
		if err := set(ctx, tx, with); err != nil {
			return err
		}
		var newest *time.Time
		err := tx.QueryRow(ctx, "SELECT finance.reporting_month()").Scan(&newest)
		month = orZero(newest)
		return err
	})
	if err != nil {
		return month, fmt.Errorf("find the newest closed month: %w", err)
	}
	return month, nil
}

// ReportNotes returns notes on what a report is about. If no month is named, the returned
// parameters name the month that the report chooses.
func (r *Reader) ReportNotes(ctx context.Context, report Report, with Parameters) ([]sheet.Note, Parameters, error) {
	notes := []sheet.Note{{About: "report", Says: report.Name}, {About: "shows", Says: report.Shows()}}
	period := "all"
	switch {
	case with.Period != "":
		period = with.Period
	case report.Reads("finance.reporting_month()"):
		month, err := r.ReportingMonth(ctx, with)
		if err != nil {
			return nil, with, err
		}
		with.Period = month.Format("2006-01")
		period = with.Period + ", the newest that is closed"
	}
	notes = append(notes, sheet.Note{About: "period", Says: period})
	if with.Customer != "" {
		notes = append(notes, sheet.Note{About: "customer", Says: string(with.Customer)})
	}
	if !with.Since.IsZero() {
		notes = append(notes, sheet.Note{About: "since", Says: with.Since.UTC().Format(time.RFC3339)})
	}
	return notes, with, nil
}

// Notes returns the notes of Completeness for all partners, as of with.AsOf.
func (r *Reader) Notes(ctx context.Context, with Parameters, now time.Time) (notes []sheet.Note, err error) {
	const endless = 0
	tx, err := r.Begin(ctx, endless)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	for name, value := range with.settings() {
		if _, err := tx.ExecContext(ctx, "SELECT set_config($1, $2, true)", name, value); err != nil {
			return nil, fmt.Errorf("read how complete the costs are: %w", err)
		}
	}
	return Completeness(ctx, tx, "", with.Period, now)
}

// Completeness returns notes on how complete the costs are, for the readers of a file: the
// coverage of one partner, or of each if partner is empty, the state of the month (period,
// or the open months if that is empty), and what is missing in it.
func Completeness(ctx context.Context, tx *stdsql.Tx, partner, period string, now time.Time) ([]sheet.Note, error) {
	coverage := Coverage(Selection{Partner: partner, Now: now})
	notes, err := collected(ctx, tx, Query{"SELECT partner, customers, covered FROM (" + coverage.SQL + ") c ORDER BY partner", coverage.Args}, func(scan func(...any) error) (sheet.Note, error) {
		var of string
		var customers, covered int64
		err := scan(&of, &customers, &covered)
		return sheet.Note{About: "coverage of " + of, Says: fmt.Sprintf("%d of %d customers were collected in full within %.0f hours before %s",
			covered, customers, billing.CoveredWithin.Hours(), now.UTC().Format(time.RFC3339))}, err
	})
	if err != nil {
		return nil, fmt.Errorf("read how complete the costs are: %w", err)
	}
	c := ofPartner(partner)
	month := c.parameter(period) + "::text"
	c.terms = append(c.terms, "CASE WHEN "+month+" = '' THEN state = 'open' OR missing > 0 AND month = finance.reporting_month() ELSE month = to_date("+month+", 'YYYY-MM') END")
	states, err := collected(ctx, tx, Query{`SELECT partner, to_char(month, 'YYYY-MM'), coalesce(invoice_type, '(no type)'), coalesce(currency_code, '(no currency)'), state, customers_expected, missing
		FROM finance.month_states` + c.where() + " ORDER BY month, partner, invoice_type, currency_code", c.args}, func(scan func(...any) error) (sheet.Note, error) {
		var of, month, invoiceType, currency, state string
		var expected, missing int
		err := scan(&of, &month, &invoiceType, &currency, &state, &expected, &missing)
		says := state + "; nothing is missing"
		if missing > 0 {
			says = fmt.Sprintf("%s; %d of the %d customers that had such costs in the month before are missing (finance.missing_costs lists them)", state, missing, expected)
		}
		return sheet.Note{About: month + " " + invoiceType + " " + currency, Says: says + ", partner " + of}, err
	})
	if err != nil {
		return nil, fmt.Errorf("read how complete the costs are: %w", err)
	}
	return append(notes, states...), nil
}
