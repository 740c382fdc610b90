package billing

import (
	"crypto/sha256"
	"iter"
	"strings"
	"time"
)

// Invoice is an invoice of Microsoft to the partner, as the list of invoices states it.
// An amendment is an invoice of its own: its total is not part of its parent's.
type Invoice struct {
	// ID is Microsoft's number: D… for licences and legacy Azure, G… for new commerce. Not
	// a GUID.
	ID   string
	Type InvoiceType
	// DocumentType is invoice, void_note, adjustment_note, or a future type.
	DocumentType string
	// Amends is the id of the invoice that this one amends; empty when it amends none.
	Amends string
	// Date, PeriodStart and PeriodEnd are days as written, in whatever zone. Only the
	// answer about the single invoice states the period.
	Date, PeriodStart, PeriodEnd time.Time
	// Total is after tax and with adjustments. Paid is stored and never used in
	// calculations, because its sign is not clear.
	Total, Paid  Amount
	CurrencyCode string
	// Parts are the kinds of lines that the invoice has.
	Parts []InvoicePart
	// Body is the index, among the bodies of the answer, of the body that states the
	// invoice.
	Body int
}

// Month returns the first day of the month to which the invoice's lines belong: the month
// in which its period ends. Without a period it is the month before the invoice's date;
// assumed is then true.
func (i *Invoice) Month() (month time.Time, assumed bool) {
	switch {
	case !i.PeriodEnd.IsZero():
		return firstOfMonth(i.PeriodEnd), false
	case i.Date.IsZero():
		return time.Time{}, true
	}
	return firstOfMonth(i.Date).AddDate(0, -1, 0), true
}

func firstOfMonth(day time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// AmendmentsLast returns invoices in their order, but each after the listed invoice that it
// amends. Invoices that amend each other in a circle come last.
func AmendmentsLast(invoices []Invoice) []Invoice {
	waiting := map[string]bool{}
	for _, invoice := range invoices {
		waiting[invoice.ID] = true
	}
	ordered := make([]Invoice, 0, len(invoices))
	for len(invoices) > 0 {
		var later []Invoice
		for _, invoice := range invoices {
			if waiting[invoice.Amends] {
				later = append(later, invoice)
				continue
			}
			delete(waiting, invoice.ID)
			ordered = append(ordered, invoice)
		}
		if len(later) == len(invoices) {
			return append(ordered, later...)
		}
		invoices = later
	}
	return ordered
}

// InvoicePart is one kind of lines of an invoice, with the place where the service
// lists them.
type InvoicePart struct {
	// Provider and LineType are the service's names, such as one_time and
	// billing_line_items.
	Provider, LineType string
	// Link is the address as sent; empty when there is none.
	Link string
}

// Name identifies a part within its invoice, such as "one_time/billing_line_items".
func (p InvoicePart) Name() string {
	return strings.ToLower(p.Provider) + "/" + strings.ToLower(p.LineType)
}

// IsDailyUsage reports whether the part lists daily usage, which is not collected: one
// customer may have millions of lines, and they never add up to the invoice.
func (p InvoicePart) IsDailyUsage() bool {
	return strings.EqualFold(strings.ReplaceAll(p.LineType, "_", ""), "usagelineitems")
}

// IsNewCommerce reports whether Microsoft Graph exports the lines of this part too.
func (p InvoicePart) IsNewCommerce() bool {
	switch strings.ToLower(strings.ReplaceAll(p.Provider, "_", "")) {
	case "onetime", "all", "marketplace":
		return true
	}
	return false
}

// LineSource is the interface from which lines were read.
type LineSource string

// The sources of lines, as stored in finance.invoice_lines.
const (
	// FromV1: line items of Partner Center.
	FromV1 LineSource = "v1"
	// FromV2: exports of Microsoft Graph.
	FromV2 LineSource = "v2"
)

// BilledReconciliation is the name of the export of Microsoft Graph among the parts of an
// invoice.
const BilledReconciliation = "graph/billed_reconciliation"

// LineClass is the form of a line, as its objectType names it. Lines of an unknown
// class are stored with what they state.
type LineClass string

// The known classes.
const (
	LicenceLine         LineClass = "LicenseBasedLineItem"
	UsageLine           LineClass = "UsageBasedLineItem"
	OneTimeLine         LineClass = "OneTimeInvoiceLineItem"
	DailyUsageLine      LineClass = "DailyUsageLineItem"
	DailyRatedUsageLine LineClass = "DailyRatedUsageLineItem"
	// ExportedLine is a line of an export, which states no class.
	ExportedLine LineClass = "BilledReconciliation"
)

// Known reports whether the class is one of the known ones.
func (c LineClass) Known() bool {
	switch c {
	case LicenceLine, UsageLine, OneTimeLine, DailyUsageLine, DailyRatedUsageLine, ExportedLine:
		return true
	}
	return false
}

// InvoiceLine is one line of an invoice. Lines have no identity and true duplicates
// exist: they are only ever handled as a set.
type InvoiceLine struct {
	Class LineClass
	// CustomerID is empty when the line names no customer, or something that is not a
	// tenant id.
	CustomerID   CustomerID
	CustomerName string
	// Own means that the customer is the partner itself.
	Own bool
	// InvoiceNumber is empty in classes that do not state it.
	InvoiceNumber string
	ChargeType    string
	// ChargeStart and ChargeEnd are days as written; the end is inclusive.
	ChargeStart, ChargeEnd                time.Time
	SubscriptionID, OrderID, OfferID      string
	ProductID, SkuID, ProductName         string
	Quantity, UnitPrice, PretaxTotal, Tax Amount
	AfterTaxTotal                         Amount
	CurrencyCode                          string
}

// LacksAmount reports whether the line is of a class that bills, and states no amount.
func (l *InvoiceLine) LacksAmount() bool {
	switch l.Class {
	case LicenceLine, UsageLine, OneTimeLine, ExportedLine:
		return !l.PretaxTotal.Valid && !l.AfterTaxTotal.Valid
	}
	return false
}

// LineSet is the lines of one part of an invoice, as read. It holds bodies, not lines:
// the lines are decoded each time they are needed, so memory does not grow with their
// number.
type LineSet struct {
	Source LineSource
	// Bodies are the answers without secrets: pages as received, or blobs with their
	// manifest.
	Bodies []InvoiceBody
	// ETag is the version of an export.
	ETag string
	// Lines yields the lines in the order read; an error ends the sequence.
	Lines iter.Seq2[InvoiceLine, error]
}

// InvoiceBody is an answer about invoices. It may hold personal data, but no secrets.
type InvoiceBody struct {
	// Content is the answer, byte for byte except for the secrets; if Packed, compressed
	// with gzip.
	Content []byte
	Packed  bool
	// Hash is the SHA-256 of the uncompressed answer.
	Hash [sha256.Size]byte
}

// InvoiceSummary is the state of the invoices of a currency and type.
type InvoiceSummary struct {
	Type         InvoiceType
	CurrencyCode string
	// Latest is the day of the newest invoice as written; zero when there is none.
	Latest time.Time
}

// ParseDay returns the day of a time as it is written, whatever its zone: a charge that
// ends at 23:00-08:00 ends on that day, not on the next one in UTC. Sentinels and an empty
// string give the zero time.
func ParseDay(s string) (time.Time, error) {
	instant, err := ParseTime(s)
	if err != nil || instant.IsZero() {
		return time.Time{}, err
	}
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(s)[:len(time.DateOnly)])
	if err != nil {
		return time.Time{}, err
	}
	return day, nil
}

// ParseLineCustomer reads the customer of a line: a GUID in either case, possibly after
// "org:". Anything else is no customer.
func ParseLineCustomer(s string) CustomerID {
	s = strings.TrimSpace(s)
	if len(s) > 4 && strings.EqualFold(s[:4], "org:") {
		s = s[4:]
	}
	id, err := ParseCustomerID(s)
	if err != nil {
		return ""
	}
	return id
}
