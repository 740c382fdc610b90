package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
)

func (p *program) explainCommand() *cobra.Command {
	var customer, period, partner string
	var raw bool
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Show where a customer's numbers come from",
		Long: `Show where each cost of a customer comes from, for the periods that end in the month:
its amounts, every earlier value with the time and the run that stored it, the lines
that went, came and changed with each, its line items and their earlier sets, its
findings, and the SHA-256 of the answers it was derived from. The role finance_reader is
sufficient. COLLECTOR_DATABASE_URL can replace the configuration file.

--raw reads the answers from the archive, verifies them, and prints each one byte for
byte between two lines that begin with "-----". "pruned" means that retention removed
the answer. "damaged" means that it is not the answer that was collected. Answers may
hold personal data, so finance_reader has no right to read them. The billing profile is
not shown. In json, "raw" holds the answer as text, "raw_base64" holds its bytes if they
are not UTF-8, and "json" holds its content: an array if the answer had several pages.

A month without costs is not an error. An unknown customer or a damaged answer is an
error with exit code 1.`,
		Example: `  collector explain --customer "fourth coffee" --period 2026-10
  collector explain --customer 65726577-c208-40fd-9735-8c85ac9cac68 --period 2026-10 --format json | jq '.costs[].revisions'
  collector explain --customer 65726577-c208-40fd-9735-8c85ac9cac68 --period 2026-10 --raw --format json | jq '.bodies[] | select(.kind == "summary") | .json'`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&customer, "customer", "", "the customer, by `GUID or name`")
	flags.StringVar(&period, "period", "", "only the periods that end in this month, `YYYY-MM`")
	flags.StringVar(&partner, "partner", "", "only this partner, by `name`")
	flags.BoolVar(&raw, "raw", false, "verify and print the answers, which may hold personal data")
	_ = cmd.MarkFlagRequired("customer") // fails for unknown flags only
	_ = cmd.MarkFlagRequired("period")
	format := formatFlag(cmd, "table", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if _, err := time.Parse("2006-01", period); err != nil {
			return usageError("--period %q is not a month of the form YYYY-MM", period)
		}
		return p.withReader(func(r *finance.Reader, c *config.Config) error {
			id, err := findCustomer(cmd.Context(), r, customer)
			if err != nil {
				return err
			}
			explanation, err := r.Explain(cmd.Context(), partner, id, period)
			if err != nil {
				return err
			}
			if raw {
				err = p.readBodies(cmd.Context(), c, explanation.Bodies)
			}
			if err != nil && !errors.Is(err, errDamaged) {
				return err
			}
			if format.value == "json" {
				return errors.Join(writeJSON(p.stdout, explanation), err)
			}
			return errors.Join(explanation.WriteText(p.stdout), err)
		})
	}
	return cmd
}

// errDamaged is the error of archived answers that differ from those that were collected.
var errDamaged = errors.New("archived answers do not match their SHA-256, so they are not what was collected; restore collector.payloads from a backup")

// readBodies reads answers from the archive, for which finance_reader has no right. If all
// were read and some are damaged, the error is errDamaged.
func (p *program) readBodies(ctx context.Context, c *config.Config, answers []finance.Answer) error {
	bodies, err := p.archived(ctx, c, answers)
	if persist.Forbidden(err) {
		return fmt.Errorf("this login has no right to read answers, which may hold personal data; leave out --raw, or use a login that may collect: %w", err)
	}
	if err != nil {
		return err
	}
	damaged := 0
	for i, body := range bodies {
		answers[i].Show(string(body.State), body.State != persist.BodyPruned, body.Content, body.JSON())
		if body.State == persist.BodyDamaged {
			damaged++
		}
	}
	if damaged > 0 {
		return fmt.Errorf("%d %w", damaged, errDamaged)
	}
	return nil
}

func (p *program) archived(ctx context.Context, c *config.Config, answers []finance.Answer) ([]persist.ArchivedBody, error) {
	store, err := p.openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	hashes := make([]string, len(answers))
	for i, a := range answers {
		hashes[i] = a.SHA256
	}
	return store.Bodies(ctx, hashes)
}
