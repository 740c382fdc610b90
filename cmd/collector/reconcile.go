package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/sheet"
)

// reconcileFlags are the flags of reconcile.
type reconcileFlags struct {
	period, partner string
	format          *enumFlag
}

func (p *program) reconcileCommand() *cobra.Command {
	var f reconcileFlags
	cmd := &cobra.Command{
		Use:   "reconcile --period YYYY-MM",
		Short: "Compare the invoices of a month with their lines and the service costs",
		Long: `Print the statement of a month: the invoices with their states and the sums of their
lines, the totals by type and currency, each customer whose invoiced sum differs from
the service costs, with the reason where it is known, and what is open.

Open are an invoice that is missing or not complete, an invoice whose total differs from
the sum of its lines, service costs without an invoice, and each difference that has no
known reason or waits for late data. Amounts are compared to the last digit.

The exit code is 0 when nothing is open, and 3 otherwise. The role finance_reader is
sufficient.`,
		Example: `  collector reconcile --period 2026-10
  collector reconcile --period 2026-10 --partner contoso --format json | jq '.open[]'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.reconcile(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.period, "period", "", "the month in which the billing periods end, `YYYY-MM`")
	flags.StringVar(&f.partner, "partner", "", "only this partner, by `name`")
	_ = cmd.MarkFlagRequired("period") // fails for unknown flags only
	f.format = formatFlag(cmd, "table", "json")
	return cmd
}

func (p *program) reconcile(ctx context.Context, f reconcileFlags) error {
	month, err := time.Parse("2006-01", f.period)
	if err != nil {
		return usageError("--period %q is not a month of the form YYYY-MM", f.period)
	}
	return p.withReader(func(r *finance.Reader, _ *config.Config) error {
		s, err := r.InvoiceStatement(ctx, month, f.partner)
		if err != nil {
			return err
		}
		if f.format.value == "json" {
			err = writeJSON(p.stdout, s)
		} else {
			err = p.printInvoiceStatement(s)
		}
		if len(s.Open) > 0 {
			open := fmt.Errorf("%d items of %s are open", len(s.Open), s.Period)
			return errors.Join(err, &codeError{code: exitPartial, err: open})
		}
		return err
	})
}

// printInvoiceStatement prints what a person signs.
func (p *program) printInvoiceStatement(s finance.InvoiceStatement) error {
	invoices := sheet.Table{
		Header: []string{"PARTNER", "INVOICE", "TYPE", "DOCUMENT", "AMENDS", "CURRENCY", "TOTAL", "LINES", "DIFFERENCE", "STATE"},
		Right:  []bool{false, false, false, false, false, false, true, true, true},
	}
	for _, i := range s.Invoices {
		invoices.Rows = append(invoices.Rows, []string{
			i.Partner, i.InvoiceID, i.InvoiceType, i.DocumentType, cmp.Or(i.Amends, "-"), i.CurrencyCode, dash(i.Total), dash(i.LinesTotal), dash(i.Difference), i.State,
		})
	}
	totals := sheet.Table{
		Header: []string{"PARTNER", "TYPE", "CURRENCY", "CUSTOMERS", "MATCHED", "INVOICED", "SERVICE COSTS", "DIFFERENCE"},
		Right:  []bool{false, false, false, true, true, true, true, true},
	}
	for _, t := range s.Totals {
		totals.Rows = append(totals.Rows, []string{
			t.Partner, t.InvoiceType, t.CurrencyCode, strconv.FormatInt(t.Customers, 10), strconv.FormatInt(t.Matched, 10), dash(t.Invoiced), dash(t.ServiceCosts), dash(t.Difference),
		})
	}
	differences := sheet.Table{
		Header: []string{"PARTNER", "CUSTOMER", "COMPANY", "TYPE", "CURRENCY", "INVOICED", "SERVICE COSTS", "DIFFERENCE", "VERDICT", "REASON"},
		Right:  []bool{false, false, false, false, false, true, true, true},
	}
	for _, d := range s.Differences {
		differences.Rows = append(differences.Rows, []string{
			d.Partner, d.CustomerID, cmp.Or(d.CompanyName, "-"), d.InvoiceType, d.CurrencyCode, dash(d.Invoiced), dash(d.ServiceCosts), dash(d.Difference),
			strings.ReplaceAll(d.Verdict, "_", " "), cmp.Or(d.Reason, "-"),
		})
	}
	for _, part := range []struct {
		title string
		table sheet.Table
	}{{"Invoices of " + s.Period, invoices}, {"Customers by type and currency", totals}, {"Differences", differences}} {
		if len(part.table.Rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(p.stdout, part.title); err != nil {
			return err
		}
		if err := writeTable(p.stdout, part.table); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(p.stdout); err != nil {
			return err
		}
	}
	if len(s.Open) == 0 {
		_, err := fmt.Fprintln(p.stdout, "Nothing is open.")
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "Open:\n  %s\n", strings.Join(s.Open, "\n  "))
	return err
}

// dash is an amount with all its digits, or a dash for none.
func dash(a finance.ExactAmount) string {
	if !a.Valid {
		return "-"
	}
	return a.String()
}
