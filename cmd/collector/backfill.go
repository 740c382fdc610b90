package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
)

// backfillFlags are the flags of backfill.
type backfillFlags struct {
	partners        []string
	missing, replay bool
	from            string
	format          *choice
}

func (p *program) backfillCommand() *cobra.Command {
	var f backfillFlags
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Fill gaps: collect who is missing, replay the archive, import saved answers",
		Long: `Without a flag, or with --missing, collect only the customers that have no good result
since the last collection began: those that failed, and those that are new.

With --replay derive every row anew from the archived answers, without the network. It
is for after an upgrade that mends how answers are read; a line per changed customer
says what changes. Values that change keep their history, and details that are not
derived any more are set aside in collector.withdrawn_rows.

With --from import saved answers, DIR/<customer-guid>/{profile,summary,lineitems}.json,
and print a line for each file. Nobody knows from which day they are: they fill gaps
and replace earlier imports, but never what was collected. A customer with a file that
cannot be read is left out; the others are imported, and the exit code is 3.`,
		Example: `  collector backfill
  collector backfill --replay --partner contoso
  collector backfill --from saved/ --partner contoso`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.backfill(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.partners, "partner", nil, "only this partner, by `name`; repeatable")
	flags.BoolVar(&f.missing, "missing", false, "collect who has no good result since the last collection began (the default)")
	flags.BoolVar(&f.replay, "replay", false, "derive every row anew from the archive")
	flags.StringVar(&f.from, "from", "", "import the saved answers below this `directory`")
	cmd.MarkFlagsMutuallyExclusive("missing", "replay", "from")
	f.format = formatFlag(cmd, "table", "json")
	return cmd
}

func (p *program) backfill(ctx context.Context, f backfillFlags) error {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	partners, err := choosePartners(c.Partners, f.partners)
	if err != nil {
		return err
	}
	if f.from != "" && len(partners) != 1 {
		return usageError("say with --partner whose answers %s holds", f.from)
	}
	var saved []savedCustomer
	if f.from != "" {
		if saved, err = findSaved(f.from); err != nil {
			return configError(err)
		}
	}
	selections, err := everyCustomer(partners)
	if err != nil && !f.replay && f.from == "" {
		return err
	}
	store, err := p.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer store.Close()

	asJSON := f.format.value == "json"
	var summaries []summary
	switch {
	case f.replay:
		runs := p.newCollection(c, store, billing.ReplayRun)
		for _, partner := range partners {
			summaries = append(summaries, runs.replay(ctx, partner.Name, &lines{w: p.stdout, asJSON: asJSON}))
		}
		runs.progress.close()
	case f.from != "":
		runs := p.newCollection(c, store, billing.ImportRun)
		summaries = append(summaries, runs.importSaved(ctx, partners[0].Name, saved, &lines{w: p.stdout, asJSON: asJSON}))
		runs.progress.close()
	default:
		runs := p.newCollection(c, store, billing.MissingRun)
		runs.rest = onlyMissing
		summaries = runs.all(ctx, selections)
	}
	return errors.Join(worst(ctx, summaries), p.printSummaries(summaries, f.format.value))
}
