package finance

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"partnercost/internal/sheet"
)

// WriteText writes the statement for the person who signs it.
func (s *InvoiceStatement) WriteText(w io.Writer) error {
	invoices := sheet.Table{
		Header: []string{"PARTNER", "INVOICE", "TYPE", "DOCUMENT", "AMENDS", "CURRENCY", "TOTAL", "LINES", "DIFFERENCE", "STATE"},
		Right:  []bool{false, false, false, false, false, false, true, true, true},
	}
	for _, i := range s.Invoices {
		invoices.Rows = append(invoices.Rows, []string{
			i.Partner, i.InvoiceID, i.InvoiceType, i.DocumentType, cmp.Or(i.Amends, "-"), i.CurrencyCode, amountOrDash(i.Total), amountOrDash(i.LinesTotal), amountOrDash(i.Difference), i.State,
		})
	}
	totals := sheet.Table{
		Header: []string{"PARTNER", "TYPE", "CURRENCY", "CUSTOMERS", "MATCHED", "INVOICED", "SERVICE COSTS", "DIFFERENCE"},
		Right:  []bool{false, false, false, true, true, true, true, true},
	}
	for _, t := range s.Totals {
		totals.Rows = append(totals.Rows, []string{
			t.Partner, t.InvoiceType, t.CurrencyCode, strconv.FormatInt(t.Customers, 10), strconv.FormatInt(t.Matched, 10), amountOrDash(t.Invoiced), amountOrDash(t.ServiceCosts), amountOrDash(t.Difference),
		})
	}
	differences := sheet.Table{
		Header: []string{"PARTNER", "CUSTOMER", "COMPANY", "TYPE", "CURRENCY", "INVOICED", "SERVICE COSTS", "DIFFERENCE", "VERDICT", "REASON"},
		Right:  []bool{false, false, false, false, false, true, true, true},
	}
	for _, d := range s.Differences {
		differences.Rows = append(differences.Rows, []string{
			d.Partner, d.CustomerID, cmp.Or(d.CompanyName, "-"), d.InvoiceType, d.CurrencyCode, amountOrDash(d.Invoiced), amountOrDash(d.ServiceCosts), amountOrDash(d.Difference),
			strings.ReplaceAll(d.Verdict, "_", " "), cmp.Or(d.Reason, "-"),
		})
	}
	for _, part := range []struct {
		title string
		table sheet.Table
	}{{"Invoices of " + s.Period, invoices}, {"Customers by type and currency", totals}, {"Differences", differences}} {
		if len(part.table.Rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(w, part.title); err != nil {
			return err
		}
		if err := part.table.Write(sheet.NewText(w)); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	if len(s.Open) == 0 {
		_, err := fmt.Fprintln(w, "Nothing is open.")
		return err
	}
	_, err := fmt.Fprintf(w, "Open:\n  %s\n", strings.Join(s.Open, "\n  "))
	return err
}
