package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/config"
	"partnercost/internal/finance"
	"partnercost/internal/persist"
	"partnercost/internal/rates"
)

func (p *program) ratesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rates",
		Short: "Import and list exchange rates",
		Long: `Partner Center states each amount in one currency, and no exchange rates. The view
finance.monthly_costs_converted converts the monthly totals with imported rates.`,
		Example: `  collector rates import rates.csv
  collector rates list`,
		Args: aCommand,
		RunE: needsCommand,
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "import FILE",
		Short: "Store the exchange rates of a file",
		Long: `Store the exchange rates of a file of the European Central Bank as it is published
(eurofxref-daily.xml, eurofxref-hist.zip and the others: from EUR to other currencies),
or of a CSV file with the columns date, from_currency, to_currency, rate and,
optionally, source:

  date,from_currency,to_currency,rate,source
  2026-10-30,EUR,USD,1.0843,ECB

A rate is the price of one unit of from_currency in to_currency. Rates are exact
decimals. They are never inverted, and never combined through a third currency. If the
file has an error, no rate is stored, every error is listed with its line, and the exit
code is 2. A rate that differs replaces the stored one and is listed. Importing a file
again changes nothing.`,
		Example: `  collector rates import rates.csv
  collector rates import - < rates.csv
  collector rates import eurofxref-hist.zip`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			imported, err := readRates(args[0])
			if err != nil {
				return err
			}
			return p.withStore(cmd.Context(), func(_ *config.Config, store *persist.Store) error {
				changes, err := store.ImportRates(cmd.Context(), imported)
				if err != nil {
					return err
				}
				return p.printRateChanges(changes, len(imported))
			})
		},
	})
	cmd.AddCommand(p.rateListCommand())
	return cmd
}

func (p *program) rateListCommand() *cobra.Command {
	f := reportFlags{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the newest rate of each pair of currencies",
		Long: `List the newest imported rate of each pair of currencies, or with --period all rates of
a month. This is the report exchange-rates. The role finance_reader is sufficient.
COLLECTOR_DATABASE_URL can replace the configuration file.`,
		Example: `  collector rates list
  collector rates list --period 2026-10 --format csv`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&f.period, "period", "", "all rates of this month, `YYYY-MM`")
	f.format = formatFlag(cmd, "table", "csv", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		reports, err := finance.Reports()
		if err != nil {
			return err
		}
		return p.chosenReport(cmd.Context(), reports, []string{"exchange-rates"}, f)
	}
	return cmd
}

// printRateChanges lists the replaced rates, and counts all.
func (p *program) printRateChanges(changes []persist.RateChange, total int) error {
	var out strings.Builder
	added := 0
	for _, c := range changes {
		if !c.RateBefore.Valid {
			added++
			continue
		}
		fmt.Fprintf(&out, "changed: %s %s to %s: %s, was %s\n", c.Date.Format(time.DateOnly), c.From, c.To,
			sourced(c.Rate.String(), c.Source), sourced(c.RateBefore.Decimal.String(), c.SourceBefore))
	}
	fmt.Fprintf(&out, "%d rates: %d new, %d changed, %d unchanged\n", total, added, len(changes)-added, total-len(changes))
	_, err := io.WriteString(p.stdout, out.String())
	return err
}

func sourced(rate, source string) string {
	if source == "" {
		return rate
	}
	return rate + " (" + source + ")"
}

func readRates(name string) ([]persist.ExchangeRate, error) {
	var text []byte
	var err error
	if name == "-" {
		name = "standard input"
		text, err = io.ReadAll(os.Stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, configError(fmt.Errorf("read the exchange rates: %w", err))
	}
	parsed, err := rates.Parse(text)
	if err != nil {
		return nil, configError(fmt.Errorf("nothing was imported; fix %s:\n%w", name, err))
	}
	return parsed, nil
}
