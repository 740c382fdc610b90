package finance

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/sheet"
)

// ReportingMonth is the month that reports are about when none is named; the zero time
// without costs.
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

// ReportNotes say what a report is about. The parameters that it returns name the month
// that the report chooses where none is asked for.
func (r *Reader) ReportNotes(ctx context.Context, report Report, with Parameters) ([]sheet.Note, Parameters, error) {
	notes := []sheet.Note{{About: "report", Says: report.Name}, {About: "shows", Says: report.Summary}}
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

// Notes say how complete the costs are, for whoever is handed a file of them: the
// coverage of each partner, the state of the month (YYYY-MM, or empty for the open ones),
// and what it lacks.
func (r *Reader) Notes(ctx context.Context, with Parameters, now time.Time) (notes []sheet.Note, err error) {
	err = r.read(ctx, func(tx pgx.Tx) error {
		if err := set(ctx, tx, with); err != nil {
			return err
		}
		coverage, err := r.q.PartnerCoverage(ctx, tx, now.Add(-billing.CoveredWithin))
		if err != nil {
			return err
		}
		for _, c := range coverage {
			notes = append(notes, sheet.Note{About: "coverage of " + c.Partner, Says: fmt.Sprintf("%d of %d customers were collected in full within %.0f hours before %s", c.Covered, c.Customers, billing.CoveredWithin.Hours(), now.UTC().Format(time.RFC3339))})
		}
		rows, err := tx.Query(ctx, `SELECT partner, to_char(month, 'YYYY-MM'), coalesce(invoice_type, '(no type)'), coalesce(currency_code, '(no currency)'), state, customers_expected, missing
			FROM finance.month_states
			WHERE CASE WHEN $1 = '' THEN state = 'open' OR missing > 0 AND month = finance.reporting_month() ELSE month = to_date($1, 'YYYY-MM') END
			ORDER BY month, partner, invoice_type, currency_code`, with.Period)
		if err != nil {
			return err
		}
		var partner, month, invoiceType, currency, state string
		var expected, missing int
		_, err = pgx.ForEachRow(rows, []any{&partner, &month, &invoiceType, &currency, &state, &expected, &missing}, func() error {
			says := fmt.Sprintf("%s; nothing is missing", state)
			if missing > 0 {
				says = fmt.Sprintf("%s; missing of %d customers that had such costs in the month before: %d (finance.missing_costs lists them)", state, expected, missing)
			}
			notes = append(notes, sheet.Note{About: month + " " + invoiceType + " " + currency, Says: says + ", partner " + partner})
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read how complete the costs are: %w", err)
	}
	return notes, nil
}
