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
		Long:    `Change the stored data of partners. The configuration defines the partners.`,
		Example: `  collector partners rename contoso contoso-emea`,
		Args:    aCommand,
		RunE:    needsCommand,
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Move all data of a partner to a new name",
		Long: `Move all data of a partner to a new name: customers, costs with their history, runs,
findings and erasures. Use it after you have changed a partner's name in the
configuration. A run under the new name is refused while the tenant's customers are
stored under the old name, because each of their costs would count twice. A partner with
auth.mode token has no tenant, so the change of name cannot be detected: rename it
before the first run under the new name.

The rename is one transaction. If customers are already stored under the new name,
nothing is changed and the exit code is 1. If a run of either name is in progress,
nothing is changed and the exit code is 4.`,
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
		_, err := fmt.Fprintf(p.stdout, "The data of %s now belong to %s.\n", from, to)
		return err
	})
}
