package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/persist"
)

// backfillFlags are the flags of backfill.
type backfillFlags struct {
	partners        []string
	missing, replay bool
	from            string
	invoices        bool
	since           string
	format          *enumFlag
}

func (p *program) backfillCommand() *cobra.Command {
	var f backfillFlags
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Fill gaps: collect missing customers, replay the archive, import saved answers",
		Long: `Without a flag, or with --missing, backfill collects only the customers that have no
good result since the last collection began: those that failed, and those that are new.

--replay derives every row again from the archived answers, without the network. Use it
after an upgrade that fixes how answers are read. It prints a line for each customer
and each invoice that changes. A value that changes keeps its history. A detail that is
no longer derived moves to collector.withdrawn_rows.

--from imports saved answers, DIR/<customer-guid>/{profile,summary,lineitems}.json, and
prints a line for each file. The date of a saved answer is unknown, so an import fills
gaps and replaces earlier imports, but never replaces a collected value. If a file
cannot be read, its customer is left out, the others are imported, and the exit code
is 3.

--invoices reads the invoices of earlier months, back to --since or invoices.since, and
prints a line for each part of an invoice that cannot be read, with the reason. Partner
Center has no service costs of earlier months: the view finance.history shows the
invoices where there are no costs.`,
		Example: `  collector backfill
  collector backfill --invoices --since 2023-01
  collector backfill --replay --partner contoso
  collector backfill --from saved/ --partner contoso`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.backfill(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.partners, "partner", nil, "only this partner, by `name`; repeatable")
	flags.BoolVar(&f.missing, "missing", false, "collect the customers without a good result since the last collection began (the default)")
	flags.BoolVar(&f.replay, "replay", false, "derive every row again from the archive")
	flags.StringVar(&f.from, "from", "", "import the saved answers in this `directory`")
	flags.BoolVar(&f.invoices, "invoices", false, "read the invoices of earlier months")
	flags.StringVar(&f.since, "since", "", "with --invoices: the first month to read, `YYYY-MM`")
	cmd.MarkFlagsMutuallyExclusive("missing", "replay", "from", "invoices")
	f.format = formatFlag(cmd, "table", "json")
	return cmd
}

func (p *program) backfill(ctx context.Context, f backfillFlags) error {
	since, err := time.Parse("2006-01", f.since)
	switch {
	case f.since != "" && !f.invoices:
		return usageError("--since needs --invoices")
	case f.since != "" && err != nil:
		return usageError("--since %q is not a month of the form YYYY-MM", f.since)
	}
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	partners, err := collector.ChoosePartners(c.Partners, f.partners)
	if err != nil {
		return err
	}
	if f.invoices {
		if partners, err = collector.WithInvoices(partners); err != nil {
			return err
		}
	}
	if f.from != "" && len(partners) != 1 {
		return usageError("use --partner to name the partner of the answers in %s", f.from)
	}
	var saved []collector.SavedCustomer
	if f.from != "" {
		if saved, err = collector.FindSaved(f.from); err != nil {
			return err
		}
	}
	store, err := p.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer store.Close()

	shown := p.newProgress()
	jobs := p.newCollector(c, store, shown)
	out := &lines{w: p.stdout, asJSON: f.format.value == "json"}
	var results []collector.Result
	switch {
	case f.replay:
		for _, partner := range partners {
			results = append(results, jobs.Replay(ctx, partner.Name, func(r persist.ReplayResult) {
				line := collector.NewPreviewLine(partner.Name, r.CustomerResult, nil)
				line.Withdrawn = r.Withdrawn
				out.line(line, line.String())
			}, func(line collector.InvoiceLine) { out.line(line, line.String()) }))
		}
	case f.from != "":
		results = append(results, jobs.Import(ctx, partners[0].Name, saved, func(file collector.SavedFile) {
			line := file.Line()
			out.line(line, line.String())
		}))
	case f.invoices:
		request := collector.Request{Kind: billing.KindOnce, Only: collector.OnlyInvoices, InvoicesSince: since, AllInvoices: true}
		results = jobs.Collect(ctx, request, collector.Everybody(partners))
		for _, r := range results {
			if r.Invoices == nil {
				continue
			}
			for _, u := range r.Invoices.Unread {
				out.line(u, fmt.Sprintf("%s %s %s: %s: %s", r.Partner, u.Month, u.InvoiceID, strings.ReplaceAll(u.State, "_", " "), u.Why))
			}
		}
	default:
		request := collector.Request{Kind: billing.KindMissing, LeaveOut: collector.DoneSinceLastCollection}
		results = jobs.Collect(ctx, request, collector.Everybody(partners))
	}
	shown.Close()
	return errors.Join(worst(ctx, results), p.printResults(results, f.format.value))
}
