package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
)

func (p *program) loginCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign a user in, with multi-factor authentication, and keep the refresh token",
		Long: `Sign a user in for a partner with auth.mode app_user. Open the printed address in a
browser on any device, enter the code, and sign in with multi-factor authentication as a
user with a role in Partner Center (Admin agent or Billing admin). The refresh token is
stored where auth.refresh_token_store says and is replaced at each use. Then the partner
is checked as by "collector check".`,
		Example: `  collector login --partner contoso`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.login(cmd.Context(), name) },
	}
	cmd.Flags().StringVar(&name, "partner", "", "the partner, by `name`; required if there are several")
	return cmd
}

func (p *program) login(ctx context.Context, name string) error {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	partner, err := onePartner(c.Partners, name)
	if err != nil {
		return err
	}
	if partner.Auth.Mode != "app_user" {
		return usageError("partner %s has auth.mode %s, which signs in no user; login needs auth.mode app_user", partner.Name, partner.Auth.Mode)
	}
	cloud, err := collector.CloudOf(partner)
	if err != nil {
		return err
	}
	jobs := p.jobs(c, nil)
	if collector.SharesToken(partner) {
		store, err := p.openStore(ctx, c)
		if err != nil {
			return err
		}
		defer store.Close()
		jobs.Store = store
	}
	tokens, err := jobs.TokenStore(partner)
	if err != nil {
		return err
	}
	err = fetch.DeviceLogin(ctx, collector.SignInOf(partner, cloud, p.now), tokens, func(address, code string) {
		fmt.Fprintf(p.stdout, "Open %s in a browser, enter the code %s, and sign in.\nWaiting ...\n", address, code)
	})
	if err != nil {
		return fmt.Errorf("partner %s: %w", partner.Name, err)
	}
	fmt.Fprintf(p.stdout, "Signed in. The refresh token is stored in %s.\n", tokens)
	checks := &checks{w: p.stdout}
	jobs.CheckPartner(ctx, partner, checks.print)
	return checks.verdict()
}

// onePartner returns the partner with the name or, without a name, the only partner.
func onePartner(partners []config.Partner, name string) (config.Partner, error) {
	if name == "" && len(partners) > 1 {
		return config.Partner{}, usageError("the configuration has several partners; name one with --partner")
	}
	var names []string
	if name != "" {
		names = []string{name}
	}
	chosen, err := collector.ChoosePartners(partners, names)
	if err != nil {
		return config.Partner{}, err
	}
	return chosen[0], nil
}
