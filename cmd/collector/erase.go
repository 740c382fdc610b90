package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/persist"
	"partnercost/internal/sheet"
)

// eraseFlags are the flags of erase.
type eraseFlags struct {
	customer, partner   string
	companyName, dryRun bool
	format              *enumFlag
}

func (p *program) eraseCommand() *cobra.Command {
	var f eraseFlags
	cmd := &cobra.Command{
		Use:   "erase --customer GUID",
		Short: "Remove one customer's personal data and keep the costs",
		Long: `Remove the personal data of one customer under every partner that has the customer: from
the billing profile, its history, the archive of raw answers and the messages of
failures, which may quote the service. The company name, the country and all costs stay.
The command does not ask for confirmation. It records the erasure in finance.erasures.
From then on a run, an import or a replay stores only the company name and the country
of the customer's profile.

--company-name removes the company name too, for a customer that trades under a personal
name. It also removes the raw answers with line items, because they repeat the name.

--dry-run writes nothing. It prints, for each partner, what would be removed.

If one of the partners is being collected, nothing is erased and the exit code is 4.
Erasing a customer again is harmless. Backups still hold the erased data.`,
		Example: `  collector erase --customer 65726577-c208-40fd-9735-8c85ac9cac68 --dry-run
  collector erase --customer 65726577-c208-40fd-9735-8c85ac9cac68
  collector erase --customer 65726577-c208-40fd-9735-8c85ac9cac68 --partner contoso --company-name`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.erase(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.customer, "customer", "", "the customer's `GUID`")
	flags.StringVar(&f.partner, "partner", "", "only the data of this partner, by `name`")
	flags.BoolVar(&f.companyName, "company-name", false, "erase the company name too")
	flags.BoolVar(&f.dryRun, "dry-run", false, "write nothing; print what would be removed")
	_ = cmd.MarkFlagRequired("customer") // fails for unknown flags only
	f.format = formatFlag(cmd, "table", "json")
	return cmd
}

func (p *program) erase(ctx context.Context, f eraseFlags) error {
	id, err := billing.ParseCustomerID(f.customer)
	if err != nil {
		return usageError("--customer %w", err)
	}
	return p.withStore(ctx, func(c *config.Config, store *persist.Store) error {
		jobs := p.jobs(c, store)
		erased, err := jobs.Erase(ctx, collector.EraseRequest{Customer: id, Partner: f.partner, CompanyName: f.companyName, DryRun: f.dryRun})
		if err != nil {
			return err
		}
		return p.printErased(erased, f.format.value)
	})
}

func (p *program) printErased(lines []collector.ErasedCustomer, format string) error {
	if format == "json" {
		return writeJSON(p.stdout, lines)
	}
	table := sheet.Table{
		Header: []string{"PARTNER", "CUSTOMER", "RESULT", "PROFILES", "EARLIER PROFILES", "BODIES", "MESSAGES"},
		Right:  []bool{false, false, false, true, true, true, true},
	}
	for _, l := range lines {
		table.Rows = append(table.Rows, []string{
			l.Partner, string(l.CustomerID), strings.ReplaceAll(l.Result, "_", " "),
			strconv.FormatInt(l.Profiles, 10), strconv.FormatInt(l.EarlierProfiles, 10), strconv.FormatInt(l.Bodies, 10), strconv.FormatInt(l.Messages, 10),
		})
	}
	return writeTable(p.stdout, table)
}
