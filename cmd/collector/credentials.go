package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/persist"
)

func (p *program) credentialsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credentials",
		Short: "Move refresh tokens between stores",
		Args:  aCommand,
		RunE:  needsCommand,
	}
	var names []string
	move := &cobra.Command{
		Use:   "move",
		Short: "Move refresh tokens from their files to the configured store",
		Long: `Move the refresh tokens from auth.refresh_token_file to the store that
auth.refresh_token_store names: the database or Azure Key Vault. A file is removed when
its token is stored. A token in the store that was issued later than that of the file is
kept. Without --partner, move the tokens of all partners that have such a store and a
file. Change the configuration first; a daemon with the former configuration must not
run meanwhile.`,
		Example: `  collector credentials move
  collector credentials move --partner contoso`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withStore(cmd.Context(), func(c *config.Config, store *persist.Store) error {
				return p.moveCredentials(cmd.Context(), c, store, names)
			})
		},
	}
	move.Flags().StringArrayVar(&names, "partner", nil, "only this partner, by `name`; repeatable")
	cmd.AddCommand(move)
	return cmd
}

func (p *program) moveCredentials(ctx context.Context, c *config.Config, store *persist.Store, names []string) error {
	partners, err := collector.ChoosePartners(c.Partners, names)
	if err != nil {
		return err
	}
	jobs := p.jobs(c, store)
	moved := 0
	for _, partner := range partners {
		if len(names) == 0 && !collector.SharesToken(partner) {
			continue
		}
		to, err := jobs.MoveToken(ctx, partner)
		switch {
		case errors.Is(err, collector.ErrNothingToMove) && len(names) == 0:
			continue
		case err != nil:
			return fmt.Errorf("partner %s: %w", partner.Name, err)
		}
		moved++
		fmt.Fprintf(p.stdout, "%s: the refresh token is moved from %s to %s.\n", partner.Name, partner.Auth.RefreshTokenFile, to)
	}
	if moved == 0 {
		fmt.Fprintln(p.stdout, "There is no refresh token to move: auth.refresh_token_store and auth.refresh_token_file name both places.")
	}
	return nil
}
