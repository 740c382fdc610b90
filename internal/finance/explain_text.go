package finance

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
	"partnercost/internal/sheet"
)

// WriteText writes the explanation, and then its answers, for people.
func (e Explanation) WriteText(w io.Writer) error {
	out := &explanationText{w: w}
	if len(e.Costs) == 0 {
		out.line("Customer %s has no cost whose period ends in %s.", e.CustomerID, e.Period)
		if len(e.Months) > 0 {
			out.line("It has costs that end in %s.", strings.Join(e.Months, ", "))
		}
	}
	for i := range e.Costs {
		if i > 0 {
			out.line("")
		}
		out.cost(&e.Costs[i])
	}
	if len(e.Findings) > 0 {
		out.line("\nFindings about the customer:")
		out.findings(e.Findings)
	}
	if out.err != nil {
		return out.err
	}
	return writeAnswers(w, e.Bodies)
}

// explanationText writes printable text until the first error.
type explanationText struct {
	w   io.Writer
	err error
}

func (o *explanationText) line(format string, args ...any) {
	for i, arg := range args {
		if text, isText := arg.(string); isText {
			args[i] = sheet.Printable(text)
		}
	}
	if o.err == nil {
		_, o.err = fmt.Fprintf(o.w, format+"\n", args...)
	}
}

func (o *explanationText) table(t sheet.Table) {
	if o.err == nil {
		o.err = t.Write(sheet.NewText(o.w))
	}
}

func (o *explanationText) cost(c *ExplainedCost) {
	number := ""
	if c.Ordinal > 1 {
		number = fmt.Sprintf(" #%d", c.Ordinal)
	}
	o.line("%s %s to %s%s: %s %s after tax, %s before tax, %s of tax", cmp.Or(c.InvoiceType, "(no type)"), cmp.Or(c.PeriodStart, "(no start)"), c.PeriodEnd, number,
		statedAmount(c.AfterTaxTotal), cmp.Or(c.CurrencyCode, "(no currency)"), statedAmount(c.PretaxTotal), statedAmount(c.Tax))
	o.line("Partner %s, customer %s", c.Partner, cmp.Or(c.CompanyName, "(name unknown)"))

	revisions := sheet.Table{
		Header: []string{"VALUE", "FROM", "UNTIL", "BEFORE TAX", "TAX", "AFTER TAX", "PERIOD END", "ORIGIN", "RUN", "KIND", "VERSION", "SUMMARY", "LINE ITEMS"},
		Right:  []bool{true, false, false, true, true, true},
	}
	for _, r := range c.Revisions {
		revisions.Rows = append(revisions.Rows, []string{
			strconv.Itoa(r.Revision), toSecond(r.StoredAt), untilText(r.SupersededAt), statedAmount(r.PretaxTotal), statedAmount(r.Tax), statedAmount(r.AfterTaxTotal), cmp.Or(r.PeriodEnd, "-"),
			r.Origin, r.Run.ID, cmp.Or(r.Run.Kind, "-"), cmp.Or(r.Run.Version, "-"), shortHash(r.SummarySHA256), shortHash(r.LineItemsSHA256),
		})
	}
	o.line("\nValues, the newest last:")
	o.table(revisions)
	for i := 1; i < len(c.Revisions); i++ {
		o.changes(c, c.Revisions[i-1], c.Revisions[i])
	}

	sets := sheet.Table{
		Header: []string{"SET", "FROM", "UNTIL", "ITEMS", "ORIGIN", "RUN", "KIND", "VERSION", "REPLACED BY RUN", "LINE ITEMS"},
		Right:  []bool{true, false, false, true},
	}
	for _, s := range c.LineItemSets {
		by := "-"
		if s.SupersededBy != nil {
			by = s.SupersededBy.ID
		}
		sets.Rows = append(sets.Rows, []string{
			strconv.Itoa(s.Revision), toSecond(s.StoredAt), untilText(s.SupersededAt), strconv.Itoa(s.ItemCount), s.Origin, s.Run.ID, cmp.Or(s.Run.Kind, "-"),
			cmp.Or(s.Run.Version, "-"), by, shortHash(s.LineItemsSHA256),
		})
	}
	if len(sets.Rows) == 0 {
		o.line("\nNo line items were collected.")
	} else {
		o.line("\nSets of line items, the newest last:")
		o.table(sets)
		o.items(c.LineItems)
	}
	if len(c.Findings) > 0 {
		o.line("\nFindings:")
		o.findings(c.Findings)
	}
}

// changes writes why a value replaced another.
func (o *explanationText) changes(c *ExplainedCost, before, after CostRevision) {
	difference := ExactAmount{}
	if before.AfterTaxTotal.Valid && after.AfterTaxTotal.Valid {
		difference = exact(after.AfterTaxTotal.Decimal.Sub(before.AfterTaxTotal.Decimal))
	}
	o.line("\nWhy value %s differs from the one before by %s %s after tax:", strconv.Itoa(after.Revision), signed(difference), cmp.Or(c.CurrencyCode, "(no currency)"))
	table := sheet.Table{
		Header: []string{"DIFFERENCE", "SHARE", "CHANGE", "WHAT", "CHARGE", "FROM", "TO", "BEFORE", "AFTER"},
		Right:  []bool{true, true, false, false, false, false, false, true, true},
	}
	for _, l := range c.LineChanges {
		if l.Revision != after.Revision {
			continue
		}
		share := "-"
		if l.SharePercent.Valid {
			share = l.SharePercent.String() + " %"
		}
		table.Rows = append(table.Rows, []string{
			signed(l.Difference), share, l.Change, cmp.Or(l.Name, "-"), cmp.Or(l.ChargeType, "-"), cmp.Or(l.StartDate, "-"), cmp.Or(l.EndDate, "-"),
			amountOrDash(l.AfterTaxBefore), amountOrDash(l.AfterTaxAfter),
		})
	}
	if len(table.Rows) == 0 {
		o.line("no line item changed")
		return
	}
	o.table(table)
}

func (o *explanationText) items(items []ExplainedItem) {
	table := sheet.Table{
		Header: []string{"ITEM", "CHARGE", "FROM", "TO", "INVOICE", "WHAT", "QUANTITY", "UNIT PRICE", "BEFORE TAX", "TAX", "AFTER TAX", "CURRENCY"},
		Right:  []bool{true, false, false, false, false, false, true, true, true, true, true},
	}
	for _, i := range items {
		table.Rows = append(table.Rows, []string{
			strconv.Itoa(i.Ordinal), cmp.Or(i.ChargeType, "-"), cmp.Or(i.StartDate, "-"), cmp.Or(i.EndDate, "-"), cmp.Or(i.InvoiceNumber, "-"),
			cmp.Or(i.OfferName, i.ProductName, i.SkuName, "-"), statedAmount(i.Quantity), statedAmount(i.UnitPrice), statedAmount(i.PretaxTotal), statedAmount(i.Tax), statedAmount(i.AfterTaxTotal),
			cmp.Or(i.CurrencyCode, "-"),
		})
	}
	if len(table.Rows) > 0 {
		o.line("\nLine items of the newest set:")
		o.table(table)
	}
}

func (o *explanationText) findings(findings []ExplainedFinding) {
	table := sheet.Table{Header: []string{"SEVERITY", "KIND", "SINCE", "RESOLVED", "FINDING"}}
	for _, f := range findings {
		table.Rows = append(table.Rows, []string{f.Severity, billing.FindingKind(f.Kind).Title(), toSecond(f.FirstSeenAt), untilText(f.ResolvedAt), f.Detail})
	}
	o.table(table)
}

func statedAmount(a ExactAmount) string {
	if !a.Valid {
		return "(not stated)"
	}
	return a.String()
}

func exact(d decimal.Decimal) ExactAmount {
	return ExactAmount{billing.Amount{Decimal: d, Valid: true}}
}

// signed returns an amount with its sign, also if it is positive.
func signed(a ExactAmount) string {
	if a.Valid && a.Decimal.IsPositive() {
		return "+" + a.String()
	}
	return statedAmount(a)
}

func amountOrDash(a ExactAmount) string {
	if !a.Valid {
		return "-"
	}
	return a.String()
}

func toSecond(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

func untilText(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return toSecond(*t)
}

// shortHash returns the beginning of a SHA-256, which is enough to find it in the list of
// answers.
func shortHash(hash string) string {
	if hash == "" {
		return "-"
	}
	return hash[:12]
}
