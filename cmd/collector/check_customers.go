package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"partnercost/internal/billing"
	"partnercost/internal/collector"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
)

// namedAtMost is how many ids a comparison names before it only counts.
const namedAtMost = 10

// compareLists compares the configured list of customers with that of Partner Center,
// and names who is missing from which. It only takes note: a list may be a part of
// the customers on purpose, and a run does not need Partner Center's.
func compareLists(ctx context.Context, checks *checks, about string, partner config.Partner, client *fetch.Client) {
	about += "list of customers"
	absent, unknown, err := missing(partner.Customers.Listed(), collector.Discovered(ctx, partner, client))
	if err != nil {
		checks.note(about, "not compared with Partner Center's: "+err.Error())
		return
	}
	if len(absent) > 0 {
		checks.note(about, fmt.Sprintf("%d customers of Partner Center are neither configured nor excluded: %s", len(absent), someOf(absent)))
	}
	if len(unknown) > 0 {
		checks.note(about, fmt.Sprintf("%d configured customers are not in Partner Center's list: %s", len(unknown), someOf(unknown)))
	}
	if len(absent)+len(unknown) == 0 {
		checks.report(about, nil, "the same as Partner Center's")
	}
}

// missing returns who is listed but not configured, and who is configured but not
// listed.
func missing(configured, listed iter.Seq2[billing.CustomerID, error]) (absent, unknown []string, err error) {
	there := map[billing.CustomerID]bool{}
	for id, err := range listed {
		if err != nil {
			return nil, nil, err
		}
		there[id] = true
	}
	for id, err := range configured {
		if err != nil {
			return nil, nil, err
		}
		if !there[id] {
			unknown = append(unknown, string(id))
		}
		delete(there, id)
	}
	for id := range there {
		absent = append(absent, string(id))
	}
	return absent, unknown, nil
}

// someOf names the first ids, in order.
func someOf(ids []string) string {
	slices.Sort(ids)
	if more := len(ids) - namedAtMost; more > 0 {
		return strings.Join(ids[:namedAtMost], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(ids, ", ")
}
