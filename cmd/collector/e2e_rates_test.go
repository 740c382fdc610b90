package main_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"partnercost/internal/partnersim"
)

func TestRatesImport(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 12, Seed: 22, NoCosts: -1})
	s.collector(t, "run").want(t, 0)
	s.write(t, "rates.csv", "\ufeffdate,from_currency,to_currency,rate,source\r\n2026-08-31,EUR,USD,1.08,ECB\r\n2026-08-31,GBP,USD,1.27,\r\n")
	s.collector(t, "rates", "import", "rates.csv").want(t, 0).says(t, "2 rates: 2 new, 0 changed, 0 unchanged")
	s.collector(t, "rates", "import", "rates.csv").want(t, 0).says(t, "2 rates: 0 new, 0 changed, 2 unchanged")
	s.write(t, "rates.csv", "date,from_currency,to_currency,rate\n2026-08-31,EUR,USD,1.0900000000000000000001\n2026-08-30,GBP,USD,1.26\n")
	s.collector(t, "rates", "import", "rates.csv").want(t, 0).says(t, "changed: 2026-08-31 EUR to USD: 1.0900000000000000000001, was 1.08 (ECB)", "2 rates: 1 new, 1 changed, 0 unchanged")
	want := [][]string{{"2026-08-31", "EUR", "USD", "1.0900000000000000000001", "NULL"}, {"2026-08-30", "GBP", "USD", "1.26", "NULL"}, {"2026-08-31", "GBP", "USD", "1.27", "NULL"}}
	got := s.query(t, `SELECT rate_date::text, from_currency, to_currency, rate::text, source FROM finance.exchange_rates ORDER BY 2, 1`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rates (-want +got):\n%s", diff)
	}
	s.collector(t, "rates", "list").want(t, 0).says(t, "2026-08-31  EUR            USD          1.0900000000000000000001", "2026-08-31  GBP")
	s.write(t, "eurofxref-hist.csv", "Date,USD,JPY,CYP,\n2026-09-30,1.0843,165.20,N/A,\n")
	s.collector(t, "rates", "import", "eurofxref-hist.csv").want(t, 0).says(t, "2 rates: 2 new")
	s.collector(t, "rates", "list", "--period", "2026-09", "--format", "csv").want(t, 0).says(t, "2026-09-30,EUR,JPY,165.2", ",ECB,")
	s.exec(t, `DELETE FROM collector.exchange_rates WHERE rate_date = '2026-09-30'`)
	if n := s.one(t, `SELECT count(*)::text FROM finance.monthly_costs_converted WHERE target_currency = 'USD'
		AND after_tax_converted IS DISTINCT FROM after_tax_total * CASE currency_code WHEN 'USD' THEN 1 WHEN 'EUR' THEN 1.0900000000000000000001 WHEN 'GBP' THEN 1.27 END`); n != "0" {
		t.Errorf("%s rows are converted wrongly", n)
	}
	if n := s.one(t, `SELECT (SELECT count(*) FROM finance.monthly_costs) - (SELECT count(*) FROM finance.monthly_costs_converted WHERE target_currency = 'USD')`); n != "0" {
		t.Errorf("%s rows of monthly_costs are missing or doubled", n)
	}
}

func TestRatesImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, partnersim.Options{Customers: 1})
	s.write(t, "bad.csv", `date,from_currency,to_currency,rate,source
2026-08-31,EUR,USD,1.08,ECB
2026-02-30,EUR,USD,1.08,ECB
2026-09-30,eur,DOLLAR,0,ECB
2026-09-30,EUR,EUR,1,ECB
2026-09-30,EUR,USD,"1,08",ECB
2026-09-29,EUR,USD,1e3,ECB
2026-08-31,EUR,USD,1.09,
2026-10-31,EUR,USD,-1.08
2026-11-30,EUR,USD,1.08,`+"B\xf6rse\n2026-12-31,EUR,USD,1.08,E\x00B\n")
	s.collector(t, "rates", "import", "bad.csv").want(t, 2).says(t, "nothing was imported", "bad.csv",
		`line 3: date "2026-02-30" is not a day`, `line 4: from_currency "eur"`, `line 4: to_currency "DOLLAR"`, "line 4: rate 0 is not greater than 0",
		`line 5: from_currency and to_currency are both "EUR"`, `line 6: rate "1,08" is not a decimal number`, `line 7: rate "1e3" is not a decimal number`,
		"line 8: line 2 has a rate for the same day and currencies", "line 9: there are 4 values; want 5",
		`line 10: source "B\xf6rse" is not text`, `line 11: source "E\x00B" is not text`)
	if n := s.one(t, `SELECT count(*)::text FROM finance.exchange_rates`); n != "0" {
		t.Errorf("%s rates of a file with errors were stored", n)
	}
	s.write(t, "empty.csv", "")
	s.write(t, "header.csv", "date,from_currency,to_currency,rate\n")
	s.collector(t, "rates", "import", "header.csv").want(t, 2).says(t, "nothing was imported", "line 2", "no rate after the header")
	s.write(t, "columns.csv", "day,from,to,rate\n")
	s.write(t, "quote.csv", "date,from_currency,to_currency,rate\n2026-08-31,\"EUR,USD,1.08\n")
	s.collector(t, "rates", "import", "empty.csv").want(t, 2).says(t, "line 1", "is empty")
	s.collector(t, "rates", "import", "columns.csv").want(t, 2).says(t, "line 1", "day,from,to,rate", "date,from_currency,to_currency,rate")
	s.collector(t, "rates", "import", "quote.csv").want(t, 2).says(t, "line 2")
	s.collector(t, "rates", "import", "missing.csv").want(t, 2).says(t, "missing.csv")
	s.collector(t, "rates").want(t, 2)
	s.collector(t, "rates", "import").want(t, 2)
}
