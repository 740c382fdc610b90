package fetch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"partnercost/internal/billing"
)

// lineDocument is the name of answers with invoice lines in errors.
const lineDocument billing.DocumentKind = "invoice_lines"

// wireInvoiceLine is a line of any class (HISTORY.md 3.2 to 3.5). The classes have
// different names for the same thing, but never one name for different things. Lines of
// a future class are therefore read as far as they use names of the known ones.
type wireInvoiceLine struct {
	PartnerID     text `json:"partnerId"`
	CustomerID    text `json:"customerId"`
	CustomerName  text `json:"customerName"`
	CompanyName   text `json:"customerCompanyName"`
	InvoiceNumber text `json:"invoiceNumber"`
	ChargeType    text `json:"chargeType"`
	ChargeStart   day  `json:"chargeStartDate"`
	ChargeEnd     day  `json:"chargeEndDate"`

	// SyndicationNumber is the subscription id of a licence that Partner Center shows; the
	// line's subscriptionId is internal to billing.
	SyndicationNumber text `json:"syndicationPartnerSubscriptionNumber"`
	SubscriptionID    text `json:"subscriptionId"`
	OrderID           text `json:"orderId"`
	DurableOfferID    text `json:"durableOfferId"`
	OfferID           text `json:"offerId"`
	OfferName         text `json:"offerName"`
	ProductID         text `json:"productId"`
	ProductName       text `json:"productName"`
	ServiceName       text `json:"serviceName"`
	SkuID             text `json:"skuId"`
	Sku               text `json:"sku"`

	BillableQuantity    amount `json:"billableQuantity"`
	Quantity            amount `json:"quantity"`
	ConsumedQuantity    amount `json:"consumedQuantity"`
	UnitPrice           amount `json:"unitPrice"`
	PretaxEffectiveRate amount `json:"pretaxEffectiveRate"`

	Subtotal           amount `json:"subtotal"`
	PretaxCharges      amount `json:"pretaxCharges"`
	BillingPreTaxTotal amount `json:"billingPreTaxTotal"`
	TaxTotal           amount `json:"taxTotal"`
	Tax                amount `json:"tax"`
	TaxAmount          amount `json:"taxAmount"`
	TotalForCustomer   amount `json:"totalForCustomer"`
	PostTaxTotal       amount `json:"postTaxTotal"`
	Currency           text   `json:"currency"`
	BillingCurrency    text   `json:"billingCurrency"`

	LineType   text `json:"invoiceLineItemType"`
	Provider   text `json:"billingProvider"`
	Attributes struct {
		ObjectType text `json:"objectType"`
	} `json:"attributes"`
}

// wireInvoiceLines is a page of lines.
type wireInvoiceLines struct {
	wirePaging
	Items []wireInvoiceLine `json:"items"`
}

// wireExportLine is a line of the billed reconciliation of Microsoft Graph (API.md 7.3).
type wireExportLine struct {
	PartnerID        text   `json:"PartnerId"`
	CustomerID       text   `json:"CustomerId"`
	CustomerName     text   `json:"CustomerName"`
	InvoiceNumber    text   `json:"InvoiceNumber"`
	ChargeType       text   `json:"ChargeType"`
	ChargeStart      day    `json:"ChargeStartDate"`
	ChargeEnd        day    `json:"ChargeEndDate"`
	SubscriptionID   text   `json:"SubscriptionId"`
	OrderID          text   `json:"OrderId"`
	ProductID        text   `json:"ProductId"`
	ProductName      text   `json:"ProductName"`
	SkuID            text   `json:"SkuId"`
	BillableQuantity amount `json:"BillableQuantity"`
	Quantity         amount `json:"Quantity"`
	UnitPrice        amount `json:"UnitPrice"`
	Subtotal         amount `json:"Subtotal"`
	TaxTotal         amount `json:"TaxTotal"`
	Total            amount `json:"Total"`
	Currency         text   `json:"Currency"`
}

var (
	invoiceLinesForm = documentForm[wireInvoiceLines]()
	exportLineForm   = documentForm[wireExportLine]()
)

// class returns the class that the line states, or else the one that its provider and
// type imply.
func (w *wireInvoiceLine) class() billing.LineClass {
	if named := billing.LineClass(w.Attributes.ObjectType); named != "" {
		return named
	}
	kinds := strings.ToLower(string(w.LineType) + " " + string(w.Provider))
	switch strings.ReplaceAll(kinds, "_", "") {
	case "billinglineitems office":
		return billing.LicenceLine
	case "billinglineitems azure":
		return billing.UsageLine
	case "billinglineitems onetime", "billinglineitems all":
		return billing.OneTimeLine
	case "usagelineitems azure":
		return billing.DailyUsageLine
	case "usagelineitems marketplace", "usagelineitems onetime":
		return billing.DailyRatedUsageLine
	}
	return billing.LineClass(strings.TrimSpace(kinds))
}

func (w *wireInvoiceLine) line() (billing.InvoiceLine, error) {
	quantity := firstAmount(w.BillableQuantity, w.Quantity, w.ConsumedQuantity)
	price := firstAmount(w.UnitPrice, w.PretaxEffectiveRate)
	pretax := firstAmount(w.Subtotal, w.PretaxCharges, w.BillingPreTaxTotal)
	tax := firstAmount(w.TaxTotal, w.Tax, w.TaxAmount)
	total := firstAmount(w.TotalForCustomer, w.PostTaxTotal)
	customer := billing.ParseLineCustomer(string(w.CustomerID))
	line := billing.InvoiceLine{
		Class: w.class(), CustomerID: customer, CustomerName: firstText(w.CustomerName, w.CompanyName),
		Own:           customer != "" && customer == billing.ParseLineCustomer(string(w.PartnerID)),
		InvoiceNumber: string(w.InvoiceNumber), ChargeType: string(w.ChargeType),
		ChargeStart: w.ChargeStart.value, ChargeEnd: w.ChargeEnd.value,
		SubscriptionID: firstText(w.SyndicationNumber, w.SubscriptionID), OrderID: string(w.OrderID), OfferID: firstText(w.DurableOfferID, w.OfferID),
		ProductID: string(w.ProductID), SkuID: firstText(w.SkuID, w.Sku), ProductName: firstText(w.ProductName, w.OfferName, w.ServiceName),
		Quantity: quantity.value, UnitPrice: price.value, PretaxTotal: pretax.value, Tax: tax.value, AfterTaxTotal: total.value,
		CurrencyCode: strings.ToUpper(firstText(w.Currency, w.BillingCurrency)),
	}
	return line, firstFault(
		fault{"chargeStartDate", w.ChargeStart.err}, fault{"chargeEndDate", w.ChargeEnd.err}, fault{"quantity", quantity.err},
		fault{"unit price", price.err}, fault{"total before tax", pretax.err}, fault{"tax", tax.err}, fault{"total after tax", total.err},
	)
}

func (w *wireExportLine) line() (billing.InvoiceLine, error) {
	quantity := firstAmount(w.BillableQuantity, w.Quantity)
	customer := billing.ParseLineCustomer(string(w.CustomerID))
	line := billing.InvoiceLine{
		Class: billing.ExportedLine, CustomerID: customer, CustomerName: string(w.CustomerName),
		Own:           customer != "" && customer == billing.ParseLineCustomer(string(w.PartnerID)),
		InvoiceNumber: string(w.InvoiceNumber), ChargeType: string(w.ChargeType),
		ChargeStart: w.ChargeStart.value, ChargeEnd: w.ChargeEnd.value,
		SubscriptionID: string(w.SubscriptionID), OrderID: string(w.OrderID),
		ProductID: string(w.ProductID), SkuID: string(w.SkuID), ProductName: string(w.ProductName),
		Quantity: quantity.value, UnitPrice: w.UnitPrice.value, PretaxTotal: w.Subtotal.value, Tax: w.TaxTotal.value, AfterTaxTotal: w.Total.value,
		CurrencyCode: strings.ToUpper(string(w.Currency)),
	}
	return line, firstFault(
		fault{"ChargeStartDate", w.ChargeStart.err}, fault{"ChargeEndDate", w.ChargeEnd.err}, fault{"quantity", quantity.err},
		fault{"UnitPrice", w.UnitPrice.err}, fault{"Subtotal", w.Subtotal.err}, fault{"TaxTotal", w.TaxTotal.err}, fault{"Total", w.Total.err},
	)
}

// firstAmount returns the first amount that is stated or malformed.
func firstAmount(amounts ...amount) amount {
	for _, a := range amounts {
		if a.value.Valid || a.err != nil {
			return a
		}
	}
	return amount{}
}

// errNoAmounts marks lines that say something else than lines of an invoice: they would
// count as nothing.
var errNoAmounts = errors.New("none of its lines states an amount")

// decodeInvoiceLines reads a page of lines.
func decodeInvoiceLines(body []byte) ([]billing.InvoiceLine, wirePaging, error) {
	var w wireInvoiceLines
	if _, err := decodeOne(lineDocument, invoiceLinesForm, body, &w); err != nil {
		return nil, wirePaging{}, err
	}
	if w.Items == nil {
		return nil, wirePaging{}, notDocument(lineDocument, errNoItems)
	}
	lines := make([]billing.InvoiceLine, len(w.Items))
	stated, lacking := false, 0
	for i := range w.Items {
		var err error
		if lines[i], err = w.Items[i].line(); err != nil {
			return nil, wirePaging{}, placed(lineDocument, fmt.Errorf("items[%d].%w", i, err))
		}
		stated = stated || w.Items[i] != (wireInvoiceLine{})
		if lines[i].LacksAmount() {
			lacking++
		}
	}
	switch {
	case len(lines) == 0:
	case !stated:
		return nil, wirePaging{}, notDocument(lineDocument, errors.New("none of its items states anything of a line"))
	case lacking == len(lines):
		return nil, wirePaging{}, notDocument(lineDocument, errNoAmounts)
	}
	return lines, w.wirePaging, nil
}

// longestLine bounds the bytes of one line of an export.
const longestLine = 4 << 20

// errLongLine marks an export that cannot be a list of lines.
var errLongLine = fmt.Errorf("a line is longer than %d bytes", longestLine)

// readExport reads JSON lines and calls each for every invoice line. When each returns
// false, readExport stops.
func readExport(r io.Reader, each func(billing.InvoiceLine) bool) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 64<<10), longestLine)
	lines, lacking := 0, 0
	for at := 1; scanner.Scan(); at++ {
		raw := scanner.Bytes()
		if at == 1 {
			raw = bytes.TrimPrefix(raw, markUTF8)
		}
		raw = bytes.TrimSpace(raw)
		if len(raw) == 0 {
			continue
		}
		line, err := decodeExportLine(raw)
		if err != nil {
			return fmt.Errorf("line %d: %w", at, err)
		}
		lines++
		if line.LacksAmount() {
			lacking++
		}
		if !each(line) {
			return nil
		}
	}
	switch {
	case errors.Is(scanner.Err(), bufio.ErrTooLong):
		return placed(lineDocument, errLongLine)
	case scanner.Err() == nil && lines > 0 && lacking == lines:
		return notDocument(lineDocument, errNoAmounts)
	}
	return scanner.Err()
}

func decodeExportLine(raw []byte) (billing.InvoiceLine, error) {
	if !utf8.Valid(raw) {
		return billing.InvoiceLine{}, notDocument(lineDocument, errors.New("it is not UTF-8"))
	}
	var w wireExportLine
	if err := json.Unmarshal(raw, &w); err != nil {
		return billing.InvoiceLine{}, describe(lineDocument, err)
	}
	if _, err := exportLineForm.check(raw); err != nil {
		return billing.InvoiceLine{}, notDocument(lineDocument, err)
	}
	if w == (wireExportLine{}) {
		return billing.InvoiceLine{}, notDocument(lineDocument, errors.New("it states nothing of a line"))
	}
	line, err := w.line()
	if err != nil {
		return billing.InvoiceLine{}, placed(lineDocument, err)
	}
	return line, nil
}
