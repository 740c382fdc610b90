package billing

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

var (
	// itemTolerance is the allowed difference for each line item, because the service
	// rounds them one by one (API.md 5.4 point 7).
	itemTolerance = decimal.New(1, -2)
	// roundingTolerance allows for the tails of floats, as in 17.219999999999999, but not
	// for a cent.
	roundingTolerance = decimal.New(5, -3)
)

// Reconcile checks an answer for consistency: the arithmetic of each detail, the root
// against the Recurring detail that it repeats, and the line items, unless they are
// nil, against their details. Missing values cannot be compared, and amounts of
// different currencies never are.
func Reconcile(costs CostSummary, items []LineItem) []Finding {
	var found []Finding
	for _, d := range costs.Details {
		found = append(found, d.reconcile()...)
	}
	found = append(found, costs.reconcileRoot()...)
	if items != nil {
		found = append(found, costs.reconcileItems(items)...)
	}
	return found
}

// reconcile checks that the amounts of a detail add up.
func (d CostDetail) reconcile() []Finding {
	sum := plus(d.PretaxTotal, d.Tax)
	if agree(sum, d.AfterTaxTotal, roundingTolerance) {
		return nil
	}
	return []Finding{{
		Kind: DetailArithmetic, Severity: Warning, Subject: d.Subject(),
		Detail: fmt.Sprintf("The cost %s states %s before tax and %s of tax, which is %s, but %s after tax.", d.Subject(),
			money(d.PretaxTotal, d.CurrencyCode), money(d.Tax, d.CurrencyCode), money(sum, d.CurrencyCode), money(d.AfterTaxTotal, d.CurrencyCode)),
	}}
}

// reconcileRoot checks that the root repeats a Recurring detail, or the sum of several
// in one currency.
func (s *CostSummary) reconcileRoot() []Finding {
	var recurring []CostTotals
	sums := map[string]int{} // the indexes of the sums of several details, by currency
	for _, d := range s.Details {
		if d.InvoiceType != Recurring {
			continue
		}
		recurring = append(recurring, d.CostTotals)
		switch i, known := sums[d.CurrencyCode]; {
		case known:
			recurring[i] = recurring[i].plus(d.CostTotals)
		default:
			sums[d.CurrencyCode] = len(recurring)
			recurring = append(recurring, d.CostTotals)
		}
	}
	if len(recurring) == 0 {
		return nil
	}
	root := s.Root
	var nearest *CostTotals
	for i, t := range recurring {
		if root.CurrencyCode != "" && t.CurrencyCode != "" && root.CurrencyCode != t.CurrencyCode {
			continue
		}
		if agreeEach(root.amounts(), t.amounts(), roundingTolerance) {
			return nil
		}
		if nearest == nil {
			nearest = &recurring[i]
		}
	}
	const consequence = "The root totals are kept for audit and are not part of any cost."
	f := Finding{Kind: RootMismatch, Severity: Warning}
	if nearest == nil {
		f.Detail = fmt.Sprintf("The cost summary states root totals in %s, but has no Recurring cost in this currency for them to repeat. %s", root.CurrencyCode, consequence)
	} else {
		f.Detail = fmt.Sprintf("The root totals of the cost summary do not repeat its Recurring cost: they are %s. %s",
			strings.Join(differences(root.amounts(), nearest.amounts(), roundingTolerance, nearest.CurrencyCode), ", "), consequence)
	}
	return []Finding{f}
}

// reconcileItems checks that the line items of each invoice type and currency add up
// to its details.
func (s *CostSummary) reconcileItems(items []LineItem) []Finding {
	var found []Finding
	compared := s.compareItems(items)
	for _, c := range compared.sums {
		if off := differences(c.listed, c.stated, c.within, c.detail.CurrencyCode); len(off) > 0 {
			found = append(found, Finding{
				Kind: LineItemsSumMismatch, Severity: Warning, Subject: c.detail.Subject(),
				Detail: fmt.Sprintf("The line items of the cost %s (%d) do not add up to it: together they are %s.", c.detail.Subject(), c.items, strings.Join(off, ", ")),
			})
		}
	}
	for _, key := range compared.withoutDetail {
		found = append(found, Finding{
			Kind: LineItemsWithoutDetail, Severity: Warning, Subject: string(key.invoiceType) + " " + key.currency,
			Detail: fmt.Sprintf("There are line items of %s in %s, but the cost summary has no entry of this type in this currency.", key.invoiceType, key.currency),
		})
	}
	return found
}

// Differing returns the invoice types whose line items before tax do not add up to the
// details.
func (s *CostSummary) Differing(items []LineItem) map[InvoiceType]bool {
	types := map[InvoiceType]bool{}
	for _, sum := range s.compareItems(items).sums {
		if !agree(sum.listed[0], sum.stated[0], sum.within) {
			types[sum.detail.InvoiceType] = true
		}
	}
	return types
}

// itemComparison is the sums of line items with the details to which they belong.
type itemComparison struct {
	sums []itemSum
	// withoutDetail are the types that have details, but none in the currency of the
	// items.
	withoutDetail []groupKey
}

// itemSum is the sum of the line items of one invoice type and currency.
type itemSum struct {
	// detail is the first detail of that type and currency.
	detail         CostDetail
	items          int
	listed, stated [3]Amount
	// within is the allowed difference between the two sums.
	within decimal.Decimal
}

// compareItems adds up the line items of each invoice type and currency, and its
// details. Several details of one type and currency are added together, because the
// items do not state to which of them they belong. Items without a currency may belong
// to any detail of their type. That type is not compared; such items are a finding of
// their own.
func (s *CostSummary) compareItems(items []LineItem) itemComparison {
	listed := groups{}
	for i := range items {
		item := &items[i]
		listed.add(item.InvoiceType, item.CurrencyCode, [3]Amount{item.PretaxTotal, item.Tax, item.AfterTaxTotal})
	}
	stated, types := groups{}, map[InvoiceType]bool{}
	for i := range s.Details {
		d := &s.Details[i]
		stated.add(d.InvoiceType, d.CurrencyCode, d.amounts())
		types[d.InvoiceType] = true
	}
	canCompare := func(key groupKey) bool {
		return key.currency != "" && !listed.has(groupKey{key.invoiceType, ""}) && !stated.has(groupKey{key.invoiceType, ""})
	}
	var compared itemComparison
	done := map[groupKey]bool{}
	for _, d := range s.Details {
		key := groupKey{d.InvoiceType, d.CurrencyCode}
		if done[key] || !canCompare(key) {
			continue
		}
		done[key] = true
		count, sum := 0, nothing
		if g := listed[key]; g != nil {
			count, sum = g.members, g.sum
		}
		compared.sums = append(compared.sums, itemSum{
			detail: d, items: count, listed: sum, stated: stated[key].sum,
			within: itemTolerance.Mul(decimal.NewFromInt(int64(max(count, 1)))),
		})
	}
	for i := range items {
		key := groupKey{items[i].InvoiceType, items[i].CurrencyCode}
		if done[key] || !types[key.invoiceType] || !canCompare(key) {
			continue
		}
		done[key] = true
		compared.withoutDetail = append(compared.withoutDetail, key)
	}
	return compared
}

// groups are amounts added up by invoice type and currency.
type groups map[groupKey]*amountGroup

type groupKey struct {
	invoiceType InvoiceType
	currency    string
}

type amountGroup struct {
	members int
	sum     [3]Amount
}

func (g groups) add(invoiceType InvoiceType, currency string, amounts [3]Amount) {
	key := groupKey{invoiceType, currency}
	if g[key] == nil {
		g[key] = &amountGroup{sum: nothing}
	}
	g[key].members++
	g[key].sum = plusEach(g[key].sum, amounts)
}

func (g groups) has(key groupKey) bool { return g[key] != nil }

func (t CostTotals) amounts() [3]Amount { return [3]Amount{t.PretaxTotal, t.Tax, t.AfterTaxTotal} }

// plus adds the amounts of u, which has the same currency.
func (t CostTotals) plus(u CostTotals) CostTotals {
	sum := plusEach(t.amounts(), u.amounts())
	t.PretaxTotal, t.Tax, t.AfterTaxTotal = sum[0], sum[1], sum[2]
	return t
}

// nothing is the beginning of a sum.
var nothing = [3]Amount{{Valid: true}, {Valid: true}, {Valid: true}}

// plus adds two amounts. The sum with a missing amount is missing too.
func plus(a, b Amount) Amount {
	if !a.Valid || !b.Valid {
		return Amount{}
	}
	return decimal.NewNullDecimal(a.Decimal.Add(b.Decimal))
}

func plusEach(a, b [3]Amount) [3]Amount {
	for i := range a {
		a[i] = plus(a[i], b[i])
	}
	return a
}

// agree reports whether two amounts are close enough, or cannot be compared.
func agree(a, b Amount, within decimal.Decimal) bool {
	return !a.Valid || !b.Valid || a.Decimal.Sub(b.Decimal).Abs().LessThanOrEqual(within)
}

// agreeEach reports whether amounts before tax, of tax and after tax all agree.
func agreeEach(got, want [3]Amount, within decimal.Decimal) bool {
	for i := range got {
		if !agree(got[i], want[i], within) {
			return false
		}
	}
	return true
}

// differences describes where amounts before tax, of tax and after tax differ from the
// wanted ones.
func differences(got, want [3]Amount, within decimal.Decimal, currency string) []string {
	var off []string
	for i, name := range [...]string{"before tax", "of tax", "after tax"} {
		if !agree(got[i], want[i], within) {
			off = append(off, fmt.Sprintf("%s instead of %s %s", money(got[i], currency), money(want[i], currency), name))
		}
	}
	return off
}

// money returns an amount with its currency, if that is stated.
func money(a Amount, currency string) string {
	return strings.TrimSpace(a.Decimal.String() + " " + currency)
}
