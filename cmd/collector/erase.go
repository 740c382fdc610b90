package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/persist"
)

// profileScope is how much of billing profiles the configuration lets be stored.
func profileScope(c config.Collect) billing.ProfileScope {
	if c.Profiles == "minimal" {
		return billing.NameAndCountry
	}
	return billing.FullProfile
}

// eraseFlags are the flags of erase.
type eraseFlags struct {
	customer, partner   string
	companyName, dryRun bool
	format              *choice
}

func (p *program) eraseCommand() *cobra.Command {
	var f eraseFlags
	cmd := &cobra.Command{
		Use:   "erase --customer GUID",
		Short: "Remove one customer's personal data and keep the costs",
		Long: `Remove the personal data of one customer from the billing profile, its history, the
archive of raw answers and the messages of failures, which may repeat what the
service said, under every partner that has the customer. The company name, the
country and all costs stay. It is done at once, without a question, and recorded in
finance.erasures. From then on no run, import or replay stores more of the
customer's profile than that.

With --company-name the company name goes too, for customers who trade under their
own name, and with it the raw answers with the line items, which repeat it.

With --dry-run nothing is written; a line per partner says what would go.

A partner that is being collected at the moment is locked: then nothing is erased,
and the exit code is 4. Erasing again is harmless. Backups keep what they have.`,
		Example: `  collector erase --customer 65726577-c208-40fd-9735-8c85ac9cac68 --dry-run
  collector erase --customer 65726577-c208-40fd-9735-8c85ac9cac68
  collector erase --customer 65726577-c208-40fd-9735-8c85ac9cac68 --partner contoso --company-name`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.erase(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.customer, "customer", "", "the customer, a `GUID`")
	flags.StringVar(&f.partner, "partner", "", "only what this partner's runs stored, by `name`")
	flags.BoolVar(&f.companyName, "company-name", false, "erase the company name too")
	flags.BoolVar(&f.dryRun, "dry-run", false, "write nothing; print what would go")
	_ = cmd.MarkFlagRequired("customer") // fails for unknown flags only
	f.format = formatFlag(cmd, "table", "json")
	return cmd
}

func (p *program) erase(ctx context.Context, f eraseFlags) error {
	id, err := billing.ParseCustomerID(f.customer)
	if err != nil {
		return usageError("--customer %w", err)
	}
	return p.withStore(ctx, func(_ *config.Config, store *persist.Store) error {
		partners, err := store.PartnersOf(ctx, id)
		if err != nil {
			return err
		}
		if f.partner != "" {
			partners = slices.DeleteFunc(partners, func(name string) bool { return name != f.partner })
		}
		if len(partners) == 0 {
			return unknownCustomer(id, f.partner)
		}
		return withLocks(ctx, store, partners, func(ctx context.Context) error { return p.eraseFrom(ctx, store, partners, id, f) })
	})
}

func unknownCustomer(id billing.CustomerID, partner string) error {
	if partner != "" {
		return fmt.Errorf("customer %s of partner %s: %w; check both, or leave --partner away", id, partner, billing.ErrUnknownCustomer)
	}
	return fmt.Errorf("customer %s: %w", id, billing.ErrUnknownCustomer)
}

// withLocks does work while the locks of all these partners are held, and none of it
// while somebody else holds one.
func withLocks(ctx context.Context, store *persist.Store, partners []string, work func(context.Context) error) error {
	if len(partners) == 0 {
		return work(ctx)
	}
	locked, release, err := store.LockPartner(ctx, partners[0])
	if err != nil {
		return err
	}
	defer release()
	return withLocks(locked, store, partners[1:], work)
}

// eraseFrom erases the customer from all these partners.
func (p *program) eraseFrom(ctx context.Context, store *persist.Store, partners []string, id billing.CustomerID, f eraseFlags) error {
	erasure := persist.Erasure{CustomerID: id, Scope: billing.NameAndCountry, Version: thisBuild().Version, DryRun: f.dryRun}
	if f.companyName {
		erasure.Scope = billing.CountryOnly
	}
	var lines []erasedLine
	for _, partner := range partners {
		erasure.Partner = partner
		gone, err := store.Erase(ctx, erasure)
		if err != nil {
			return err
		}
		if !f.dryRun {
			p.log.Info("erased personal data", slog.String("partner", partner), slog.String("customer_id", string(id)), slog.Bool("company_name_too", f.companyName),
				slog.Int64("profiles", gone.Profiles), slog.Int64("earlier_profiles", gone.EarlierProfiles), slog.Int64("bodies", gone.Bodies), slog.Int64("messages", gone.Messages))
		}
		lines = append(lines, erasedLine{partner, id, erasedResult(gone, f.dryRun), gone.Profiles, gone.EarlierProfiles, gone.Bodies, gone.Messages})
	}
	return p.printErased(lines, f.format.value)
}

// erasedLine is what became of the customer under one partner.
type erasedLine struct {
	Partner    string             `json:"partner"`
	CustomerID billing.CustomerID `json:"customer_id"`
	// Result is erased, nothing_left or, of a dry run, would_erase.
	Result          string `json:"result"`
	Profiles        int64  `json:"profiles"`
	EarlierProfiles int64  `json:"earlier_profiles"`
	Bodies          int64  `json:"bodies"`
	Messages        int64  `json:"messages"`
}

func erasedResult(gone persist.Erased, dryRun bool) string {
	switch {
	case gone.Nothing():
		return "nothing_left"
	case dryRun:
		return "would_erase"
	}
	return "erased"
}

func (p *program) printErased(lines []erasedLine, format string) error {
	if format == "json" {
		return writeJSON(p.stdout, lines)
	}
	table := textTable{
		header: []string{"PARTNER", "CUSTOMER", "RESULT", "PROFILES", "EARLIER PROFILES", "BODIES", "MESSAGES"},
		right:  []bool{false, false, false, true, true, true, true},
	}
	for _, l := range lines {
		table.rows = append(table.rows, []string{
			l.Partner, string(l.CustomerID), strings.ReplaceAll(l.Result, "_", " "),
			strconv.FormatInt(l.Profiles, 10), strconv.FormatInt(l.EarlierProfiles, 10), strconv.FormatInt(l.Bodies, 10), strconv.FormatInt(l.Messages, 10),
		})
	}
	return table.write(p.stdout)
}
