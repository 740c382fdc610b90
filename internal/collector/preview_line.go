package collector

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
)

// PreviewTotals counts the customers of a preview.
type PreviewTotals struct {
	Customers int `json:"customers"`
	New       int `json:"new"`
	Restated  int `json:"restated"`
	// Changed counts the customers of which only the profile or the line items change.
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	NoCosts   int `json:"no_costs"`
	Failed    int `json:"failed"`
}

// PreviewLine is the expected result for one customer.
type PreviewLine struct {
	Partner    string             `json:"partner"`
	CustomerID billing.CustomerID `json:"customer_id"`
	// Outcome is new, restated, changed, unchanged, no_costs or failed.
	Outcome        string       `json:"outcome"`
	Changes        []CostChange `json:"changes,omitempty"`
	ProfileChanged bool         `json:"profile_changed,omitempty"`
	LineItemSets   int          `json:"line_item_sets_changed,omitempty"`
	// Withdrawn details are no longer derived; only replays have them.
	Withdrawn int    `json:"withdrawn,omitempty"`
	Error     string `json:"error,omitempty"`
}

// CostChange is a cost that is new or restated. The amounts are those after tax.
type CostChange struct {
	// Change is new or restated. Before a restatement the amount may have been missing.
	Change       string              `json:"change"`
	InvoiceType  billing.InvoiceType `json:"invoice_type"`
	PeriodStart  string              `json:"period_start"`
	PeriodEnd    string              `json:"period_end"`
	CurrencyCode string              `json:"currency_code"`
	Before       *json.Number        `json:"before"`
	After        *json.Number        `json:"after"`
	Difference   *json.Number        `json:"difference,omitempty"`
	// EndBefore is set when the end of the period moves.
	EndBefore string `json:"period_end_before,omitempty"`
}

// NewPreviewLine returns the line for a result. failure is nil when everything was
// read.
func NewPreviewLine(partner string, r billing.CustomerResult, failure *billing.Failure) PreviewLine {
	line := PreviewLine{Partner: partner, CustomerID: r.CustomerID, ProfileChanged: r.ProfileChanged, LineItemSets: r.LineItemSetsChanged}
	var restated bool
	for _, change := range r.Changes {
		restated = restated || change.Before != nil
		line.Changes = append(line.Changes, NewCostChange(change))
	}
	switch r.Outcome {
	case billing.OutcomeStored:
		switch {
		case restated:
			line.Outcome = "restated"
		case len(r.Changes) > 0:
			line.Outcome = "new"
		default:
			line.Outcome = "changed"
		}
	case billing.OutcomeUnchanged, billing.OutcomeNoCosts:
		line.Outcome = string(r.Outcome)
	default:
		line.Outcome = "failed"
	}
	if failure != nil {
		line.Error = failure.Error()
	}
	return line
}

// NewCostChange returns a change with exact numbers.
func NewCostChange(c billing.DetailChange) CostChange {
	change := CostChange{
		Change: "new", InvoiceType: c.InvoiceType, PeriodStart: day(c.After.Period.Start), PeriodEnd: day(c.After.Period.End),
		CurrencyCode: c.After.CurrencyCode, After: number(c.After.AfterTaxTotal),
	}
	if c.Before != nil {
		change.Change = "restated"
		change.Before = number(c.Before.AfterTaxTotal)
		if c.Before.AfterTaxTotal.Valid && c.After.AfterTaxTotal.Valid {
			change.Difference = number(decimal.NewNullDecimal(c.After.AfterTaxTotal.Decimal.Sub(c.Before.AfterTaxTotal.Decimal)))
		}
		if end := day(c.Before.Period.End); end != change.PeriodEnd {
			change.EndBefore = end
		}
	}
	return change
}

// number returns an amount as an exact JSON number, nil when the service states none.
func number(a billing.Amount) *json.Number {
	if !a.Valid {
		return nil
	}
	n := json.Number(a.Decimal.String())
	return &n
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// String returns the line of a text preview.
func (l PreviewLine) String() string {
	var parts []string
	for _, c := range l.Changes {
		parts = append(parts, c.String())
	}
	if l.ProfileChanged {
		parts = append(parts, "billing profile")
	}
	if l.LineItemSets > 0 {
		parts = append(parts, "line items")
	}
	if l.Withdrawn > 0 {
		parts = append(parts, fmt.Sprintf("%d withdrawn", l.Withdrawn))
	}
	word := strings.ReplaceAll(l.Outcome, "_", " ")
	if l.Error != "" {
		word += ": " + l.Error
	}
	if len(parts) > 0 {
		word = fmt.Sprintf("%-9s  %s", word, strings.Join(parts, "; "))
	}
	return fmt.Sprintf("%s  %s  %s", l.Partner, l.CustomerID, word)
}

// String describes one change, such as "Recurring 2026-10-05..2026-11-04 USD 17.22 ->
// 18 (+0.78)".
func (c CostChange) String() string {
	period := c.PeriodStart + ".." + c.PeriodEnd
	if c.EndBefore != "" {
		period += " (end was " + c.EndBefore + ")"
	}
	text := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", c.InvoiceType, period, c.CurrencyCode)), " ")
	switch {
	case c.Difference != nil:
		difference := c.Difference.String()
		if !strings.HasPrefix(difference, "-") {
			difference = "+" + difference
		}
		return fmt.Sprintf("%s %s -> %s (%s)", text, amount(c.Before), amount(c.After), difference)
	case c.Change == "restated":
		return fmt.Sprintf("%s %s -> %s", text, amount(c.Before), amount(c.After))
	}
	return text + " " + amount(c.After)
}

func amount(n *json.Number) string {
	if n == nil {
		return "(no amount)"
	}
	return n.String()
}

// Count counts a customer by the outcome of its line.
func (t *PreviewTotals) Count(outcome string) {
	t.Customers++
	switch outcome {
	case "new":
		t.New++
	case "restated":
		t.Restated++
	case "changed":
		t.Changed++
	case "unchanged":
		t.Unchanged++
	case "no_costs":
		t.NoCosts++
	default:
		t.Failed++
	}
}

// String returns the last line of a text preview.
func (t *PreviewTotals) String() string {
	return fmt.Sprintf("%d customers: %d new, %d restated, %d changed otherwise, %d unchanged, %d no costs, %d failed; nothing was written",
		t.Customers, t.New, t.Restated, t.Changed, t.Unchanged, t.NoCosts, t.Failed)
}
