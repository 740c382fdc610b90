package persist_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

func rate(day, from, to, rate, source string) persist.ExchangeRate {
	return persist.ExchangeRate{Date: date(day), From: from, To: to, Rate: decimal.RequireFromString(rate), Source: source}
}

func (b *fixture) importRates(rates ...persist.ExchangeRate) []persist.RateChange {
	b.t.Helper()
	changes, err := b.store.ImportRates(b.t.Context(), rates)
	if err != nil {
		b.t.Fatal(err)
	}
	return changes
}

func TestImportRates(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	first, second := rate("2026-09-30", "EUR", "USD", "1.08430000000000000001", "ECB"), rate("2026-10-30", "EUR", "USD", "1.09", "")
	none := decimal.NullDecimal{}
	if diff := cmp.Diff([]persist.RateChange{{ExchangeRate: first, RateBefore: none}, {ExchangeRate: second, RateBefore: none}}, b.importRates(second, first)); diff != "" {
		t.Errorf("new rates (-want +got):\n%s", diff)
	}
	if changes := b.importRates(first, second); len(changes) > 0 {
		t.Errorf("importing again changed %v", changes)
	}
	changed, sourced := rate("2026-10-30", "EUR", "USD", "1.1", ""), rate("2026-09-30", "EUR", "USD", "1.08430000000000000001", "bank")
	want := []persist.RateChange{
		{ExchangeRate: sourced, RateBefore: decimal.NewNullDecimal(first.Rate), SourceBefore: "ECB"}, {ExchangeRate: changed, RateBefore: decimal.NewNullDecimal(second.Rate)},
	}
	if diff := cmp.Diff(want, b.importRates(changed, sourced)); diff != "" {
		t.Errorf("changed rates (-want +got):\n%s", diff)
	}
	wantLines(t, "rates", b.query(`SELECT * FROM finance.exchange_rates ORDER BY 1`),
		"2026-09-30 EUR USD 1.08430000000000000001 bank 2026-11-01T02:30:00+00:00", "2026-10-30 EUR USD 1.1 null 2026-11-01T02:30:00+00:00")
	if _, err := b.store.ImportRates(t.Context(), []persist.ExchangeRate{rate("2026-12-31", "EUR", "USD", "2", ""), rate("2026-12-31", "EUR", "EUR", "1", "")}); err == nil {
		t.Error("a rate of a currency to itself was stored")
	}
	wantLines(t, "after a refused import", b.query(`SELECT count(*) FROM finance.exchange_rates`), "2")
}

func TestMonthlyCostsConverted(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.collect(statement(customerA, both(
		detail(billing.OneTime, "2026-10-01", "2026-10-31", "EUR", "100"), detail(billing.OneTime, "2026-10-01", "2026-10-31", "USD", "7"),
		detail(billing.OneTime, "2026-10-01", "2026-10-31", "CHF", "3"), detail("Marketplace", "2026-10-01", "2026-10-31", "", "5"),
		detail("Support", "2026-10-01", "", "EUR", "1"), detail(billing.Recurring, "2026-08-12", "2026-09-11", "EUR", "10"),
	)))
	const converted = `SELECT month, currency_code, after_tax_total, target_currency, rate, rate_date, after_tax_converted
		FROM finance.monthly_costs_converted ORDER BY target_currency, month, currency_code NULLS LAST`
	wantLines(t, "without rates nothing is dropped", b.query(converted),
		"2026-09-01 EUR 10 null null null null", "2026-10-01 CHF 3 null null null null", "2026-10-01 EUR 100 null null null null",
		"2026-10-01 USD 7 null null null null", "2026-10-01 null 5 null null null null", "null EUR 1 null null null null")
	b.importRates(rate("2026-09-12", "EUR", "USD", "1.5", ""), rate("2026-10-31", "EUR", "USD", "1.08", ""), rate("2026-10-30", "EUR", "USD", "9", ""),
		rate("2026-11-01", "EUR", "USD", "99", ""), rate("2026-11-01", "CHF", "USD", "99", ""), rate("2026-10-01", "USD", "JPY", "150", ""))
	wantLines(t, "converted", b.query(converted),
		"2026-09-01 EUR 10 JPY null null null", "2026-10-01 CHF 3 JPY null null null", "2026-10-01 EUR 100 JPY null null null",
		"2026-10-01 USD 7 JPY 150 2026-10-01 1050", "2026-10-01 null 5 JPY null null null", "null EUR 1 JPY null null null",
		"2026-09-01 EUR 10 USD 1.5 2026-09-12 15.0", "2026-10-01 CHF 3 USD null null null", "2026-10-01 EUR 100 USD 1.08 2026-10-31 108.00",
		"2026-10-01 USD 7 USD 1 null 7", "2026-10-01 null 5 USD null null null", "null EUR 1 USD null null null")
}
