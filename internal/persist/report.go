package persist

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"partnercost/internal/billing"
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

// Table is the result of a report. A nil cell is NULL; the others are text as
// PostgreSQL prints them, so no amount passes through a float.
type Table struct {
	Columns []string
	// Numeric tells which columns hold numbers.
	Numeric []bool
	Rows    [][]*string
}

// RunReport runs a report unchanged, in a read-only transaction. Period is "YYYY-MM"
// or empty, customer a GUID or empty; the query reads them as finance.period and
// finance.customer.
func (s *Store) RunReport(ctx context.Context, r Report, period string, customer billing.CustomerID) (Table, error) {
	var table Table
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT set_config('finance.period', $1, true), set_config('finance.customer', $2, true)", period, string(customer))
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, r.SQL, pgx.QueryResultFormats{pgx.TextFormatCode})
		if err != nil {
			return err
		}
		defer rows.Close()
		for _, field := range rows.FieldDescriptions() {
			table.Columns = append(table.Columns, field.Name)
			table.Numeric = append(table.Numeric, isNumber(field.DataTypeOID))
		}
		for rows.Next() {
			cells := make([]*string, len(table.Columns))
			for i, raw := range rows.RawValues() {
				if raw != nil {
					text := string(raw)
					cells[i] = &text
				}
			}
			table.Rows = append(table.Rows, cells)
		}
		return rows.Err()
	})
	if err != nil {
		return Table{}, fmt.Errorf("report %s: %w", r.Name, classify(err))
	}
	return table, nil
}

func isNumber(oid uint32) bool {
	switch oid {
	case pgtype.NumericOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID:
		return true
	}
	return false
}
