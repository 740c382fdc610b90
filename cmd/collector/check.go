package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/config"
)

func (p *program) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, the database and Partner Center",
		Long: `Check, a line each, the configuration, the database, its schema and the rights that
a run needs there, and for every partner the credentials and one read per endpoint,
for its first customer. Nothing is written. The exit code is 0 only when everything
holds.`,
		Example: `  collector check
  collector check --config /etc/collector.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.check(cmd.Context()) },
	}
}

func (p *program) check(ctx context.Context) error {
	checks := &checks{w: p.stdout}
	c, err := p.loadConfig()
	checks.report("configuration", err, p.configFile)
	if err != nil {
		return err
	}
	store, err := p.openStore(ctx, c)
	checks.report("database and schema", err, "reachable, and what this program needs")
	if err == nil {
		checks.report("rights in the database", store.MayCollect(ctx), "a run may read and write all it needs")
		store.Close()
	}
	for _, partner := range c.Partners {
		p.checkPartner(ctx, checks, partner, c)
	}
	return checks.verdict()
}

// checkPartner reads every endpoint once.
func (p *program) checkPartner(ctx context.Context, checks *checks, partner config.Partner, c *config.Config) {
	about, what := "partner "+partner.Name+": ", c.Collect
	jobs := collector.Collector{Config: c, Log: p.log, Now: p.now, NewID: p.newID, Rand: p.random, Version: thisBuild().Version}
	client, err := jobs.NewClient(partner, nil, p.log)
	checks.report(about+"credentials", err, "present (mode "+partner.Auth.Mode+")")
	if err != nil {
		return
	}
	defer client.Close()
	checks.report(about+"token", client.SignIn(ctx), "accepted")
	compliant, told, err := client.MFA(ctx)
	switch {
	case err == nil && told && !compliant:
		err = errors.New("the sign-in was made without multi-factor authentication, which Partner Center demands; sign in again: collector login --partner " + partner.Name)
		checks.report(about+"multi-factor authentication", err, "")
	case err == nil && told:
		checks.report(about+"multi-factor authentication", nil, "confirmed by Partner Center")
	case err == nil:
		checks.note(about+"multi-factor authentication", "Partner Center does not say")
	}
	if !partner.Customers.Discover {
		compareLists(ctx, checks, about, partner, client)
	}
	id, err := collector.FirstCustomer(ctx, partner, client)
	checks.report(about+"customers", err, "the first is "+string(id))
	if err != nil {
		return
	}
	s, err := client.Statement(ctx, id)
	if err == nil && s.Failure != nil {
		err = s.Failure
	}
	missing := func(there bool) error {
		if there {
			return nil
		}
		return err
	}
	checks.report(about+"billing profile", missing(s.Profile != nil), "read")
	if !what.Costs {
		return
	}
	checks.report(about+"cost summary", missing(s.Costs != nil), "read: "+describeCosts(s))
	if what.LineItems {
		checks.report(about+"line items", missing(s.LineItems != nil), "read: "+strconv.Itoa(len(s.LineItems)))
	}
}

func describeCosts(s billing.Statement) string {
	if s.NoCosts() {
		return "no costs"
	}
	if s.Costs == nil {
		return "nothing"
	}
	return strconv.Itoa(len(s.Costs.Details)) + " details"
}

// checks prints one line per check and counts.
type checks struct {
	w            io.Writer
	made, failed int
}

// verdict is an error when a check failed.
func (c *checks) verdict() error {
	if c.failed > 0 {
		return fmt.Errorf("%d of %d checks failed", c.failed, c.made)
	}
	return nil
}

// note prints what is worth knowing and is neither right nor wrong.
func (c *checks) note(what, text string) {
	fmt.Fprintf(c.w, "note  %s: %s\n", what, text)
}

// report prints how a check went: why it failed, or what it found.
func (c *checks) report(what string, err error, found string) {
	c.made++
	word := "ok  "
	if err != nil {
		c.failed++
		word, found = "FAIL", strings.Join(strings.Fields(err.Error()), " ") // some span lines
	}
	fmt.Fprintf(c.w, "%s  %s: %s\n", word, what, found)
}
