package finance

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"partnercost/internal/billing"
)

// Selection narrows the rows of the views down. A nil pointer, as a zero value, stands
// for "all"; a text that is empty stands for rows that state none.
type Selection struct {
	// Month is the first day of a month in UTC. The zero time stands for costs whose
	// period has no stated end.
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
	// Invoice is the number of an invoice, Verdict that of the reconciliation.
	Invoice, Verdict string
	// Search is a part of a name or of an id.
	Search string
	// Now is the time for which is asked.
	Now time.Time
	// Open are the invoice types of which the month is open: customers are compared by
	// those that have come.
	Open []string
	// Top leaves the first so many of each currency, partner or severity; 0 leaves all.
	Top int
}

// date is a day as a query takes it: a date, or NULL for the zero time.
func date(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.DateOnly)
}

// first is the condition that leaves what s.Top asks for of a place.
func (s Selection) first(place string) string {
	if s.Top == 0 {
		return ""
	}
	return fmt.Sprintf(" WHERE %s <= %d", place, s.Top)
}

// conditions collects what a query asks for, and the values of its parameters.
type conditions struct {
	terms []string
	args  []any
}

// parameter adds a value and returns how the query names it.
func (c *conditions) parameter(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

// add adds a condition, whose ? stands for the value.
func (c *conditions) add(term string, value any) {
	c.terms = append(c.terms, strings.ReplaceAll(term, "?", c.parameter(value)))
}

// equal asks for a text, or for rows without it when the text is empty.
func (c *conditions) equal(column string, text *string, cast string) {
	switch {
	case text == nil:
	case *text == "":
		c.terms = append(c.terms, column+" IS NULL")
	default:
		c.add(column+" = ?::"+cast, *text)
	}
}

// whose adds the conditions that most views share.
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

// and continues other conditions.
func (c *conditions) and() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " AND " + strings.Join(c.terms, " AND ")
}

// ofPartner are the conditions that leave one partner or, if it is empty, all.
func ofPartner(partner string) conditions {
	var c conditions
	if partner != "" {
		c.add("partner = ?::text", partner)
	}
	return c
}
