package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/sheet"
)

// shownRuns is how many of the last runs status shows.
const shownRuns = 10

func (p *program) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the last runs and how complete the collection is",
		Long: `Show for every partner how many active customers were collected in the last 26 hours,
how many have a profile or line items that are older than collect.refresh, the age of
the oldest ones, the customer that has been missing longest, and the open findings. Then
show the remaining life of each configured refresh token, and the last runs, newest
first. The role finance_reader is sufficient. COLLECTOR_DATABASE_URL can replace the
configuration file.`,
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
			full := fullStatus{Status: status, SignIns: p.signInStates(c.Partners)}
			if format.value == "json" {
				return writeJSON(p.stdout, full)
			}
			return writeStatus(p.stdout, full)
		})
	}
	return cmd
}

// fullStatus is the status in the database, and the state of the sign-ins.
type fullStatus struct {
	finance.Status

	SignIns []collector.SignInState `json:"sign_ins"`
}

func writeStatus(w io.Writer, s fullStatus) error {
	partners := sheet.Table{
		Header: []string{"PARTNER", "CUSTOMERS", "COLLECTED IN 26 H", "NEVER COLLECTED", "WAITING", "OLDEST PART", "OPEN FINDINGS", "LONGEST UNSEEN", "SINCE"},
		Right:  []bool{false, true, true, true, true},
	}
	for _, partner := range s.Partners {
		partners.Rows = append(partners.Rows, []string{
			partner.Partner, strconv.Itoa(partner.Customers), strconv.Itoa(partner.Covered), strconv.Itoa(partner.NeverCollected),
			strconv.Itoa(partner.Waiting), minute(partner.OldestPart),
			counted(partner.OpenFindings), cmp.Or(partner.OldestUnseen, "-"), minute(partner.OldestUnseenSince),
		})
	}
	runs := sheet.Table{
		Header: []string{"STARTED", "PARTNER", "KIND", "STATUS", "CUSTOMERS", "OK", "UNCHANGED", "NO COSTS", "FAILED", "ROWS", "TOOK", "RUN", "ERROR"},
		Right:  []bool{false, false, false, false, true, true, true, true, true, true, true},
	}
	for _, run := range s.Runs {
		took := "-"
		if run.FinishedAt != nil {
			took = run.FinishedAt.Sub(run.StartedAt).Round(time.Second).String()
		}
		firstLine, _, _ := strings.Cut(run.Error, "\n")
		runs.Rows = append(runs.Rows, []string{
			minute(&run.StartedAt), run.Partner, run.Kind, run.Status, strconv.Itoa(run.Total), strconv.Itoa(run.OK), strconv.Itoa(run.Unchanged),
			strconv.Itoa(run.NoCosts), strconv.Itoa(run.Failed), strconv.FormatInt(run.RowsChanged, 10), took, run.ID, firstLine,
		})
	}
	tables := []sheet.Table{partners}
	invoices := sheet.Table{Header: []string{"PARTNER", "INVOICES"}}
	for _, partner := range s.Partners {
		if len(partner.Invoices) > 0 {
			invoices.Rows = append(invoices.Rows, []string{partner.Partner, strings.ReplaceAll(counted(partner.Invoices), "_", " ")})
		}
	}
	if len(invoices.Rows) > 0 {
		tables = append(tables, invoices)
	}
	if len(s.SignIns) > 0 { // without a configuration there are none
		signIns := sheet.Table{Header: []string{"PARTNER", "REFRESH TOKEN"}}
		for _, state := range s.SignIns {
			signIns.Rows = append(signIns.Rows, []string{state.Partner, refreshToken(state)})
		}
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

func minute(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

func counted(counts map[string]int) string {
	var words []string
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%d %s", counts[word], word))
	}
	return cmp.Or(strings.Join(words, ", "), "none")
}

func (p *program) signInStates(partners []config.Partner) []collector.SignInState {
	states := []collector.SignInState{}
	for _, partner := range partners {
		states = append(states, collector.SignInStateOf(partner, p.now()))
	}
	return states
}

// refreshToken is a state in words.
func refreshToken(s collector.SignInState) string {
	switch {
	case s.Mode != "app_user":
		return "not used (mode " + s.Mode + ")"
	case s.AgeDays == nil:
		return "none; sign in with: collector login --partner " + s.Partner
	case s.Warning:
		return fmt.Sprintf("WARNING: %d days left; sign in with: collector login --partner %s", *s.DaysLeft, s.Partner)
	}
	return fmt.Sprintf("%d days left", *s.DaysLeft)
}
