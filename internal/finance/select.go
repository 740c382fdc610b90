package finance

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"partnercost/internal/billing"
)

// Selection selects rows of the views. A nil pointer and a zero value select all rows. A
// pointer to an empty text selects the rows that state none.
type Selection struct {
	// Month is the first day of a month in UTC. The zero time selects costs whose period
	// has no stated end.
	Month       *time.Time
	Since       *time.Time
	Partner     string
	Customer    billing.CustomerID
	Currency    *string
	InvoiceType *string
	// PeriodStart is the day on which the billing period starts, YYYY-MM-DD.
	PeriodStart *string
	Ordinal     int
	Severity    string
	// Invoice is the number of an invoice. Verdict is a verdict of the reconciliation.
	Invoice, Verdict string
	// Search is a part of a name or of an id.
	Search string
	// Now is the time as of which coverage is judged.
	Now time.Time
	// Open are the invoice types whose month is open. In them, the costs of the month before
	// count only for customers that already have costs in the month.
	Open []string
	// Top selects the first rows of each currency, partner or severity; 0 selects all.
	Top int
}

// date returns a day as a parameter: a date, or NULL for the zero time.
func date(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.DateOnly)
}

// first returns the condition that the column place is at most s.Top.
func (s Selection) first(place string) string {
	if s.Top == 0 {
		return ""
	}
	return fmt.Sprintf(" WHERE %s <= %d", place, s.Top)
}

// conditions collects the conditions of a query and the values of its parameters.
type conditions struct {
	terms []string
	args  []any
}

// parameter adds a value and returns its placeholder.
func (c *conditions) parameter(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

// add adds a condition. Its ? stands for the value.
func (c *conditions) add(term string, value any) {
	c.terms = append(c.terms, strings.ReplaceAll(term, "?", c.parameter(value)))
}

// equal adds the condition that a column has a text, or is NULL if the text is empty.
func (c *conditions) equal(column string, text *string, cast string) {
	switch {
	case text == nil:
	case *text == "":
		c.terms = append(c.terms, column+" IS NULL")
	default:
		c.add(column+" = ?::"+cast, *text)
	}
}

// whose adds the conditions on the partner and the customer, which most views share.
func (c *conditions) whose(alias string, s Selection) {
	if s.Partner != "" {
		c.add(alias+".partner = ?::text", s.Partner)
	}
	if s.Customer != "" {
		c.add(alias+".customer_id = ?::uuid", string(s.Customer))
	}
}

func (c *conditions) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}

// and returns the conditions as the continuation of others.
func (c *conditions) and() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " AND " + strings.Join(c.terms, " AND ")
}

// ofPartner returns the conditions that select one partner or, if it is empty, all.
func ofPartner(partner string) conditions {
	var c conditions
	if partner != "" {
		c.add("partner = ?::text", partner)
	}
	return c
}
