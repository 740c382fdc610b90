package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/config"
	"partnercost/internal/finance"
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
			err = s.WriteText(p.stdout)
		}
		if len(s.Open) > 0 {
			open := fmt.Errorf("%d items of %s are open", len(s.Open), s.Period)
			return errors.Join(err, &codeError{code: exitPartial, err: open})
		}
		return err
	})
}
