package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/atomicfile"
	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/sheet"
)

// exportFlags are the flags of export.
type exportFlags struct {
	format, focusVersion, dataset  *enumFlag
	period, partner, out, metadata string
	columns                        []string
	excel, focusVersionChanged     bool
}

func (p *program) exportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Export a month's costs as FOCUS, CSV, JSON or Parquet",
		Long: `Export the costs of the billing periods that end in a month. The role finance_reader is
sufficient. COLLECTOR_DATABASE_URL can replace the configuration file.

  focus-csv  finance.focus_1_2 (or finance.focus_1_4): RFC 4180, times in UTC
  parquet    the same rows: money as DECIMAL(38,22), times as UTC timestamps
  csv        finance.costs: RFC 4180
  json       finance.costs: one object per line, exact numbers
  xlsx       finance.costs: an Excel workbook with a sheet of notes; numbers of more
             than fifteen digits are text

--dataset billing-period exports the billing periods instead, and invoice-detail the
lines of the month's invoices: datasets of FOCUS 1.4.
--columns exports only these columns, in this order.

FOCUS requires metadata: the generator, the columns and, since version 1.4, the billing
periods and whether they are closed. --out FILE writes the metadata to
FILE.metadata.json. --metadata names another file; it is needed if the data go to
standard output, a device or a named pipe. A Parquet file also holds the id of its
schema.

The order of rows and columns never changes. Rows are written as they arrive, so memory
does not grow with their number. --out replaces a file only when the new one is
complete. Only its owner can read a new file. A file that is replaced keeps its owner
and mode, and a link to it stays a link. A device or a named pipe is written to
directly. A month without costs gives a header only, and a note.

CSV holds text exactly as stored. Excel reads text that begins with = + - or @ as a
formula, and a customer's name may begin so. --excel writes an apostrophe before such
text, and a byte order mark at the start of the file.`,
		Example: `  collector export --format focus-csv --period 2026-10 --out focus-2026-10.csv
  collector export --format csv --excel --period 2026-10 --partner contoso > costs.csv
  collector export --format json --period 2026-10 | jq .after_tax_total
  collector export --format parquet --focus-version 1.4 --period 2026-10 --out focus.parquet
  collector export --dataset billing-period --period 2026-10 --out periods.csv
  collector export --format xlsx --period 2026-10 --out costs-2026-10.xlsx
  collector export --period 2026-10 --columns SubAccountName,BilledCost,BillingCurrency`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	f.format = formatFlag(cmd, "focus-csv", "csv", "json", "parquet", "xlsx")
	f.focusVersion = newEnumFlag("1.2", "1.4")
	flags.Var(f.focusVersion, "focus-version", "FOCUS version of focus-csv and parquet")
	_ = cmd.RegisterFlagCompletionFunc("focus-version", f.focusVersion.complete) // fails for unknown flags only
	f.dataset = newEnumFlag("cost-and-usage", "billing-period", "invoice-detail")
	flags.Var(f.dataset, "dataset", "FOCUS dataset of focus-csv and parquet")
	_ = cmd.RegisterFlagCompletionFunc("dataset", f.dataset.complete) // fails for unknown flags only
	flags.StringSliceVar(&f.columns, "columns", nil, "only these columns, by `name`, in this order")
	flags.StringVar(&f.metadata, "metadata", "", "write the FOCUS metadata to this `file` (default FILE.metadata.json beside --out FILE)")
	flags.StringVar(&f.period, "period", "", "only the periods that end in this month, `YYYY-MM`")
	flags.StringVar(&f.out, "out", "", "write to this `file` instead of standard output")
	flags.StringVar(&f.partner, "partner", "", "only this partner, by `name`")
	flags.BoolVar(&f.excel, "excel", false, "make CSV safe to open in Excel")
	_ = cmd.MarkFlagRequired("period") // fails for unknown flags only
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f.focusVersionChanged = flags.Changed("focus-version")
		return p.export(cmd.Context(), f)
	}
	return cmd
}

func (p *program) export(ctx context.Context, f exportFlags) error {
	month, err := time.Parse("2006-01", f.period)
	if err != nil {
		return usageError("--period %q is not a month of the form YYYY-MM", f.period)
	}
	if err := f.contradiction(); err != nil {
		return err
	}
	if f.out == "" {
		if err := p.notForTerminal(f.format.value, "name a file with --out, or redirect the output"); err != nil {
			return err
		}
	}
	what := finance.Export{Dataset: f.view(), Month: month, Partner: f.partner, Columns: f.columns}
	return p.withReader(func(r *finance.Reader, c *config.Config) error {
		if f.partner != "" && len(c.Partners) > 0 {
			if _, err := collector.ChoosePartners(c.Partners, []string{f.partner}); err != nil {
				return err
			}
		}
		var done finance.Exported
		write := func(w io.Writer) error {
			out, err := f.writer(w, what), error(nil)
			if f.format.value == "xlsx" {
				out, err = p.exportWorkbook(ctx, w, r, f)
			}
			if err == nil {
				done, err = r.Export(ctx, what, out)
			}
			return err
		}
		metadata := f.metadataFile() // before writing creates the file of --out
		if f.out == "" {
			err = write(p.stdout)
		} else {
			err = atomicfile.Replace(f.out, write)
		}
		if unknown, is := errors.AsType[*finance.UnknownColumnError](err); is {
			return usageError("--columns: %w", unknown)
		}
		if err == nil && metadata != "" {
			err = atomicfile.Replace(metadata, func(w io.Writer) error {
				return writeJSON(w, what.FOCUSMetadata(done, thisBuild().Version, p.now()))
			})
		}
		if err != nil {
			return err
		}
		switch invoices := what.Dataset == finance.InvoiceDetailDataset; {
		case done.Rows == 0 && invoices:
			fmt.Fprintf(p.stderr, "No invoice of %s has lines.\n", f.period)
		case done.Rows == 0:
			fmt.Fprintf(p.stderr, "No billing period that ends in %s has costs.\n", f.period)
		}
		switch {
		case done.LeftOut > 0 && what.Dataset == finance.InvoiceDetailDataset:
			fmt.Fprintf(p.stderr, "Invoices left out because their lines are not complete: %d. finance.invoices has their states.\n", done.LeftOut)
		case done.LeftOut > 0:
			fmt.Fprintf(p.stderr, "Costs left out because they lack what FOCUS requires: %d. finance.focus_left_out lists them.\n", done.LeftOut)
		}
		return nil
	})
}

// exportWorkbook returns a workbook with notes on the export.
func (p *program) exportWorkbook(ctx context.Context, w io.Writer, r *finance.Reader, f exportFlags) (sheet.Writer, error) {
	notes := []sheet.Note{{About: "export", Says: "finance.costs"}, {About: "period", Says: f.period}}
	if f.partner != "" {
		notes = append(notes, sheet.Note{About: "partner", Says: f.partner})
	}
	return p.workbook(ctx, w, r, "costs "+f.period, notes, finance.Parameters{Period: f.period})
}

// contradiction returns the error of the first flags that exclude each other.
func (f exportFlags) contradiction() error {
	periods, other := f.dataset.value == "billing-period", f.dataset.value != "cost-and-usage"
	switch {
	case f.excel && f.format.value != "focus-csv" && f.format.value != "csv":
		return usageError("--excel needs --format focus-csv or csv")
	case f.focusVersionChanged && !f.focus():
		return usageError("--focus-version needs --format focus-csv or parquet")
	case f.metadata != "" && !f.focus():
		return usageError("--metadata needs --format focus-csv or parquet")
	case isFolder(f.out):
		return usageError("--out %s is a directory; name a file in it", f.out)
	case isFolder(f.metadata):
		return usageError("--metadata %s is a directory; name a file in it", f.metadata)
	case f.metadata != "" && f.metadata == f.out:
		return usageError("--metadata and --out name the same file")
	case other && !f.focus():
		return usageError("--dataset needs --format focus-csv or parquet")
	case other && f.focusVersionChanged && f.focusVersion.value != "1.4":
		return usageError("--dataset %s needs --focus-version 1.4", f.dataset.value)
	case periods && f.partner != "":
		return usageError("--dataset billing-period covers all partners; leave out --partner")
	}
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// focus reports whether the format is one of FOCUS.
func (f exportFlags) focus() bool {
	return f.format.value == "focus-csv" || f.format.value == "parquet"
}

// view returns the dataset that the flags choose.
func (f exportFlags) view() finance.Dataset {
	switch {
	case !f.focus():
		return finance.CostsDataset
	case f.dataset.value == "billing-period":
		return finance.BillingPeriodDataset
	case f.dataset.value == "invoice-detail":
		return finance.InvoiceDetailDataset
	case f.focusVersion.value == "1.4":
		return finance.FOCUS14Dataset
	}
	return finance.FOCUS12Dataset
}

const metadataSuffix = ".metadata.json"

// metadataFile returns the file for the FOCUS metadata; "" for none. By default it is
// beside the file of --out, unless that is a device or a pipe.
func (f exportFlags) metadataFile() string {
	if f.metadata != "" || f.out == "" || !f.focus() {
		return f.metadata
	}
	file, err := filepath.EvalSymlinks(f.out)
	if err != nil { // the file is new
		return f.out + metadataSuffix
	}
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return ""
	}
	return file + metadataSuffix
}

// writer returns a writer of the chosen format.
func (f exportFlags) writer(w io.Writer, what finance.Export) sheet.Writer {
	switch f.format.value {
	case "json":
		return sheet.NewJSONLines(w)
	case "parquet":
		return sheet.NewParquet(w, thisBuild().Version, func(columns []sheet.Column) [][2]string {
			return [][2]string{{"FocusVersion", what.FOCUSVersion()}, {"SchemaId", what.FOCUSSchemaID(columns, thisBuild().Version)}}
		})
	}
	return sheet.NewCSV(w, f.excel)
}
