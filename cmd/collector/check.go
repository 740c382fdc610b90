package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"partnercost/internal/collector"
)

func (p *program) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, the database and Partner Center",
		Long: `Check the configuration, the database, its schema and the rights that a run needs. Then
check the credentials of every partner, and read each endpoint once for its first
customer. Each check prints a line. Nothing is written. The exit code is 0 only if every
check passes.`,
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
	checks.report("database and schema", err, "reachable, at the version that this program needs")
	if err == nil {
		checks.report("rights in the database", store.MayCollect(ctx), "sufficient for a run")
		defer store.Close()
	}
	jobs := p.jobs(c, store)
	for _, partner := range c.Partners {
		jobs.CheckPartner(ctx, partner, checks.print)
	}
	return checks.verdict()
}

// checks prints one line per check, and counts the checks.
type checks struct {
	w            io.Writer
	made, failed int
}

// verdict returns an error if a check failed.
func (c *checks) verdict() error {
	if c.failed > 0 {
		return fmt.Errorf("%d of %d checks failed", c.failed, c.made)
	}
	return nil
}

// print prints the result of a check: why it failed, or what it found.
func (c *checks) print(made collector.Check) {
	word, text := "ok  ", made.Found
	switch {
	case made.Note:
		fmt.Fprintf(c.w, "note  %s: %s\n", made.About, made.Found)
		return
	case made.Err != nil:
		c.failed++
		word, text = "FAIL", strings.Join(strings.Fields(made.Err.Error()), " ") // some errors have several lines
	}
	c.made++
	fmt.Fprintf(c.w, "%s  %s: %s\n", word, made.About, text)
}

func (c *checks) report(what string, err error, found string) {
	c.print(collector.Check{About: what, Err: err, Found: found})
}
