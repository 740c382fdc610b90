package fetch

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"partnercost/internal/billing"
)

// wireItems is a page of servicecosts/mostrecent/lineitems (API.md 5.3).
type wireItems struct {
	wirePaging
	Items []wireItem `json:"items"`
}

var itemsForm = documentForm[wireItems]()

// errNoItems marks a page without its array of items. A page with an empty array is
// valid.
var errNoItems = errors.New("it has no items, as a page must")

type wireItem struct {
	InvoiceType              text   `json:"invoiceType"`
	InvoiceNumber            text   `json:"invoiceNumber"`
	ChargeType               text   `json:"chargeType"`
	StartDate                moment `json:"startDate"`
	EndDate                  moment `json:"endDate"`
	SubscriptionID           text   `json:"subscriptionId"`
	SubscriptionFriendlyName text   `json:"subscriptionFriendlyName"`
	OrderID                  text   `json:"orderId"`
	OfferID                  text   `json:"offerId"`
	OfferName                text   `json:"offerName"`
	ProductID                text   `json:"productId"`
	ProductName              text   `json:"productName"`
	SkuID                    text   `json:"skuId"`
	SkuName                  text   `json:"skuName"`
	AvailabilityID           text   `json:"availabilityId"`
	PublisherID              text   `json:"publisherId"`
	PublisherName            text   `json:"publisherName"`
	ResellerMPNID            text   `json:"resellerMPNId"`
	TermAndBillingCycle      text   `json:"termAndBillingCycle"`
	DiscountDetails          text   `json:"discountDetails"`
	Quantity                 amount `json:"quantity"`
	UnitPrice                amount `json:"unitPrice"`
	PretaxTotal              amount `json:"pretaxTotal"`
	Tax                      amount `json:"tax"`
	AfterTaxTotal            amount `json:"afterTaxTotal"`
	CurrencyCode             text   `json:"currencyCode"`
	CurrencySymbol           text   `json:"currencySymbol"`
	CustomerID               text   `json:"customerId"`
	CustomerName             text   `json:"customerName"`
}

// lineItem reads one item. Its set is not known before the items are compared with the
// summary.
func (w *wireItem) lineItem() (billing.LineItem, error) {
	err := firstFault(
		fault{"startDate", w.StartDate.err}, fault{"endDate", w.EndDate.err}, fault{"quantity", w.Quantity.err},
		fault{"unitPrice", w.UnitPrice.err}, fault{"pretaxTotal", w.PretaxTotal.err}, fault{"tax", w.Tax.err},
		fault{"afterTaxTotal", w.AfterTaxTotal.err},
	)
	return billing.LineItem{
		InvoiceType:   billing.ParseInvoiceType(string(w.InvoiceType)),
		InvoiceNumber: string(w.InvoiceNumber), ChargeType: string(w.ChargeType),
		StartDate: w.StartDate.value, EndDate: w.EndDate.value,
		SubscriptionID: string(w.SubscriptionID), SubscriptionFriendlyName: string(w.SubscriptionFriendlyName),
		OrderID: string(w.OrderID), OfferID: string(w.OfferID), OfferName: string(w.OfferName),
		ProductID: string(w.ProductID), ProductName: string(w.ProductName),
		SkuID: string(w.SkuID), SkuName: string(w.SkuName), AvailabilityID: string(w.AvailabilityID),
		PublisherID: string(w.PublisherID), PublisherName: string(w.PublisherName),
		ResellerMPNID: string(w.ResellerMPNID), TermAndBillingCycle: string(w.TermAndBillingCycle), DiscountDetails: string(w.DiscountDetails),
		Quantity: w.Quantity.value, UnitPrice: w.UnitPrice.value,
		PretaxTotal: w.PretaxTotal.value, Tax: w.Tax.value, AfterTaxTotal: w.AfterTaxTotal.value,
		CurrencyCode: strings.ToUpper(string(w.CurrencyCode)), CurrencySymbol: string(w.CurrencySymbol),
	}, err
}

// lineItems are the decoded pages of a customer's line items.
type lineItems struct {
	items []billing.LineItem
	// counted is the sum of the counts that the pages state, and lastCount is the count of
	// the last page, because it is not documented whether totalCount covers the page or
	// the whole collection. Without any count, neither is valid.
	counted, lastCount billing.Amount
	// pages compares the counts that the pages state with the items they list.
	pages     pageCount
	customers []text
	// customerName is the customer name of the last item that has one.
	customerName text
}

// noLineItems returns the line items before the first page has been read.
func noLineItems() *lineItems { return &lineItems{items: []billing.LineItem{}} }

// decodeLineItems reads a body of line items with one or more pages.
func decodeLineItems(body []byte) (*lineItems, error) {
	l := noLineItems()
	if err := decodePages(billing.LineItemsDocument, itemsForm, body, l.add); err != nil {
		return nil, err
	}
	if err := l.pages.check(); err != nil {
		return nil, notDocument(billing.LineItemsDocument, err)
	}
	return l, nil
}

// add appends a page. An error leaves l unchanged, so that the page can be read again.
// A page of items without any content lists something else, such as customers or
// errors. Accepting it as line items would empty what is stored.
func (l *lineItems) add(page *wireItems, has keySet) error {
	switch {
	case page.Items == nil:
		return notDocument(billing.LineItemsDocument, errNoItems)
	case len(page.Items) == 0 && itemsForm.hasFaultKey(has):
		return notDocument(billing.LineItemsDocument, errBlank)
	}
	if page.TotalCount.err != nil {
		return placed(billing.LineItemsDocument, fmt.Errorf("totalCount: %w", page.TotalCount.err))
	}
	if len(page.Items) > 0 && !slices.ContainsFunc(page.Items, func(w wireItem) bool { return w != (wireItem{}) }) {
		return notDocument(billing.LineItemsDocument, errors.New("none of its items has a field of a line item"))
	}
	all, customers, name := l.items, l.customers, l.customerName
	if len(all) == 0 {
		all = make([]billing.LineItem, 0, len(page.Items))
	}
	for i := range page.Items {
		item, err := page.Items[i].lineItem()
		if err != nil {
			return placed(billing.LineItemsDocument, fmt.Errorf("items[%d].%w", len(all), err))
		}
		all = append(all, item)
		if id := page.Items[i].CustomerID; len(customers) == 0 || customers[len(customers)-1] != id {
			customers = append(customers, id)
		}
		if page.Items[i].CustomerName != "" {
			name = page.Items[i].CustomerName
		}
	}
	l.items, l.customers, l.customerName = all, customers, name
	l.pages = l.pages.with(page.TotalCount.value, len(page.Items))
	l.lastCount = page.TotalCount.value
	switch {
	case !l.lastCount.Valid:
	case l.counted.Valid:
		l.counted.Decimal = l.counted.Decimal.Add(l.lastCount.Decimal)
	default:
		l.counted = l.lastCount
	}
	return nil
}

// disagrees reports whether the service states fewer items than it listed. If it states
// more, the list is incomplete (pageCount).
func (l *lineItems) disagrees() bool {
	is := func(count billing.Amount) bool { return count.Decimal.Equal(countOf(len(l.items))) }
	return l.counted.Valid && !is(l.counted) && (!l.lastCount.Valid || !is(l.lastCount))
}
