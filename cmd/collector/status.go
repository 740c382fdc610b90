package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/sheet"
)

// shownRuns is the number of last runs that status shows.
const shownRuns = 10

func (p *program) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the last runs and how complete the collection is",
		Long: `Show for every partner how many active customers were collected in the last 26 hours,
how many have a profile or line items that are older than collect.refresh, the age of
the oldest ones, the customer that has been missing longest, and the open findings. Then
show the machines whose daemons take part, what runs now, on which machine and taken over
from which one, what waits for a machine, the remaining life of each configured refresh
token, and the last runs, newest first. The role finance_reader is sufficient.
COLLECTOR_DATABASE_URL can replace the configuration file.`,
		Example: `  collector status
  collector status --format json | jq '.partners[] | select(.customers_never_collected > 0)'`,
		Args: cobra.NoArgs,
	}
	format := formatFlag(cmd, "table", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.withReader(func(r *finance.Reader, c *config.Config) error {
			status, err := r.Status(cmd.Context(), p.now(), shownRuns)
			if err != nil {
				return err
			}
			full := fullStatus{Status: status, SignIns: p.signInStates(cmd.Context(), c)}
			if format.value == "json" {
				return writeJSON(p.stdout, full)
			}
			return writeStatus(p.stdout, full)
		})
	}
	return cmd
}

// fullStatus is the status in the database with the state of the sign-ins.
type fullStatus struct {
	finance.Status

	SignIns []collector.SignInState `json:"sign_ins"`
}

func writeStatus(w io.Writer, s fullStatus) error {
	tables, runs := s.Tables()
	signIns := sheet.Table{Header: []string{"PARTNER", "REFRESH TOKEN"}}
	for _, state := range s.SignIns {
		signIns.Rows = append(signIns.Rows, []string{state.Partner, state.String()})
	}
	if len(signIns.Rows) > 0 { // without a configuration there are none
		tables = append(tables, signIns)
	}
	for _, table := range tables {
		if err := writeTable(w, table); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return writeTable(w, runs)
}

// signInStates returns the states of the configured partners' sign-ins. For a login that
// may only read schema finance, the age of tokens that are not in files is unknown.
func (p *program) signInStates(ctx context.Context, c *config.Config) []collector.SignInState {
	states, err := collector.SignInStates(c.Partners, p.now(), func() (map[string]time.Time, error) {
		store, err := p.openStore(ctx, c)
		if err != nil {
			return nil, err
		}
		defer store.Close()
		return store.RefreshTokensIssued(ctx)
	})
	if err != nil {
		p.log.Info("cannot read the age of the refresh tokens that are not in files", slog.Any("error", err))
	}
	return states
}
