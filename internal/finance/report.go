package finance

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/sheet"
	"partnercost/sql"
)

// Report is one of the queries in sql/queries/finance.
type Report struct {
	// Name is the name of the file without its extension. Summary is its first comment line.
	Name, Summary, SQL string
}

// Reports lists the reports by name.
func Reports() ([]Report, error) {
	const dir = "queries/finance"
	files, err := fs.Glob(sql.Finance, dir+"/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the embedded reports: %w", err)
	}
	reports := make([]Report, 0, len(files))
	for _, file := range files {
		text, err := fs.ReadFile(sql.Finance, file)
		if err != nil {
			return nil, fmt.Errorf("read the embedded report %s: %w", file, err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		reports = append(reports, Report{
			Name:    strings.TrimSuffix(path.Base(file), ".sql"),
			Summary: strings.TrimSpace(strings.TrimLeft(first, "- ")),
			SQL:     string(text),
		})
	}
	return reports, nil
}

// Shows returns the summary without the settings, which only users of psql need.
func (r Report) Shows() string {
	shows, _, _ := strings.Cut(r.Summary, " finance.")
	return shows
}

// Flags returns the flags of "collector report" that narrow the report down.
func (r Report) Flags() []string {
	var flags []string
	for _, f := range []struct{ setting, flag string }{
		{"finance.period", "--period"}, {"finance.customer", "--customer"}, {"finance.since", "--since"}, {"finance.as_of", "--as-of"},
	} {
		if r.Reads(f.setting) {
			flags = append(flags, f.flag)
		}
	}
	return flags
}

// Parameters are the parameters of a report. The queries read them as settings such as
// finance.period.
type Parameters struct {
	// Period is "YYYY-MM". If it is empty, the report chooses a month or covers all.
	Period string
	// Customer is empty for all.
	Customer billing.CustomerID
	// AsOf is the time as of which costs are read; zero for now.
	AsOf time.Time
	// Since is the time since which something changed; zero for any.
	Since time.Time
	// Typed keeps the types of dates, instants and booleans, for files that have such types.
	// Otherwise these values are text.
	Typed bool
}

// Parameters reads the parameters of the report from the values of --period, --as-of and
// --since, each empty if it is not given. A day stands for its end in --as-of, and for
// its beginning in --since. Errors name the flag.
func (r Report) Parameters(period, asOf, since string) (with Parameters, err error) {
	if _, err := time.Parse("2006-01", period); period != "" && err != nil {
		return with, fmt.Errorf("--period %q is not a month of the form YYYY-MM", period)
	}
	with.Period = period
	if asOf != "" {
		if !r.Reads("finance.as_of") {
			return with, fmt.Errorf("--as-of is not for the report %s, which has no history", r.Name)
		}
		if with.AsOf, err = moment("--as-of", asOf, true); err != nil {
			return with, err
		}
	}
	if since != "" {
		if !r.Reads("finance.since") {
			return with, fmt.Errorf("--since is not for the report %s, which does not select by time", r.Name)
		}
		if with.Since, err = moment("--since", since, false); err != nil {
			return with, err
		}
	}
	return with, nil
}

// moment reads an instant. A day stands for its beginning or, if end is set, for its end,
// in UTC.
func moment(flag, text string, end bool) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, fmt.Errorf("%s %q is neither a day, YYYY-MM-DD, nor an instant such as 2026-10-31T08:00:00Z", flag, text)
	}
	if end {
		return day.AddDate(0, 0, 1).Add(-time.Microsecond), nil
	}
	return day, nil
}

// settings returns the parameters as the queries read them.
func (p Parameters) settings() map[string]string {
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	return map[string]string{
		"finance.period": p.Period, "finance.customer": string(p.Customer), "finance.as_of": moment(p.AsOf), "finance.since": moment(p.Since),
	}
}

// Reads reports whether the report reads a setting such as finance.since.
func (r Report) Reads(setting string) bool { return strings.Contains(r.SQL, setting) }

// Reported describes a report that was written.
type Reported struct {
	// Month is the month that the report chose because none was named; zero if it chose
	// none.
	Month time.Time
	Rows  int64
}

// Report runs the SQL of a report unchanged and writes its rows as they arrive. Unless
// with.Typed is set, all values but numbers are text as PostgreSQL prints it.
func (r *Reader) Report(ctx context.Context, report Report, with Parameters, to sheet.Writer) (done Reported, err error) {
	kind := reportKind
	if with.Typed {
		kind = kindOf
	}
	done.Rows, err = r.write(ctx, to, kind, func(tx pgx.Tx) (pgx.Rows, error) {
		if err := set(ctx, tx, with); err != nil {
			return nil, err
		}
		if with.Period == "" && report.Reads("finance.reporting_month()") {
			var month *time.Time
			if err := tx.QueryRow(ctx, "SELECT finance.reporting_month()").Scan(&month); err != nil {
				return nil, err
			}
			done.Month = orZero(month)
		}
		return tx.Query(ctx, report.SQL, pgx.QueryResultFormats{pgx.TextFormatCode})
	})
	if err != nil {
		return done, fmt.Errorf("report %s: %w", report.Name, err)
	}
	return done, nil
}

// set sets the parameters for the queries of a transaction.
func set(ctx context.Context, tx pgx.Tx, with Parameters) error {
	for name, value := range with.settings() {
		if _, err := tx.Exec(ctx, "SELECT set_config($1, $2, true)", name, value); err != nil {
			return err
		}
	}
	return nil
}

func reportKind(oid uint32) sheet.Kind {
	if kindOf(oid) == sheet.Number {
		return sheet.Number
	}
	return sheet.Text
}
