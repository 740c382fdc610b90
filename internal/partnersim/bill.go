package partnersim

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"partnercost/internal/billing"
)

// tail is the last decimal of an amount that passed through a binary float before it
// was sent, as in 17.219999999999999 (API.md 5.4 point 9).
var tail = decimal.New(1, -15)

// One month in oddityEvery has an oddity.
const oddityEvery = 20

// costs invents a customer's summary and the line items that add up to it exactly.
func (w *world) costs(c customer, cal *calendar) (*billing.CostSummary, []billing.LineItem) {
	summary := &billing.CostSummary{}
	if c.costs != hasCosts {
		recurring := recurringPeriod(w.start, cal.recurring, c.day)
		if c.costs.inBody() {
			zero := decimal.NewNullDecimal(decimal.Zero)
			summary.BodyCustomerID = c.id
			summary.Root = billing.CostTotals{Period: recurring, CurrencySymbol: c.market.currency.symbol, PretaxTotal: zero, Tax: zero, AfterTaxTotal: zero}
		}
		if c.costs == zeroTotals {
			totals := summary.Root
			totals.CurrencyCode = c.market.currency.code
			summary.Details = []billing.CostDetail{{InvoiceType: billing.Recurring, CostTotals: totals}}
		}
		return summary, []billing.LineItem{}
	}

	summary.BodyCustomerID = c.id
	// Each set uses the capacity behind the one before, so that there is one allocation.
	items := make([]billing.LineItem, 0, c.items+4)
	if c.recurring {
		recurring, set := w.recurringSet(items, c, cal.recurring, cal.recurringRestated)
		items = append(items, set...)
		summary.Details = append(summary.Details, details(billing.Recurring, recurring, set)...)
	}
	if c.oneTime {
		period, set := w.oneTimeSet(items[len(items):], c, cal.oneTime, cal.oneTimeRestated)
		items = append(items, set...)
		summary.Details = append(summary.Details, details(billing.OneTime, period, set)...)
	}
	summary.Root = summary.Details[0].CostTotals
	summary.Root.CurrencyCode = ""
	return summary, items
}

// recurringSet returns the line items of a customer's subscriptions in a period, after
// the last restatement.
func (w *world) recurringSet(room []billing.LineItem, c customer, month int, restated []restatement) (billing.Period, []billing.LineItem) {
	period := recurringPeriod(w.start, month, c.day)
	set := w.recurringItems(room, c, period, month)
	for _, e := range restated {
		if hit, _ := w.restates(c, e); hit {
			r := w.seed.random(topicRestated, c.index, e.step, 1)
			set = restate(set, c.market, r)
			// The end of a period is a value like any other: it may move.
			if r.IntN(16) == 0 {
				period.End = period.End.AddDate(0, 0, 1)
			}
		}
	}
	return period, set
}

// oneTimeSet returns the line items of a customer's purchases in a month, after the
// last restatement.
func (w *world) oneTimeSet(room []billing.LineItem, c customer, month int, restated []restatement) (billing.Period, []billing.LineItem) {
	period := oneTimePeriod(w.start, month)
	set := w.oneTimeItems(room, c, period, month)
	for _, e := range restated {
		if _, hit := w.restates(c, e); hit {
			set = restate(set, c.market, w.seed.random(topicRestated, c.index, e.step, 2))
		}
	}
	return period, set
}

// recurringItems are the subscriptions of a customer, the same every month apart from
// their quantities. They are billed in advance, so their dates lie after the period
// (API.md 5.4 point 6).
func (w *world) recurringItems(set []billing.LineItem, c customer, period billing.Period, month int) []billing.LineItem {
	lasting := w.seed.random(topicSubscriptions, c.index)
	monthly := w.seed.random(topicRecurring, c.index, uint64(month))
	count := c.items
	if c.oneTime {
		count -= c.items / 3
	}
	invoice := w.invoiceNumber("D", c, month)
	for i := range count {
		// The first subscription is never the free trial, which comes last, so a customer
		// with costs has an amount.
		o := &recurringOffers[lasting.IntN(len(recurringOffers)-1)]
		if i > 0 && lasting.IntN(12) == 0 {
			o = &recurringOffers[len(recurringOffers)-1]
		}
		item := newItem(o, lasting)
		item.InvoiceType, item.SetStart, item.InvoiceNumber = billing.Recurring, period.Start, invoice
		item.ChargeType = "CYCLE FEE"
		item.StartDate = period.Start.AddDate(0, 1, 0)
		item.EndDate = item.StartDate.AddDate(0, 1, -1)
		quantity := decimal.NewFromInt(int64(1 + lasting.IntN(40) + monthly.IntN(4)))
		if o.metered {
			quantity = decimal.New(int64(50_000+monthly.IntN(9_000_000)), -3)
		}
		price(&item, c.market, c.market.currency, quantity, listPrice(o, c.market.currency))
		set = append(set, item)
	}
	if monthly.IntN(6) == 0 {
		set = append(set, prorated(set[0], c.market, monthly))
	}
	return withOddity(set, len(set), c.market.currency, monthly)
}

// oneTimeItems are the purchases of a calendar month; some are refunds, and a few
// are billed in a second currency.
func (w *world) oneTimeItems(set []billing.LineItem, c customer, period billing.Period, month int) []billing.LineItem {
	monthly := w.seed.random(topicOneTime, c.index, uint64(month))
	count := c.items
	if c.recurring {
		count = max(1, c.items/3)
	}
	invoice := w.invoiceNumber("T", c, month)
	for i := range count {
		o := &oneTimeOffers[monthly.IntN(len(oneTimeOffers))]
		item := newItem(o, monthly)
		item.InvoiceType, item.SetStart, item.InvoiceNumber = billing.OneTime, period.Start, invoice
		item.ChargeType = "PURCHASE FEE"
		item.StartDate = period.Start.AddDate(0, 0, monthly.IntN(28))
		item.EndDate = item.StartDate.AddDate(1, 0, -1)
		unit := listPrice(o, c.market.currency)
		if i > 0 && monthly.IntN(12) == 0 {
			// The refund is a minor unit smaller, so that it cannot cancel a purchase by chance.
			item.ChargeType, unit = "ONE TIME REFUND", decimal.New(1, -c.market.currency.decimals).Sub(unit)
		}
		price(&item, c.market, c.market.currency, decimal.NewFromInt(int64(1+monthly.IntN(5))), unit)
		set = append(set, item)
	}
	if monthly.IntN(25) == 0 {
		set = append(set, w.foreignItem(c, set[0], monthly))
	}
	return withOddity(set, count, c.market.currency, monthly)
}

// foreignItem is a purchase billed in a currency other than the market's, which
// gives the invoice type a second detail.
func (w *world) foreignItem(c customer, like billing.LineItem, r *rand.Rand) billing.LineItem {
	other := dollar
	if c.market.currency.code == dollar.code {
		other = euro
	}
	o := &oneTimeOffers[r.IntN(len(oneTimeOffers))]
	item := newItem(o, r)
	item.InvoiceType, item.SetStart, item.InvoiceNumber = like.InvoiceType, like.SetStart, like.InvoiceNumber
	item.ChargeType, item.StartDate, item.EndDate = "PURCHASE FEE", like.StartDate, like.EndDate
	price(&item, c.market, other, decimal.NewFromInt(1), listPrice(o, other))
	return item
}

func (w *world) invoiceNumber(prefix string, c customer, month int) string {
	digits := strconv.FormatUint(1_000_000_000+w.seed.hash(topicInvoice, c.index, uint64(month))%1_000_000_000, 10)
	return prefix + digits[1:]
}

// newItem is a line for an offer, without dates and amounts.
func newItem(o *offer, r *rand.Rand) billing.LineItem {
	return billing.LineItem{
		SubscriptionID:           formatGUID(r.Uint64(), r.Uint64(), upperHex),
		SubscriptionFriendlyName: o.name,
		OrderID:                  formatGUID(r.Uint64(), r.Uint64(), upperHex),
		OfferID:                  formatGUID(mix(uint64(o.cents)), mix(uint64(len(o.name))), upperHex),
		OfferName:                o.name,
		ProductID:                o.productID,
		ProductName:              o.product,
		SkuID:                    o.skuID,
		SkuName:                  o.sku,
		AvailabilityID:           o.availabilityID,
		PublisherID:              o.publisherID,
		PublisherName:            o.publisher,
		ResellerMPNID:            "-1",
		TermAndBillingCycle:      o.term,
		DiscountDetails:          o.discount,
	}
}

// listPrice is the price of one unit in a currency.
func listPrice(o *offer, in currency) decimal.Decimal {
	minor := o.cents * in.rate / 100
	if o.metered {
		return decimal.New(minor, -in.decimals-4)
	}
	return decimal.New(minor, -in.decimals)
}

// price sets quantity and unit price and derives the amounts from them.
func price(item *billing.LineItem, m *market, in currency, quantity, unit decimal.Decimal) {
	pretax := quantity.Mul(unit)
	if !quantity.IsInteger() {
		pretax = pretax.Round(in.decimals)
	}
	tax := decimal.Zero
	if m.taxPermille != 0 {
		tax = pretax.Mul(decimal.New(m.taxPermille, -3)).Round(in.decimals)
	}
	item.CurrencyCode, item.CurrencySymbol = in.code, in.symbol
	item.Quantity = decimal.NewNullDecimal(quantity)
	item.UnitPrice = decimal.NewNullDecimal(unit)
	setAmounts(item, pretax, tax)
}

func setAmounts(item *billing.LineItem, pretax, tax decimal.Decimal) {
	item.PretaxTotal = decimal.NewNullDecimal(pretax)
	item.Tax = decimal.NewNullDecimal(tax)
	item.AfterTaxTotal = decimal.NewNullDecimal(pretax.Add(tax))
}

// prorated returns a correction of a subscription that changed within the period.
func prorated(like billing.LineItem, m *market, r *rand.Rand) billing.LineItem {
	unit := decimal.New(int64(1+r.IntN(4_000)), -m.currency.decimals)
	like.ChargeType = "PURCHASE PRORATE"
	if r.IntN(2) == 0 {
		like.ChargeType, unit = "CANCEL PRORATE", unit.Neg()
	}
	price(&like, m, m.currency, decimal.NewFromInt(1), unit)
	return like
}

// withOddity adds a true duplicate of the last line to a few sets, and to a few others
// a pair of lines whose amounts are off by the tail of a float, in opposite directions.
// The first domestic lines are in the currency of the market.
func withOddity(set []billing.LineItem, domestic int, in currency, r *rand.Rand) []billing.LineItem {
	switch oddity := r.IntN(oddityEvery); {
	case oddity == 0:
		return append(set, set[len(set)-1])
	case oddity == 1 && domestic >= 2 && in.decimals > 0:
		setAmounts(&set[0], set[0].PretaxTotal.Decimal.Sub(tail), set[0].Tax.Decimal)
		setAmounts(&set[1], set[1].PretaxTotal.Decimal.Add(tail), set[1].Tax.Decimal)
	}
	return set
}

// restate changes a set so that the total of exactly one currency changes: one more
// unit, one line less, or one more credit.
func restate(set []billing.LineItem, m *market, r *rand.Rand) []billing.LineItem {
	at := r.IntN(len(set))
	item := &set[at]
	whole := item.Quantity.Decimal.IsInteger() && item.CurrencyCode == m.currency.code
	switch kind := r.IntN(3); {
	case kind == 0 && whole && !item.UnitPrice.Decimal.IsZero():
		price(item, m, m.currency, item.Quantity.Decimal.Add(decimal.NewFromInt(1)), item.UnitPrice.Decimal)
		return set
	case kind == 1 && at > 0 && !item.PretaxTotal.Decimal.IsZero() && hasOther(set, at):
		return slices.Delete(set, at, at+1)
	}
	credit := set[0]
	credit.ChargeType = "CREDIT"
	price(&credit, m, m.currency, decimal.NewFromInt(1), decimal.New(-int64(1+r.IntN(5_000)), -m.currency.decimals))
	return append(set, credit)
}

// hasOther reports whether the set has another line in the currency of the line at an
// index.
func hasOther(set []billing.LineItem, at int) bool {
	for i := range set {
		if i != at && set[i].CurrencyCode == set[at].CurrencyCode {
			return true
		}
	}
	return false
}

// details sums a set up: one detail per currency, in the order of first appearance.
func details(invoiceType billing.InvoiceType, period billing.Period, set []billing.LineItem) []billing.CostDetail {
	var found []billing.CostDetail
	for i := range set {
		item := &set[i]
		at := slices.IndexFunc(found, func(d billing.CostDetail) bool { return d.CurrencyCode == item.CurrencyCode })
		if at < 0 {
			found = append(found, billing.CostDetail{InvoiceType: invoiceType, CostTotals: billing.CostTotals{
				Period: period, CurrencyCode: item.CurrencyCode, CurrencySymbol: item.CurrencySymbol,
				PretaxTotal: item.PretaxTotal, Tax: item.Tax, AfterTaxTotal: item.AfterTaxTotal,
			}})
			continue
		}
		d := &found[at]
		d.PretaxTotal.Decimal = d.PretaxTotal.Decimal.Add(item.PretaxTotal.Decimal)
		d.Tax.Decimal = d.Tax.Decimal.Add(item.Tax.Decimal)
		d.AfterTaxTotal.Decimal = d.AfterTaxTotal.Decimal.Add(item.AfterTaxTotal.Decimal)
	}
	return found
}
