package persist

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/persist/dbsqlc"
)

// ExchangeRate is the amount of currency To that one unit of From is worth on a day.
type ExchangeRate struct {
	Date     time.Time
	From, To string
	Rate     decimal.Decimal
	// Source says where the rate comes from; empty if unknown.
	Source string
}

// RateChange is a rate that was stored, with the rate that it replaced.
type RateChange struct {
	ExchangeRate
	// RateBefore is not Valid when the rate is new.
	RateBefore   decimal.NullDecimal
	SourceBefore string
}

// ImportRates stores the rates, all or none of them. It returns the new ones and those
// that differ from the stored ones, by date and currencies. Storing the same rates
// again changes nothing. No two rates may have the same day and currencies.
func (s *Store) ImportRates(ctx context.Context, rates []ExchangeRate) ([]RateChange, error) {
	params := dbsqlc.SaveRatesParams{Now: s.now()}
	for _, r := range rates {
		params.RateDates = append(params.RateDates, r.Date)
		params.FromCurrencies = append(params.FromCurrencies, r.From)
		params.ToCurrencies = append(params.ToCurrencies, r.To)
		params.Rates = append(params.Rates, r.Rate)
		params.Sources = append(params.Sources, r.Source)
	}
	rows, err := s.q.SaveRates(ctx, s.pool, params)
	if err != nil {
		return nil, fmt.Errorf("store %d exchange rates: %w", len(rates), classify(err))
	}
	changes := make([]RateChange, len(rows))
	for i, row := range rows {
		changes[i] = RateChange{
			ExchangeRate: ExchangeRate{Date: row.RateDate, From: row.FromCurrency, To: row.ToCurrency, Rate: row.Rate, Source: row.Source},
			RateBefore:   row.RateBefore, SourceBefore: row.SourceBefore,
		}
	}
	return changes, nil
}
