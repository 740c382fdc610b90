package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"partnercost/internal/billing"
	"partnercost/internal/config"
)

// selection is what one run collects: a partner's customers, or some of them.
type selection struct {
	partner config.Partner
	// customers are those named on the command line; nil means all of the partner's.
	customers []billing.CustomerID
	// total is their number, 0 while it must still be discovered.
	total int
	// done are those of the partner's to leave out, because an earlier run has them.
	done map[billing.CustomerID]bool
}

// without leaves out who is done.
func (s selection) without(done []billing.CustomerID) (selection, error) {
	s.done = make(map[billing.CustomerID]bool, len(done))
	for _, id := range done {
		s.done[id] = true
	}
	if s.partner.Customers.Discover {
		return s, nil
	}
	s.total = 0
	for id, err := range s.partner.Customers.Listed() {
		if err != nil {
			return s, configError(fmt.Errorf("partner %s: %w", s.partner.Name, err))
		}
		if !s.done[id] {
			s.total++
		}
	}
	return s, nil
}

// notDone passes on the customers that are not done.
func (s selection) notDone(ids iter.Seq2[billing.CustomerID, error]) iter.Seq2[billing.CustomerID, error] {
	if len(s.done) == 0 {
		return ids
	}
	return func(yield func(billing.CustomerID, error) bool) {
		for id, err := range ids {
			if err == nil && s.done[id] {
				continue
			}
			if !yield(id, err) {
				return
			}
		}
	}
}

// errNoCustomers refuses an empty list: taken for the truth, it would retire every
// customer.
var errNoCustomers = errors.New("the partner's list of customers is empty; check the relationships in Partner Center, or name customers in the configuration")

// choosePartners returns the partners with these names, all without any. A name that
// the configuration does not know is a usage error.
func choosePartners(partners []config.Partner, names []string) ([]config.Partner, error) {
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
			return nil, usageError("the configuration has no partner %q; it has %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

// chooseCustomers divides the customers named on the command line among partners.
// With one partner they are its own, listed or not. With several, each goes to the
// partners that list it; one that nobody lists is ambiguous and a usage error.
func chooseCustomers(partners []config.Partner, named []billing.CustomerID) ([]selection, error) {
	if len(named) == 0 {
		return everyCustomer(partners)
	}
	if len(partners) == 1 {
		return []selection{{partner: partners[0], customers: named, total: len(named)}}, nil
	}
	unclaimed := make(map[billing.CustomerID]bool, len(named))
	for _, id := range named {
		unclaimed[id] = true
	}
	wanted := make(map[billing.CustomerID]bool, len(named))
	for id := range unclaimed {
		wanted[id] = true
	}
	var chosen []selection
	for _, p := range partners {
		s := selection{partner: p}
		for id, err := range p.Customers.Listed() {
			if err != nil {
				return nil, configError(fmt.Errorf("partner %s: %w", p.Name, err))
			}
			if wanted[id] {
				s.customers = append(s.customers, id)
				delete(unclaimed, id)
			}
		}
		if s.total = len(s.customers); s.total > 0 {
			chosen = append(chosen, s)
		}
	}
	for _, id := range named {
		if unclaimed[id] {
			return nil, usageError("no partner lists the customer %s; say whose it is with --partner", id)
		}
	}
	return chosen, nil
}

func everyCustomer(partners []config.Partner) ([]selection, error) {
	var chosen []selection
	for _, p := range partners {
		s := selection{partner: p}
		for _, err := range p.Customers.Listed() {
			if err != nil {
				return nil, configError(fmt.Errorf("partner %s: %w", p.Name, err))
			}
			s.total++
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// sequence enumerates the customers; listed is the partner's list, which is read only
// if that is where they come from. Those of a list that breaks off are collected too,
// before its error ends the run.
func (s selection) sequence(ctx context.Context, listed func(context.Context) iter.Seq2[billing.CustomerID, error]) iter.Seq2[billing.CustomerID, error] {
	switch {
	case s.customers != nil:
		return func(yield func(billing.CustomerID, error) bool) {
			for _, id := range s.customers {
				if !yield(id, nil) {
					return
				}
			}
		}
	case s.partner.Customers.Discover:
		return s.notDone(someCustomers(s.partner.Customers.WithoutExcluded(ahead(ctx, listed))))
	}
	return s.notDone(s.partner.Customers.Listed())
}

// someCustomers makes an error of an empty list.
func someCustomers(ids iter.Seq2[billing.CustomerID, error]) iter.Seq2[billing.CustomerID, error] {
	return func(yield func(billing.CustomerID, error) bool) {
		empty := true
		for id, err := range ids {
			empty = false
			if !yield(id, err) {
				return
			}
		}
		if empty {
			yield("", errNoCustomers)
		}
	}
}

// namedCustomers reads the ids of --customer and --customers-file.
func namedCustomers(ids []string, file string) ([]billing.CustomerID, error) {
	var named []billing.CustomerID
	for _, text := range ids {
		id, err := billing.ParseCustomerID(text)
		if err != nil {
			return nil, usageError("--customer %w", err)
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
