package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"partnercost/internal/billing"
	"partnercost/internal/config"
)

// namedAtMost is how many ids a comparison names before it only counts.
const namedAtMost = 10

// compareLists compares the configured list of customers, if there is one, with that
// of Partner Center, and names who is missing from which. A difference fails the
// check: a customer that is not configured is not collected, one that Partner Center
// does not list has probably left.
func compareLists(ctx context.Context, checks *checks, about string, configured config.Customers, client *client) error {
	if configured.Discover {
		return nil
	}
	listed := map[billing.CustomerID]bool{}
	for id, err := range configured.WithoutExcluded(client.list(ctx)) {
		if err != nil {
			return err
		}
		listed[id] = true
	}
	var unknown []string
	for id, err := range configured.Listed() {
		if err != nil {
			return err
		}
		if !listed[id] {
			unknown = append(unknown, string(id))
		}
		delete(listed, id)
	}
	var left []string
	for id := range listed {
		left = append(left, string(id))
	}
	var differences []error
	if len(left) > 0 {
		differences = append(differences, fmt.Errorf("%d customers of Partner Center are not configured and not excluded: %s", len(left), someOf(left)))
	}
	if len(unknown) > 0 {
		differences = append(differences, fmt.Errorf("%d configured customers are not in Partner Center's list: %s", len(unknown), someOf(unknown)))
	}
	checks.report(about+"list of customers", errors.Join(differences...), "the same as Partner Center's")
	return nil
}

// someOf names the first ids, in order.
func someOf(ids []string) string {
	slices.Sort(ids)
	if more := len(ids) - namedAtMost; more > 0 {
		return strings.Join(ids[:namedAtMost], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(ids, ", ")
}
