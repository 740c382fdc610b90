package fetch

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"partnercost/internal/billing"
)

// wireSummary is the answer of servicecosts/mostrecent (API.md 5.2).
type wireSummary struct {
	wireTotals
	Details []wireDetail `json:"details"`
	Links   struct {
		LineItems wireLink `json:"serviceCostLineItems"`
	} `json:"links"`
}

type wireDetail struct {
	InvoiceType text        `json:"invoiceType"`
	Summary     *wireTotals `json:"summary"`
}

type wireTotals struct {
	BillingStartDate moment `json:"billingStartDate"`
	BillingEndDate   moment `json:"billingEndDate"`
	PretaxTotal      amount `json:"pretaxTotal"`
	Tax              amount `json:"tax"`
	AfterTaxTotal    amount `json:"afterTaxTotal"`
	CurrencyCode     text   `json:"currencyCode"`
	CurrencySymbol   text   `json:"currencySymbol"`
	CustomerID       text   `json:"customerId"`
}

// totals reads the amounts and their period.
func (w *wireTotals) totals() (billing.CostTotals, error) {
	err := firstFault(
		fault{"billingStartDate", w.BillingStartDate.err}, fault{"billingEndDate", w.BillingEndDate.err},
		fault{"pretaxTotal", w.PretaxTotal.err}, fault{"tax", w.Tax.err}, fault{"afterTaxTotal", w.AfterTaxTotal.err},
	)
	return billing.CostTotals{
		Period:       billing.Period{Start: w.BillingStartDate.value, End: w.BillingEndDate.value},
		CurrencyCode: strings.ToUpper(string(w.CurrencyCode)), CurrencySymbol: string(w.CurrencySymbol),
		PretaxTotal: w.PretaxTotal.value, Tax: w.Tax.value, AfterTaxTotal: w.AfterTaxTotal.value,
	}, err
}

// isEmpty reports whether no value is stated. The currency's symbol and the customer's
// id do not count, because they mean nothing without the others.
func (w *wireTotals) isEmpty() bool {
	return w == nil || w.BillingStartDate.value.IsZero() && w.BillingEndDate.value.IsZero() &&
		!w.PretaxTotal.value.Valid && !w.Tax.value.Valid && !w.AfterTaxTotal.value.Valid && w.CurrencyCode == ""
}

// summary is a decoded cost summary, with values that only the other parts of the
// statement need.
type summary struct {
	costs    billing.CostSummary
	findings findings
	// customers are the customer ids in the body.
	customers []text
	// types are the spellings of the invoice types in the details.
	types billing.Spellings
	// lineItems is the link to the line items.
	lineItems wireLink
}

// noCosts returns the summary for a refusal that says "no costs" (API.md 3.6).
func noCosts() *summary { return &summary{types: billing.Spellings{}} }

var summaryForm = documentForm[wireSummary]()

// decodeSummary reads a cost summary. A summary without details is "no costs" (API.md
// 3.6) if it has any other key of a summary.
//
// A detail without any value, such as null or {}, is left out with a finding. A detail
// with an invoice type or any other value is kept, however little it states, because
// finance must see that it exists.
func decodeSummary(body []byte) (*summary, error) {
	var w wireSummary
	has, err := decodeOne(billing.SummaryDocument, summaryForm, body, &w)
	if err != nil {
		return nil, err
	}
	if !summaryForm.among(has, "details", "billingStartDate", "billingEndDate", "pretaxTotal", "tax", "afterTaxTotal",
		"currencyCode", "currencySymbol", "customerId") {
		return nil, notDocument(billing.SummaryDocument, errors.New("it has no key of a cost summary"))
	}
	root, err := w.totals()
	if err != nil {
		return nil, placed(billing.SummaryDocument, err)
	}
	s := &summary{
		costs:     billing.CostSummary{Root: root, BodyCustomerID: string(w.CustomerID)},
		customers: []text{w.CustomerID},
		types:     billing.Spellings{},
		lineItems: w.Links.LineItems,
	}
	if len(w.Details) > 0 {
		s.costs.Details = make([]billing.CostDetail, 0, len(w.Details))
	}
	for i := range w.Details {
		d := &w.Details[i]
		detail := billing.CostDetail{InvoiceType: s.types.First(billing.ParseInvoiceType(string(d.InvoiceType)))}
		if d.Summary != nil {
			if detail.CostTotals, err = d.Summary.totals(); err != nil {
				return nil, placed(billing.SummaryDocument, fmt.Errorf("details[%d].summary.%w", i, err))
			}
			s.customers = append(s.customers, d.Summary.CustomerID)
		}
		if detail.InvoiceType == "" && d.Summary.isEmpty() {
			s.findings.add(billing.AmountMissing, billing.Serious, fmt.Sprintf("details[%d]", i),
				"An entry of the cost summary has no values and was left out.")
			continue
		}
		s.costs.Details = append(s.costs.Details, detail)
	}
	if !s.hasCosts() && summaryForm.hasFaultKey(has) {
		return nil, notDocument(billing.SummaryDocument, errBlank)
	}
	s.examine()
	return s, nil
}

// hasCosts reports whether there are costs to which line items could belong.
func (s *summary) hasCosts() bool { return s.costs.HasItems() }

// examine adds the findings about the details.
func (s *summary) examine() {
	stated := make(map[string]bool, len(s.costs.Details)) // by the key of a detail
	for _, d := range s.costs.Details {
		subject := d.Subject()
		switch d.InvoiceType {
		case billing.Recurring, billing.OneTime:
		case "":
			s.findings.add(billing.InvoiceTypeMissing, billing.Warning, subject, "The cost %s names no invoice type.", subject)
		default:
			s.findings.add(billing.InvoiceTypeUnknown, billing.Info, string(d.InvoiceType),
				"The invoice type %q is new to this program; its costs are stored like those of the others.", d.InvoiceType)
		}
		switch start, end := d.Period.Start, d.Period.End; {
		case start.IsZero():
			s.findings.add(billing.PeriodMissing, billing.Serious, subject, "The cost %s does not say when its period starts.", subject)
		case end.IsZero():
			s.findings.add(billing.PeriodMissing, billing.Serious, subject,
				"The cost %s does not say when its period ends, and counts in no month.", subject)
		case end.Before(start):
			s.findings.add(billing.PeriodReversed, billing.Serious, subject,
				"The period of the cost %s ends on %s, before it starts.", subject, end.Format(time.DateOnly))
		}
		if d.CurrencyCode == "" {
			s.findings.add(billing.CurrencyMissing, billing.Warning, subject, "The cost %s names no currency; its amounts are stored without one.", subject)
		}
		if missing := missingAmounts(d.PretaxTotal, d.Tax, d.AfterTaxTotal); missing != "" {
			s.findings.add(billing.AmountMissing, billing.Serious, subject, "The cost %s does not state its %s.", subject, missing)
		}
		if stated[subject] {
			s.findings.add(billing.DuplicateDetail, billing.Warning, subject, "The cost %s is stated more than once in one answer; all are stored.", subject)
		}
		stated[subject] = true
	}
	if len(s.costs.Details) == 0 && s.hasCosts() {
		s.findings.add(billing.RootTotalsOnly, billing.Warning, "",
			"The cost summary states root totals but no invoice type; the totals are kept for audit and are not part of any cost.")
	}
}

// missingAmounts lists in words the amounts that are not stated.
func missingAmounts(pretax, tax, afterTax billing.Amount) string {
	var missing []string
	if !pretax.Valid {
		missing = append(missing, "total before tax")
	}
	if !tax.Valid {
		missing = append(missing, "tax")
	}
	if !afterTax.Valid {
		missing = append(missing, "total after tax")
	}
	return strings.Join(missing, ", ")
}
