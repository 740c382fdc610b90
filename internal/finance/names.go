package finance

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"partnercost/internal/billing"
)

// Named is a customer that a text may mean.
type Named struct {
	ID      billing.CustomerID
	Name    string
	Partner string
}

// NoSingleCustomerError is the error of a text that names no customer, or several.
type NoSingleCustomerError struct {
	Text string
	// Candidates are the first customers that the text may mean.
	Candidates []Named
	// More says that there are more candidates.
	More bool
}

func (e *NoSingleCustomerError) Error() string {
	if len(e.Candidates) == 0 {
		return fmt.Sprintf("no customer has %q in its name; give a name, a part of it, or the GUID", e.Text)
	}
	var list strings.Builder
	for _, c := range e.Candidates {
		fmt.Fprintf(&list, "\n  %s  %s (partner %s)", c.ID, c.Name, c.Partner)
	}
	if e.More {
		list.WriteString("\n  ...")
	}
	return fmt.Sprintf("%q may mean several customers; give the GUID, or more of the name:%s", e.Text, list.String())
}

// candidates is the largest number of customers that an error lists.
const candidates = 10

// FindByName returns the customer that a text means: by its GUID, its name, or a part of
// its name that no other name has. Case and accents do not matter. Otherwise the error is
// a NoSingleCustomerError.
func (r *Reader) FindByName(ctx context.Context, text string) (billing.CustomerID, error) {
	if id, err := billing.ParseCustomerID(text); err == nil {
		return id, nil
	}
	type match struct {
		Named

		Whole bool
	}
	var found []match
	err := r.read(ctx, func(tx pgx.Tx) error {
		// A whole name precedes a part of one. A customer of two partners is one customer.
		rows, err := tx.Query(ctx, `SELECT customer_id::text, min(name), min(partner), bool_or(whole) FROM (
				SELECT customer_id, company_name AS name, partner, finance.fold(company_name) = finance.fold($1) AS whole
				FROM finance.customers WHERE strpos(finance.fold(company_name), finance.fold($1)) > 0) c
			GROUP BY customer_id ORDER BY bool_or(whole) DESC, min(name), customer_id LIMIT $2`, strings.TrimSpace(text), candidates+1)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m match, err error) {
			err = row.Scan(&m.ID, &m.Name, &m.Partner, &m.Whole)
			return m, err
		})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("look the customer up: %w", err)
	}
	if len(found) == 1 || len(found) > 1 && found[0].Whole && !found[1].Whole {
		return found[0].ID, nil
	}
	failure := &NoSingleCustomerError{Text: text, More: len(found) > candidates}
	for _, m := range found[:min(len(found), candidates)] {
		failure.Candidates = append(failure.Candidates, m.Named)
	}
	return "", failure
}
