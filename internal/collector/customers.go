package collector

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
)

// Selection is the set of customers of one run: all customers of a partner, or some of
// them.
type Selection struct {
	Partner config.Partner
	// Customers are the customers that the command names; nil means all of the partner's.
	Customers []billing.CustomerID
}

// Everybody selects all customers of the partners.
func Everybody(partners []config.Partner) []Selection {
	selections := make([]Selection, len(partners))
	for i, p := range partners {
		selections[i].Partner = p
	}
	return selections
}

// discovers reports whether the customers are those that Partner Center lists.
func (s Selection) discovers() bool { return s.Customers == nil && s.Partner.Customers.Discover }

// Discovered yields the customers that Partner Center lists for the partner, without
// the excluded ones.
func Discovered(ctx context.Context, partner config.Partner, client *fetch.Client) iter.Seq2[billing.CustomerID, error] {
	return partner.Customers.WithoutExcluded(client.Customers(ctx))
}

// FirstCustomer returns the first of the partner's customers.
func FirstCustomer(ctx context.Context, partner config.Partner, client *fetch.Client) (billing.CustomerID, error) {
	ids := partner.Customers.Listed()
	if partner.Customers.Discover {
		ids = Discovered(ctx, partner, client)
	}
	for id, err := range ids {
		return id, err
	}
	return "", noCustomers(partner)
}

// noCustomers returns the error for an empty list, which would otherwise retire every
// customer.
func noCustomers(partner config.Partner) error {
	if partner.Customers.Discover {
		return errors.New("the partner's list of customers is empty, or all of them are excluded; check the relationships in Partner Center and customers.exclude")
	}
	return &ConfigError{errors.New("every customer on the list is excluded; check customers.exclude")}
}

// whole yields the selected customers, each once, to be read completely: the named
// customers, or all customers for a preview, which stores no hash by which less could
// be read. Customers in done are left out.
func (s Selection) whole(ctx context.Context, client *fetch.Client, done map[billing.CustomerID]bool) iter.Seq2[billing.Visit, error] {
	ids := s.Partner.Customers.Listed()
	switch {
	case s.Customers != nil:
		ids = all(s.Customers)
	case s.discovers():
		ids = ahead(ctx, func(ctx context.Context) iter.Seq2[billing.CustomerID, error] {
			return Discovered(ctx, s.Partner, client)
		})
	}
	ids = notDone(notEmpty(ids, noCustomers(s.Partner)), done)
	return func(yield func(billing.Visit, error) bool) {
		seen := map[billing.CustomerID]bool{}
		for id, err := range ids {
			if err != nil && !s.discovers() {
				err = &ConfigError{err}
			}
			if seen[id] {
				continue
			}
			seen[id] = err == nil
			if !yield(billing.Visit{CustomerID: id}, err) {
				return
			}
		}
	}
}

func all(ids []billing.CustomerID) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// notDone yields the customers that are not in done.
func notDone(ids iter.Seq2[billing.CustomerID, error], done map[billing.CustomerID]bool) iter.Seq2[billing.CustomerID, error] {
	if len(done) == 0 {
		return ids
	}
	return func(yield func(billing.CustomerID, error) bool) {
		for id, err := range ids {
			if err == nil && done[id] {
				continue
			}
			if !yield(id, err) {
				return
			}
		}
	}
}

// notEmpty yields ids, and the error none if the list is empty.
func notEmpty(ids iter.Seq2[billing.CustomerID, error], none error) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		empty := true
		for id, err := range ids {
			empty = false
			if !yield(id, err) {
				return
			}
		}
		if empty {
			yield("", none)
		}
	}
}

// ChoosePartners returns the partners with these names; without names, all partners. A
// name that the configuration does not have is a UsageError.
func ChoosePartners(partners []config.Partner, names []string) ([]config.Partner, error) {
	if len(names) == 0 {
		return partners, nil
	}
	var chosen []config.Partner
	for _, p := range partners {
		if slices.Contains(names, p.Name) {
			chosen = append(chosen, p)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(partners, func(p config.Partner) bool { return p.Name == name }) {
			var known []string
			for _, p := range partners {
				known = append(known, p.Name)
			}
			return nil, &UsageError{fmt.Errorf("the configuration has no partner %q; it has %s", name, strings.Join(known, ", "))}
		}
	}
	return chosen, nil
}

// ChooseCustomers divides named customers among partners; without names it selects all
// customers. With one partner, the customers belong to it, listed or not. With several,
// each customer belongs to the partners that list it; a customer that no partner lists
// is ambiguous and a UsageError.
func ChooseCustomers(partners []config.Partner, named []billing.CustomerID) ([]Selection, error) {
	if len(named) == 0 {
		return Everybody(partners), nil
	}
	if len(partners) == 1 {
		return []Selection{{Partner: partners[0], Customers: named}}, nil
	}
	wanted := make(map[billing.CustomerID]bool, len(named))
	for _, id := range named {
		wanted[id] = true
	}
	claimed := make(map[billing.CustomerID]bool, len(named))
	var chosen []Selection
	for _, p := range partners {
		s := Selection{Partner: p}
		for id, err := range p.Customers.Listed() {
			if err != nil {
				return nil, &ConfigError{fmt.Errorf("partner %s: %w", p.Name, err)}
			}
			if wanted[id] {
				s.Customers = append(s.Customers, id)
				claimed[id] = true
			}
		}
		if len(s.Customers) > 0 {
			chosen = append(chosen, s)
		}
	}
	for _, id := range named {
		if !claimed[id] {
			return nil, &UsageError{fmt.Errorf("no partner lists the customer %s; name its partner with --partner", id)}
		}
	}
	return chosen, nil
}

// NamedCustomers reads the ids that a command names directly and in a file; either may
// be empty.
func NamedCustomers(ids []string, file string) ([]billing.CustomerID, error) {
	var named []billing.CustomerID
	for _, text := range ids {
		id, err := billing.ParseCustomerID(text)
		if err != nil {
			return nil, &UsageError{fmt.Errorf("--customer %w", err)}
		}
		named = append(named, id)
	}
	if file != "" {
		listed, err := config.ReadCustomersFile(file)
		if err != nil {
			return nil, err
		}
		named = append(named, listed...)
	}
	return named, nil
}
