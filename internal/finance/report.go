package finance

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
	"partnercost/internal/sheet"
	"partnercost/sql"
)

// Report is one of the queries in sql/queries/finance.
type Report struct {
	// Name is the file's name without its ending, Summary its first comment line.
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

// Parameters narrow a report down; the queries read them as finance.period and
// finance.customer.
type Parameters struct {
	// Period is "YYYY-MM", or empty for all.
	Period string
	// Customer is empty for all.
	Customer billing.CustomerID
}

// Report runs a report unchanged and writes its rows as they arrive. All but numbers
// is text, as PostgreSQL prints it.
func (r *Reader) Report(ctx context.Context, report Report, with Parameters, to sheet.Writer) error {
	_, err := r.write(ctx, to, reportKind, func(tx pgx.Tx) (pgx.Rows, error) {
		_, err := tx.Exec(ctx, "SELECT set_config('finance.period', $1, true), set_config('finance.customer', $2, true)", with.Period, string(with.Customer))
		if err != nil {
			return nil, err
		}
		return tx.Query(ctx, report.SQL, pgx.QueryResultFormats{pgx.TextFormatCode})
	})
	if err != nil {
		return fmt.Errorf("report %s: %w", report.Name, err)
	}
	return nil
}

func reportKind(oid uint32) sheet.Kind {
	if kindOf(oid) == sheet.Number {
		return sheet.Number
	}
	return sheet.Text
}
