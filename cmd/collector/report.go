package main

import (
	"context"
	"errors"
	"fmt"
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
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report [NAME]",
		Short: "Run a report for finance, or list the reports",
		Long: `Run one of the queries in sql/queries/finance and print its result. Without a name, list
the reports, or with --since run the report changes. The same queries run in psql. The
role finance_reader is sufficient. COLLECTOR_DATABASE_URL can replace the configuration
file.

Without --period, a report about one month shows the newest closed month. An open month
looks like a collapse, because most of its periods have not ended yet. A line on
standard error names the month. finance.month_states tells which months are closed.

--customer takes a GUID, a name, or a part of a name that no other customer has. Case
and accents do not matter.

--as-of reads the costs as they were at a time, so last month's report can be made
again. A day stands for its end in UTC. --since selects what changed since a time; a
day stands for its beginning.

A missing value is empty in csv (RFC 4180) and table, and null in json. table writes
amounts with the decimals of their currency, and all they have beyond. json is an array
of objects with exact numbers. xlsx is an Excel workbook: dates are dates, amounts are
numbers with the decimals of their currency, numbers of more than fifteen digits are
text, and a sheet of notes tells the period, the coverage and what is missing.

csv and json hold text exactly as stored. Excel reads text that begins with = + - or @
as a formula, and a customer's name may begin so. --excel writes an apostrophe before
such text, and a byte order mark at the start of the file.`,
		Example: `  collector report
  collector report monthly-totals
  collector report costs-by-customer --period 2026-10 --format csv > costs.csv
  collector report line-items --customer "fourth coffee"
  collector report missing-costs --period 2026-10
  collector report restatements --lines --since 2026-11-01
  collector report monthly-totals --as-of 2026-10-31
  collector report --since 2026-11-01
  collector report costs-by-customer --format xlsx > costs.xlsx`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			reports, _ := finance.Reports() // after an error there is nothing to complete
			return reportNames(reports), cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.period, "period", "", "only the periods that end in this month, `YYYY-MM`")
	flags.StringVar(&f.customer, "customer", "", "only this customer, by `GUID or name`")
	flags.StringVar(&f.asOf, "as-of", "", "the costs as they stood at this `time`, YYYY-MM-DD or RFC 3339")
	flags.StringVar(&f.since, "since", "", "what changed since this `date`, YYYY-MM-DD or RFC 3339")
	flags.BoolVar(&f.lines, "lines", false, "for restatements: the lines behind each, as the report restatement-lines")
	flags.BoolVar(&f.excel, "excel", false, "make CSV safe to open in Excel")
	f.format = formatFlag(cmd, "table", "csv", "json", "xlsx")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		reports, err := finance.Reports()
		if err != nil {
			return err
		}
		if f.excel && f.format.value != "csv" {
			return usageError("--excel needs --format csv")
		}
		if err := p.notForTerminal(f.format.value, "redirect the output"); err != nil {
			return err
		}
		if len(args) == 0 && f.since == "" {
			if f.period != "" || f.customer != "" || f.asOf != "" || f.lines {
				return usageError("--period, --customer, --as-of and --lines need the name of a report")
			}
			return reportList(reports).Write(newReportWriter(p.stdout, f.format.value, f.excel))
		}
		return p.chosenReport(cmd.Context(), reports, args, f)
	}
	return cmd
}

// chosenReport prints the report that the arguments and flags choose.
func (p *program) chosenReport(ctx context.Context, reports []finance.Report, args []string, f reportFlags) error {
	report, err := f.choose(reports, args)
	if err != nil {
		return err
	}
	with, err := report.Parameters(f.period, f.asOf, f.since)
	if err != nil {
		return usageError("%w", err)
	}
	return p.report(ctx, report, with, f)
}

// reportFlags are the flags of report.
type reportFlags struct {
	period, customer, asOf, since string
	lines, excel                  bool
	format                        *enumFlag
}

// choose returns the report that the arguments and flags name.
func (f reportFlags) choose(reports []finance.Report, args []string) (finance.Report, error) {
	name := "changes"
	if len(args) > 0 {
		name = args[0]
	}
	if f.lines {
		if name != "restatements" && name != "restatement-lines" {
			return finance.Report{}, usageError("--lines is for the report restatements")
		}
		name = "restatement-lines"
	}
	i := slices.IndexFunc(reports, func(r finance.Report) bool { return r.Name == name })
	if i < 0 {
		names := reportNames(reports)
		return finance.Report{}, usageError("there is no report %q%s; the reports are %s", name, didYouMean(name, names), strings.Join(names, ", "))
	}
	return reports[i], nil
}

func (p *program) report(ctx context.Context, report finance.Report, with finance.Parameters, f reportFlags) error {
	return p.withReader(func(r *finance.Reader, _ *config.Config) (err error) {
		if with.Customer, err = findCustomer(ctx, r, f.customer); err != nil {
			return err
		}
		out := newReportWriter(p.stdout, f.format.value, f.excel)
		with.Typed = f.format.value == "table" || f.format.value == "xlsx"
		if f.format.value == "xlsx" {
			if out, err = p.reportWorkbook(ctx, r, report, with); err != nil {
				return err
			}
		}
		done, err := r.Report(ctx, report, with, out)
		if err != nil {
			return err
		}
		if !done.Month.IsZero() {
			fmt.Fprintf(p.stderr, "The month is %s, the newest that is closed; --period chooses another.\n", done.Month.Format("2006-01"))
		}
		return nil
	})
}

// reportWorkbook returns a workbook with notes on the report.
func (p *program) reportWorkbook(ctx context.Context, r *finance.Reader, report finance.Report, with finance.Parameters) (sheet.Writer, error) {
	notes, with, err := r.ReportNotes(ctx, report, with)
	if err != nil {
		return nil, err
	}
	return p.workbook(ctx, p.stdout, r, report.Name, notes, with)
}

// workbook returns a workbook. Its notes end with how complete the costs are.
func (p *program) workbook(ctx context.Context, w io.Writer, r *finance.Reader, name string, notes []sheet.Note, with finance.Parameters) (sheet.Writer, error) {
	asOf := with.AsOf
	if asOf.IsZero() {
		asOf = p.now()
	}
	notes = append(notes, sheet.Note{About: "as of", Says: asOf.UTC().Format(time.RFC3339)},
		sheet.Note{About: "written", Says: p.now().UTC().Format(time.RFC3339) + " by collector " + thisBuild().Version})
	complete, err := r.Notes(ctx, with, p.now())
	if err != nil {
		return nil, err
	}
	return sheet.NewXLSX(w, name, append(notes, complete...)), nil
}

// notForTerminal refuses to write a binary format to a terminal.
func (p *program) notForTerminal(format, instead string) error {
	if (format == "parquet" || format == "xlsx") && p.stdout.isTerminal() {
		return usageError("%s is not for a terminal; %s", format, instead)
	}
	return nil
}

// findCustomer returns the customer that --customer names; "" if the flag is not given.
func findCustomer(ctx context.Context, r *finance.Reader, text string) (billing.CustomerID, error) {
	if text == "" {
		return "", nil
	}
	id, err := r.FindByName(ctx, text)
	if none, is := errors.AsType[*finance.NoSingleCustomerError](err); is {
		return "", usageError("--customer: %w", none)
	}
	return id, err
}

func reportNames(reports []finance.Report) []string {
	names := make([]string, len(reports))
	for i, r := range reports {
		names[i] = r.Name
	}
	return names
}

// reportList returns the list of the reports as a table.
func reportList(reports []finance.Report) sheet.Table {
	list := sheet.Table{Header: []string{"report", "narrowed down by", "shows"}}
	for _, r := range reports {
		list.Rows = append(list.Rows, []string{r.Name, strings.Join(r.Flags(), " "), r.Shows()})
	}
	return list
}

// newReportWriter returns a writer of the chosen format.
func newReportWriter(w io.Writer, format string, excel bool) sheet.Writer {
	switch format {
	case "csv":
		return sheet.NewCSV(w, excel)
	case "json":
		return sheet.NewJSON(w)
	case "xlsx":
		return sheet.NewXLSX(w, "reports", nil)
	}
	return sheet.NewReport(w)
}
