package collector

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"partnercost/internal/billing"
	"partnercost/internal/persist"
)

// EraseRequest says which customer's personal data is erased, and how much of it.
type EraseRequest struct {
	Customer billing.CustomerID
	// Partner limits the erasure to the data of this partner's runs; empty means every
	// partner.
	Partner string
	// CompanyName erases the company name too.
	CompanyName bool
	// DryRun writes nothing.
	DryRun bool
}

// ErasedCustomer is the result for the customer under one partner.
type ErasedCustomer struct {
	Partner    string             `json:"partner"`
	CustomerID billing.CustomerID `json:"customer_id"`
	// Result is erased, nothing_left or, in a dry run, would_erase.
	Result          string `json:"result"`
	Profiles        int64  `json:"profiles"`
	EarlierProfiles int64  `json:"earlier_profiles"`
	Bodies          int64  `json:"bodies"`
	Messages        int64  `json:"messages"`
}

// Erase erases a customer's personal data under every partner that has the customer, while
// it holds the locks of all of them. If another run holds one of the locks, nothing is
// erased.
func (c *Collector) Erase(ctx context.Context, r EraseRequest) ([]ErasedCustomer, error) {
	partners, err := c.Store.PartnersOf(ctx, r.Customer)
	if err != nil {
		return nil, err
	}
	if r.Partner != "" {
		partners = slices.DeleteFunc(partners, func(name string) bool { return name != r.Partner })
	}
	if len(partners) == 0 {
		return nil, unknownCustomer(r.Customer, r.Partner)
	}
	var erased []ErasedCustomer
	err = c.withLocks(ctx, partners, func(ctx context.Context) error {
		erased, err = c.eraseFrom(ctx, partners, r)
		return err
	})
	return erased, err
}

func unknownCustomer(id billing.CustomerID, partner string) error {
	if partner != "" {
		return fmt.Errorf("customer %s of partner %s: %w; check both, or leave out --partner", id, partner, billing.ErrUnknownCustomer)
	}
	return fmt.Errorf("customer %s: %w", id, billing.ErrUnknownCustomer)
}

func (c *Collector) eraseFrom(ctx context.Context, partners []string, r EraseRequest) ([]ErasedCustomer, error) {
	erasure := persist.Erasure{CustomerID: r.Customer, Scope: billing.NameAndCountry, Version: c.Version, DryRun: r.DryRun}
	if r.CompanyName {
		erasure.Scope = billing.CountryOnly
	}
	var all []ErasedCustomer
	for _, partner := range partners {
		erasure.Partner = partner
		gone, err := c.Store.Erase(ctx, erasure)
		if err != nil {
			return nil, err
		}
		if !r.DryRun {
			c.Log.Info("erased personal data", slog.String("partner", partner), slog.String("customer_id", string(r.Customer)), slog.Bool("company_name_too", r.CompanyName),
				slog.Int64("profiles", gone.Profiles), slog.Int64("earlier_profiles", gone.EarlierProfiles), slog.Int64("bodies", gone.Bodies), slog.Int64("messages", gone.Messages))
		}
		all = append(all, ErasedCustomer{partner, r.Customer, erasedResult(gone, r.DryRun), gone.Profiles, gone.EarlierProfiles, gone.Bodies, gone.Messages})
	}
	return all, nil
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
