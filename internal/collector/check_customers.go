package collector

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"partnercost/internal/billing"
	"partnercost/internal/config"
	"partnercost/internal/fetch"
)

// namedAtMost is how many ids a comparison names; it only counts the others.
const namedAtMost = 10

// compareLists compares the configured list of customers with Partner Center's list,
// and names the ids that are missing from either. A difference is not an error: the
// configured list may deliberately hold a part of the customers, and a run does not
// need Partner Center's list.
func compareLists(ctx context.Context, checks checks, partner config.Partner, client *fetch.Client) {
	const about = "list of customers"
	absent, unknown, err := compare(partner.Customers.Listed(), Discovered(ctx, partner, client))
	if err != nil {
		checks.note(about, "not compared with Partner Center's: "+err.Error())
		return
	}
	if len(absent) > 0 {
		checks.note(about, fmt.Sprintf("%d customers of Partner Center are neither configured nor excluded: %s", len(absent), firstOf(absent)))
	}
	if len(unknown) > 0 {
		checks.note(about, fmt.Sprintf("%d configured customers are not in Partner Center's list: %s", len(unknown), firstOf(unknown)))
	}
	if len(absent)+len(unknown) == 0 {
		checks.made(about, nil, "the same as Partner Center's")
	}
}

// compare returns the ids that are listed but not configured, and those that are
// configured but not listed.
func compare(configured, listed iter.Seq2[billing.CustomerID, error]) (absent, unknown []string, err error) {
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

// firstOf lists the first ids, in order.
func firstOf(ids []string) string {
	slices.Sort(ids)
	if more := len(ids) - namedAtMost; more > 0 {
		return strings.Join(ids[:namedAtMost], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(ids, ", ")
}
