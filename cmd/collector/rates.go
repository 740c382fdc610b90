package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/persist"
)

func (p *program) ratesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rates",
		Short: "Exchange rates for finance.monthly_costs_converted",
		Long: `Partner Center states every amount in one currency and no exchange rates. Those that
finance imports convert the monthly totals in finance.monthly_costs_converted.`,
		Example: `  collector rates import rates.csv`,
		Args:    cobra.NoArgs,
		RunE:    needsCommand,
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "import FILE",
		Short: "Store the exchange rates of a CSV file",
		Long: `Store the exchange rates of a CSV file with the columns date, from_currency,
to_currency, rate and, if wanted, source:

  date,from_currency,to_currency,rate,source
  2026-10-30,EUR,USD,1.0843,ECB

A rate says how much of to_currency one unit of from_currency is. Rates are exact
decimals; no inverse and no detour over a third currency is ever made of them. All
rates are stored or, when anything is wrong with the file, none: every error is
listed with its line, and the exit code is 2. A rate that is stored already is
replaced, and listed when it differs; importing a file again changes nothing.`,
		Example: `  collector rates import rates.csv
  collector rates import - < rates.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rates, err := readRates(args[0])
			if err != nil {
				return err
			}
			return p.withStore(cmd.Context(), func(_ *config.Config, store *persist.Store) error {
				changes, err := store.ImportRates(cmd.Context(), rates)
				if err != nil {
					return err
				}
				return p.printRateChanges(changes, len(rates))
			})
		},
	})
	return cmd
}

// printRateChanges lists what was replaced, and counts.
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
	rates, err := parseRates(text)
	if err != nil {
		return nil, configError(fmt.Errorf("nothing was imported; mend %s:\n%w", name, err))
	}
	return rates, nil
}

// rateColumns are the columns of the file; the last may be absent.
var rateColumns = []string{"date", "from_currency", "to_currency", "rate", "source"}

var (
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	rateForm     = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
)

// parseRates reads a file of exchange rates. The error joins everything that is wrong
// with it, a line each.
func parseRates(text []byte) ([]persist.ExchangeRate, error) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	in.FieldsPerRecord = -1 // counted below, so that every line is heard
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line 1: the file is empty; it begins with the line %s", strings.Join(rateColumns, ","))
	}
	if err != nil {
		return nil, err
	}
	if !slices.Equal(header, rateColumns) && !slices.Equal(header, rateColumns[:4]) {
		return nil, fmt.Errorf("line 1: the columns are %s; want date,from_currency,to_currency,rate and perhaps source", strings.Join(header, ","))
	}
	var rates []persist.ExchangeRate
	var wrong []error
	lines := map[string]int{} // where a rate first stands
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			if len(lines)+len(wrong) == 0 {
				wrong = append(wrong, errors.New("line 2: there is no rate below the header"))
			}
			return rates, errors.Join(wrong...)
		}
		if err != nil {
			wrong = append(wrong, err) // it names the line
			continue
		}
		line, _ := in.FieldPos(0)
		if len(record) != len(header) {
			wrong = append(wrong, fmt.Errorf("line %d: there are %d values; want %d", line, len(record), len(header)))
			continue
		}
		rate, faults := parseRate(record)
		key := strings.Join(record[:3], " ")
		if first, known := lines[key]; known {
			faults = append(faults, fmt.Sprintf("line %d has a rate for the same day and currencies", first))
		} else {
			lines[key] = line
		}
		for _, fault := range faults {
			wrong = append(wrong, fmt.Errorf("line %d: %s", line, fault))
		}
		rates = append(rates, rate)
	}
}

func parseRate(record []string) (rate persist.ExchangeRate, faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	rate = persist.ExchangeRate{From: record[1], To: record[2]}
	var err error
	if rate.Date, err = time.Parse(time.DateOnly, record[0]); err != nil {
		fault("date %q is not a day of the form YYYY-MM-DD", record[0])
	}
	for i, currency := range record[1:3] {
		if !currencyForm.MatchString(currency) {
			fault("%s %q is not an ISO 4217 code, such as EUR", rateColumns[1+i], currency)
		}
	}
	if rate.From == rate.To {
		fault("from_currency and to_currency are both %q", rate.From)
	}
	amount, err := billing.ParseAmount(record[3])
	switch {
	case !rateForm.MatchString(record[3]), err != nil:
		fault("rate %q is not a decimal number, such as 1.0843", record[3])
	case !amount.Decimal.IsPositive():
		fault("rate %s is not greater than 0", record[3])
	}
	rate.Rate = amount.Decimal
	if len(record) == len(rateColumns) {
		rate.Source = strings.TrimSpace(record[4])
	}
	return rate, faults
}
