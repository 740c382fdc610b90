package collector

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"partnercost/internal/persist"
)

// InvoiceLine is what a dry run or a replay says about one invoice. Its JSON form is a line
// of either.
type InvoiceLine struct {
	Partner   string `json:"partner"`
	InvoiceID string `json:"invoice_id"`
	Month     string `json:"month"`
	New       bool   `json:"new"`
	// Total and CurrencyCode are those of a new invoice.
	Total        *json.Number `json:"total,omitempty"`
	CurrencyCode string       `json:"currency_code,omitempty"`
	// Changes are the values that change of one that is stored.
	Changes []persist.ValueChange `json:"changes,omitempty"`
	// WouldRead are the parts whose lines a run would read.
	WouldRead []string `json:"would_read,omitempty"`
	// Rederived are the parts whose lines a replay read differently, with their number.
	Rederived map[string]int `json:"lines_rederived,omitempty"`
}

// newInvoiceLine returns the line for a change of an invoice.
func newInvoiceLine(partner string, c persist.InvoiceChange) InvoiceLine {
	line := InvoiceLine{Partner: partner, InvoiceID: c.InvoiceID, Month: c.Month.Format("2006-01"), New: c.New, Changes: c.Values}
	if c.New {
		line.Total, line.CurrencyCode = number(c.Total), c.CurrencyCode
	}
	return line
}

// String returns the line of a text report.
func (l InvoiceLine) String() string {
	var said []string
	if l.New {
		amount := "total not stated"
		if l.Total != nil {
			amount = l.Total.String() + " " + l.CurrencyCode
		}
		said = append(said, "new, "+amount)
	}
	for _, c := range l.Changes {
		said = append(said, fmt.Sprintf("%s %s -> %s", strings.ReplaceAll(c.Name, "_", " "), orNone(c.Before), orNone(c.After)))
	}
	if len(l.WouldRead) > 0 {
		said = append(said, "would read "+strings.Join(l.WouldRead, ", "))
	}
	for part, lines := range l.Rederived {
		said = append(said, strconv.Itoa(lines)+" lines of "+part+" read differently")
	}
	return fmt.Sprintf("%s: invoice %s of %s: %s", l.Partner, l.InvoiceID, l.Month, strings.Join(said, ", "))
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
