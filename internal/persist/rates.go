package persist

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/persist/dbsqlc"
)

// ExchangeRate says how much of the currency To one unit of From is on a day.
type ExchangeRate struct {
	Date     time.Time
	From, To string
	Rate     decimal.Decimal
	// Source says where the rate is from; empty when nobody does.
	Source string
}

// RateChange is a rate that was stored, with what it replaced.
type RateChange struct {
	ExchangeRate
	// RateBefore is not Valid when the rate is new.
	RateBefore   decimal.NullDecimal
	SourceBefore string
}

// ImportRates stores the rates, all or none of them, and returns those that are new
// or differ from what was stored, by date and currencies. Storing the same rates again
// changes nothing. No two may be of the same day and currencies.
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
