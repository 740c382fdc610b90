package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/persist"
)

func (p *program) reportCommand() *cobra.Command {
	var period, customer string
	cmd := &cobra.Command{
		Use:   "report [NAME]",
		Short: "Run one of the reports for finance, or list them",
		Long: `Run one of the queries of sql/queries/finance and print its result; without a
name, list them. The queries run unchanged in psql too.

In csv (RFC 4180) and table a missing value is empty. In json, an array of objects,
it is null and numbers are exact.`,
		Example: `  collector report
  collector report monthly-totals
  collector report costs-by-customer --period 2026-10 --format csv > costs.csv
  collector report line-items --customer 65726577-c208-40fd-9735-8c85ac9cac68`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			reports, _ := persist.Reports() // without them there is nothing to complete
			return reportNames(reports), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVar(&period, "period", "", "only the periods that end in this month, `YYYY-MM`")
	cmd.Flags().StringVar(&customer, "customer", "", "only this customer, a `GUID`")
	format := formatFlag(cmd, "table", "csv", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		reports, err := persist.Reports()
		if err != nil {
			return err
		}
		if len(args) == 0 {
			if period != "" || customer != "" {
				return usageError("--period and --customer need the name of a report")
			}
			return writeTable(p.stdout, reportList(reports), format.value)
		}
		i := slices.IndexFunc(reports, func(r persist.Report) bool { return r.Name == args[0] })
		if i < 0 {
			return usageError("there is no report %q; there are %s", args[0], strings.Join(reportNames(reports), ", "))
		}
		if _, err := time.Parse("2006-01", period); period != "" && err != nil {
			return usageError("--period %q is not a month of the form YYYY-MM", period)
		}
		var id billing.CustomerID
		if customer != "" {
			if id, err = billing.ParseCustomerID(customer); err != nil {
				return usageError("--customer %w", err)
			}
		}
		return p.withStore(cmd.Context(), func(_ *config.Config, store *persist.Store) error {
			return p.report(cmd.Context(), store, reports[i], period, id, format.value)
		})
	}
	return cmd
}

func (p *program) report(ctx context.Context, store *persist.Store, r persist.Report, period string, customer billing.CustomerID, format string) error {
	table, err := store.RunReport(ctx, r, period, customer)
	if err != nil {
		return err
	}
	return writeTable(p.stdout, table, format)
}

func reportNames(reports []persist.Report) []string {
	names := make([]string, len(reports))
	for i, r := range reports {
		names[i] = r.Name
	}
	return names
}

// reportList is the list of the reports as a table itself.
func reportList(reports []persist.Report) persist.Table {
	list := persist.Table{Columns: []string{"report", "shows"}, Numeric: []bool{false, false}}
	for _, r := range reports {
		list.Rows = append(list.Rows, []*string{&r.Name, &r.Summary})
	}
	return list
}

func writeTable(w io.Writer, t persist.Table, format string) error {
	switch format {
	case "csv":
		return writeCSV(w, t)
	case "json":
		return writeObjects(w, t)
	}
	text := textTable{header: t.Columns, right: t.Numeric}
	for _, row := range t.Rows {
		text.rows = append(text.rows, plain(row))
	}
	return text.write(w)
}

// plain makes NULL the empty text.
func plain(row []*string) []string {
	cells := make([]string, len(row))
	for i, cell := range row {
		if cell != nil {
			cells[i] = *cell
		}
	}
	return cells
}

// writeCSV writes RFC 4180: a header, and lines ended by CR LF.
func writeCSV(w io.Writer, t persist.Table) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write(t.Columns) // Flush keeps the error
	for _, row := range t.Rows {
		_ = out.Write(plain(row))
	}
	out.Flush()
	return out.Error()
}

// writeObjects writes an array with one object per row, its members in the order of
// the columns. A number is copied as PostgreSQL wrote it, so it stays exact.
func writeObjects(w io.Writer, t persist.Table) error {
	var b bytes.Buffer
	b.WriteString("[")
	for r, row := range t.Rows {
		if r > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n  {")
		for c, cell := range row {
			if c > 0 {
				b.WriteString(", ")
			}
			value, err := jsonValue(cell, t.Numeric[c])
			if err != nil {
				return err
			}
			name, err := json.Marshal(t.Columns[c])
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s: %s", name, value)
		}
		b.WriteString("}")
	}
	b.WriteString("\n]\n")
	_, err := w.Write(b.Bytes())
	return err
}

func jsonValue(cell *string, numeric bool) ([]byte, error) {
	if cell == nil {
		return []byte("null"), nil
	}
	// NaN and Infinity are numbers to PostgreSQL, but not to JSON: they stay text.
	if numeric && json.Valid([]byte(*cell)) {
		return []byte(*cell), nil
	}
	return json.Marshal(*cell)
}
