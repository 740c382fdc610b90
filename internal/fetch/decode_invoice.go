package fetch

import (
	"fmt"
	"strings"
	"time"

	"partnercost/internal/billing"
)

// invoiceDocument is the name of answers about invoices in errors.
const invoiceDocument billing.DocumentKind = "invoices"

// wireInvoice is an invoice (HISTORY.md 2.2). An amendment has the same fields.
type wireInvoice struct {
	wireInvoiceFields
	Amendments []wireInvoiceFields `json:"amendments"`
}

type wireInvoiceFields struct {
	ID             text   `json:"id"`
	InvoiceDate    day    `json:"invoiceDate"`
	PeriodStart    day    `json:"billingPeriodStartDate"`
	PeriodEnd      day    `json:"billingPeriodEndDate"`
	TotalCharges   amount `json:"totalCharges"`
	PaidAmount     amount `json:"paidAmount"`
	CurrencyCode   text   `json:"currencyCode"`
	InvoiceDetails []struct {
		LineType text `json:"invoiceLineItemType"`
		Provider text `json:"billingProvider"`
		Links    struct {
			Self wireLink `json:"self"`
		} `json:"links"`
	} `json:"invoiceDetails"`
	DocumentType text `json:"documentType"`
	AmendsOf     text `json:"amendsOf"`
	InvoiceType  text `json:"invoiceType"`
}

// wireInvoices is a page of the list of invoices.
type wireInvoices struct {
	wirePaging
	Items []wireInvoice `json:"items"`
}

// wireInvoiceSummaries is the answer of invoices/summaries, one for each currency.
type wireInvoiceSummaries struct {
	Items []struct {
		CurrencyCode text `json:"currencyCode"`
		Details      []struct {
			InvoiceType text `json:"invoiceType"`
			Summary     struct {
				LatestInvoiceDate day `json:"latestInvoiceDate"`
			} `json:"summary"`
		} `json:"details"`
	} `json:"items"`
}

var (
	invoiceForm          = documentForm[wireInvoice]()
	invoicesForm         = documentForm[wireInvoices]()
	invoiceSummariesForm = documentForm[wireInvoiceSummaries]()
)

// day is a JSON string with a time, of which only the date as written counts. An error
// is kept until the place of the date in the answer is known.
type day struct {
	value time.Time
	err   error
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *day) UnmarshalJSON(literal []byte) error {
	*d = day{}
	if literal[0] != '"' && literal[0] != 'n' {
		d.err = fmt.Errorf("a JSON %s is not a time", kindOf(literal))
		return nil
	}
	var s text
	if err := s.UnmarshalJSON(literal); err != nil {
		return err
	}
	d.value, d.err = billing.ParseDay(string(s))
	return nil
}

// invoices returns the invoice and its amendments, each as an invoice of its own.
func (w *wireInvoice) invoices() ([]billing.Invoice, error) {
	parent, err := w.invoice()
	if err != nil {
		return nil, err
	}
	all := []billing.Invoice{parent}
	for i := range w.Amendments {
		amendment, err := w.Amendments[i].invoice()
		if err != nil {
			return nil, fmt.Errorf("amendments[%d].%w", i, err)
		}
		if amendment.Amends == "" {
			amendment.Amends = parent.ID
		}
		if amendment.Type == "" {
			amendment.Type = parent.Type
		}
		all = append(all, amendment)
	}
	return all, nil
}

func (w *wireInvoiceFields) invoice() (billing.Invoice, error) {
	err := firstFault(fault{"invoiceDate", w.InvoiceDate.err}, fault{"billingPeriodStartDate", w.PeriodStart.err},
		fault{"billingPeriodEndDate", w.PeriodEnd.err}, fault{"totalCharges", w.TotalCharges.err}, fault{"paidAmount", w.PaidAmount.err})
	if err == nil && !invoiceID.MatchString(string(w.ID)) {
		err = fmt.Errorf("id: %w", errNotInvoiceID)
	}
	if err != nil {
		return billing.Invoice{}, err
	}
	i := billing.Invoice{
		ID: string(w.ID), Type: billing.ParseInvoiceType(string(w.InvoiceType)), DocumentType: string(w.DocumentType), Amends: string(w.AmendsOf),
		Date: w.InvoiceDate.value, PeriodStart: w.PeriodStart.value, PeriodEnd: w.PeriodEnd.value,
		Total: w.TotalCharges.value, Paid: w.PaidAmount.value, CurrencyCode: strings.ToUpper(string(w.CurrencyCode)),
	}
	if i.Amends == i.ID {
		i.Amends = ""
	}
	if i.Type == "" { // every invoice states its type today, and its number implies it
		switch {
		case strings.HasPrefix(i.ID, "D"):
			i.Type = billing.Recurring
		case strings.HasPrefix(i.ID, "G"):
			i.Type = billing.OneTime
		}
	}
	for _, d := range w.InvoiceDetails {
		i.Parts = append(i.Parts, billing.InvoicePart{Provider: string(d.Provider), LineType: string(d.LineType), Link: string(d.Links.Self.URI)})
	}
	return i, nil
}

// decodeInvoices reads a page of the list.
func decodeInvoices(body []byte) ([]billing.Invoice, wirePaging, error) {
	var w wireInvoices
	if _, err := decodeOne(invoiceDocument, invoicesForm, body, &w); err != nil {
		return nil, wirePaging{}, err
	}
	if w.Items == nil {
		return nil, wirePaging{}, notDocument(invoiceDocument, errNoItems)
	}
	var all []billing.Invoice
	for i := range w.Items {
		invoices, err := w.Items[i].invoices()
		if err != nil {
			return nil, wirePaging{}, placed(invoiceDocument, fmt.Errorf("items[%d].%w", i, err))
		}
		all = append(all, invoices...)
	}
	return all, w.wirePaging, nil
}

// decodeInvoice reads the answer about one invoice, and its amendments.
func decodeInvoice(body []byte) ([]billing.Invoice, error) {
	var w wireInvoice
	if _, err := decodeOne(invoiceDocument, invoiceForm, body, &w); err != nil {
		return nil, err
	}
	all, err := w.invoices()
	if err != nil {
		return nil, placed(invoiceDocument, err)
	}
	return all, nil
}

// decodeInvoiceSummaries reads the newest invoice of each currency and type.
func decodeInvoiceSummaries(body []byte) ([]billing.InvoiceSummary, error) {
	var w wireInvoiceSummaries
	if _, err := decodeOne(invoiceDocument, invoiceSummariesForm, body, &w); err != nil {
		return nil, err
	}
	if w.Items == nil {
		return nil, notDocument(invoiceDocument, errNoItems)
	}
	var all []billing.InvoiceSummary
	for i, item := range w.Items {
		for k, d := range item.Details {
			if err := d.Summary.LatestInvoiceDate.err; err != nil {
				return nil, placed(invoiceDocument, fmt.Errorf("items[%d].details[%d].summary.latestInvoiceDate: %w", i, k, err))
			}
			all = append(all, billing.InvoiceSummary{
				Type: billing.ParseInvoiceType(string(d.InvoiceType)), CurrencyCode: strings.ToUpper(string(item.CurrencyCode)),
				Latest: d.Summary.LatestInvoiceDate.value,
			})
		}
	}
	return all, nil
}
