package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"partnercost/internal/config"
	"partnercost/internal/persist"
)

func (p *program) partnersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "partners",
		Short:   "Rename a partner",
		Long:    `Change what is stored of partners. The configuration says which partners there are.`,
		Example: `  collector partners rename contoso contoso-emea`,
		Args:    cobra.NoArgs,
		RunE:    needsCommand,
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Give all that is stored of a partner to another name",
		Long: `Give all that is stored of a partner to another name: customers, costs with their
history, runs, findings and erasures. Run it when a partner's name was changed in the
configuration: a run of the new name is refused as long as the tenant's customers
are stored under the old one, because each of their costs would count twice. Partners
with auth.mode token name no tenant, so a rename cannot be detected: run this command
before the first run of the new name.

The rename is one transaction. If customers are already stored under the new name,
nothing is changed and the exit code is 1. While a run of one of the two names is under
way, the exit code is 4.`,
		Example: `  collector partners rename contoso contoso-emea`,
		Args:    cobra.ExactArgs(2),
		RunE:    func(cmd *cobra.Command, args []string) error { return p.renamePartner(cmd.Context(), args[0], args[1]) },
	})
	return cmd
}

func (p *program) renamePartner(ctx context.Context, from, to string) error {
	if from == to || to == "" {
		return usageError("OLD and NEW must be two different names, not %q and %q", from, to)
	}
	if !config.IsPartnerName(to) {
		return usageError(`NEW must be 1 to 63 letters, digits, "-", "." and "_", as in the configuration, not %q`, to)
	}
	return p.withStore(ctx, func(c *config.Config, store *persist.Store) error {
		jobs := p.jobs(c, store)
		if err := jobs.RenamePartner(ctx, from, to); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "All that is stored of %s is that of %s now.\n", from, to)
		return err
	})
}
