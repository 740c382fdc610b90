// Package rates reads files of exchange rates: CSV from finance, every error of which
// is reported with its line, and the files of the European Central Bank.
package rates

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

// columns are the columns of the file; the last one may be absent.
var columns = []string{"date", "from_currency", "to_currency", "rate", "source"}

var (
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	rateForm     = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
)

// Parse reads a file of exchange rates: CSV, or a file of the European Central Bank as
// published. The error joins all errors of the file, one per line.
func Parse(text []byte) ([]persist.ExchangeRate, error) {
	if rates, is, err := ecb(text); is {
		return rates, err
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	in.FieldsPerRecord = -1 // checked below, so that every wrong line is reported
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line 1: the file is empty; it begins with the line %s", strings.Join(columns, ","))
	}
	if err != nil {
		return nil, err
	}
	if !slices.Equal(header, columns) && !slices.Equal(header, columns[:4]) {
		return nil, fmt.Errorf("line 1: the columns are %s; want date,from_currency,to_currency,rate and optionally source", strings.Join(header, ","))
	}
	var rates []persist.ExchangeRate
	var wrong []error
	lines := map[string]int{} // the first line of each rate
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			if len(lines)+len(wrong) == 0 {
				wrong = append(wrong, errors.New("line 2: the file has no rate after the header"))
			}
			return rates, errors.Join(wrong...)
		}
		if err != nil {
			wrong = append(wrong, err) // the error names the line
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
			fault("%s %q is not an ISO 4217 code, such as EUR", columns[1+i], currency)
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
	if len(record) == len(columns) {
		rate.Source = strings.TrimSpace(record[4])
		if !utf8.ValidString(rate.Source) || strings.ContainsRune(rate.Source, 0) {
			fault("source %q is not text in UTF-8", rate.Source)
		}
	}
	return rate, faults
}
