package main

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/sheet"
)

func (p *program) reportCommand() *cobra.Command {
	var period, customer string
	var excel bool
	cmd := &cobra.Command{
		Use:   "report [NAME]",
		Short: "Run a report for finance, or list the reports",
		Long: `Run one of the queries in sql/queries/finance and print its result. Without a name, list
the reports. The same queries run in psql. The role finance_reader is sufficient.
COLLECTOR_DATABASE_URL can replace the configuration file.

A missing value is empty in csv (RFC 4180) and table, and null in json. json is an array
of objects with exact numbers.

csv and json hold text exactly as stored. Excel reads text that begins with = + - or @
as a formula, and a customer's name may begin so. --excel writes an apostrophe before
such text, and a byte order mark at the start of the file.`,
		Example: `  collector report
  collector report monthly-totals
  collector report costs-by-customer --period 2026-10 --format csv > costs.csv
  collector report line-items --customer 65726577-c208-40fd-9735-8c85ac9cac68`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			reports, _ := finance.Reports() // without them there is nothing to complete
			return reportNames(reports), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVar(&period, "period", "", "only the periods that end in this month, `YYYY-MM`")
	cmd.Flags().StringVar(&customer, "customer", "", "only the customer with this `GUID`")
	cmd.Flags().BoolVar(&excel, "excel", false, "make CSV safe to open in Excel")
	format := formatFlag(cmd, "table", "csv", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		reports, err := finance.Reports()
		if err != nil {
			return err
		}
		if excel && format.value != "csv" {
			return usageError("--excel needs --format csv")
		}
		out := newReportWriter(p.stdout, format.value, excel)
		if len(args) == 0 {
			if period != "" || customer != "" {
				return usageError("--period and --customer need the name of a report")
			}
			return reportList(reports).Write(out)
		}
		i := slices.IndexFunc(reports, func(r finance.Report) bool { return r.Name == args[0] })
		if i < 0 {
			return usageError("there is no report %q; the reports are %s", args[0], strings.Join(reportNames(reports), ", "))
		}
		if _, err := time.Parse("2006-01", period); period != "" && err != nil {
			return usageError("--period %q is not a month of the form YYYY-MM", period)
		}
		with := finance.Parameters{Period: period}
		if customer != "" {
			if with.Customer, err = billing.ParseCustomerID(customer); err != nil {
				return usageError("--customer %w", err)
			}
		}
		return p.withReader(func(r *finance.Reader, _ *config.Config) error {
			return r.Report(cmd.Context(), reports[i], with, out)
		})
	}
	return cmd
}

func reportNames(reports []finance.Report) []string {
	names := make([]string, len(reports))
	for i, r := range reports {
		names[i] = r.Name
	}
	return names
}

// reportList is the list of the reports as a table itself.
func reportList(reports []finance.Report) sheet.Table {
	list := sheet.Table{Header: []string{"report", "shows"}}
	for _, r := range reports {
		list.Rows = append(list.Rows, []string{r.Name, r.Summary})
	}
	return list
}

// newReportWriter writes a report in a format of the command.
func newReportWriter(w io.Writer, format string, excel bool) sheet.Writer {
	switch format {
	case "csv":
		return sheet.NewCSV(w, excel)
	case "json":
		return sheet.NewJSON(w)
	}
	return sheet.NewText(w)
}
