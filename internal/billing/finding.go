package billing

import (
	"strings"
	"time"
)

// Severity says how important a finding is for finance.
type Severity string

// The severities, in rising order.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Serious Severity = "serious"
)

// FindingKind is the kind of a finding. The names are used in finance.findings and are
// stable.
type FindingKind string

// The findings about a single answer.
const (
	CurrencyMissing         FindingKind = "currency_missing"
	AmountMissing           FindingKind = "amount_missing"
	PeriodMissing           FindingKind = "period_missing"
	PeriodReversed          FindingKind = "period_reversed"
	InvoiceTypeMissing      FindingKind = "invoice_type_missing"
	InvoiceTypeUnknown      FindingKind = "invoice_type_unknown"
	DuplicateDetail         FindingKind = "duplicate_detail"
	CustomerIDMismatch      FindingKind = "customer_id_mismatch"
	RootTotalsOnly          FindingKind = "root_totals_only"
	LineItemsWithoutDetail  FindingKind = "line_items_without_detail"
	LineItemsPeriodMismatch FindingKind = "line_items_period_mismatch"
	LineItemsCountMismatch  FindingKind = "line_items_count_mismatch"
	LineItemsSumMismatch    FindingKind = "line_items_sum_mismatch"
	DetailArithmetic        FindingKind = "detail_arithmetic"
	RootMismatch            FindingKind = "root_mismatch"
)

// DetailVanished is the finding about an answer that needs the stored data: a detail is
// missing from the newest answer and its invoice type has not moved to the next period.
const DetailVanished FindingKind = "detail_vanished"

// The findings about the stored data of many nights. Each run checks for them at its
// end.
const (
	CurrencyChanged FindingKind = "currency_changed"
	PeriodGap       FindingKind = "period_gap"
	PeriodOverlap   FindingKind = "period_overlap"
	CustomerUnseen  FindingKind = "customer_unseen"
	CostJump        FindingKind = "cost_jump"
	CostsMissing    FindingKind = "costs_missing"
	// RefreshOverdue concerns the whole partner.
	RefreshOverdue FindingKind = "refresh_overdue"
)

// The findings about invoices. Each run that reads invoices checks for them.
const (
	InvoiceMissing          FindingKind = "invoice_missing"
	InvoiceNoData           FindingKind = "invoice_no_data"
	InvoiceFailed           FindingKind = "invoice_failed"
	InvoicePeriodAssumed    FindingKind = "invoice_period_assumed"
	InvoiceLinesLeftOut     FindingKind = "invoice_lines_left_out"
	InvoiceTotalMismatch    FindingKind = "invoice_total_mismatch"
	InvoiceLineArithmetic   FindingKind = "invoice_line_arithmetic"
	InvoiceLineClassUnknown FindingKind = "invoice_line_class_unknown"
	InvoiceLineElsewhere    FindingKind = "invoice_line_elsewhere"
	InvoiceDifference       FindingKind = "invoice_difference"
)

// InvoiceFindings are the kinds of findings about invoices.
var InvoiceFindings = []FindingKind{
	InvoiceMissing, InvoiceNoData, InvoiceFailed, InvoicePeriodAssumed, InvoiceLinesLeftOut, InvoiceTotalMismatch, InvoiceLineArithmetic,
	InvoiceLineClassUnknown, InvoiceLineElsewhere, InvoiceDifference,
}

// Title returns the kind in words, such as "Cost jump".
func (k FindingKind) Title() string {
	words := strings.ReplaceAll(string(k), "_", " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// Finding is something unusual in an answer that finance may want to check. It never
// stops a collection, and it never holds personal data.
type Finding struct {
	Kind     FindingKind
	Severity Severity
	// Subject distinguishes findings of one kind and customer, such as "Recurring
	// 2026-10-01 USD"; it is empty when there can be only one.
	Subject string
	// Detail is a plain sentence for finance.
	Detail string
}

// Subject returns the name of a detail in findings, such as "Recurring 2026-10-01 USD".
func (d CostDetail) Subject() string {
	name, start, currency := string(d.InvoiceType), "(no period)", d.CurrencyCode
	if name == "" {
		name = "(no type)"
	}
	if !d.Period.Start.IsZero() {
		start = d.Period.Start.Format(time.DateOnly)
	}
	if currency == "" {
		currency = "(no currency)"
	}
	return name + " " + start + " " + currency
}
