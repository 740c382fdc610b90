package console

import (
	"partnercost/internal/finance"
)

// tables are all there are. Dates are selected as text, so that a value that is a time
// is an instant.
var tables = []table{
	totals, movers, missingCosts, restatements, coverage, uncovered, findings, runs, now, machines, signIns, costs, history, customers, lines, changedLines, revisions,
	invoices, invoiceLines, reconciliation, reconciled,
}

var totals = table{
	name: "totals", title: "Totals", empty: "No costs match this selection.",
	note:  "A period counts in the month in which it ends. Where a type is open, the month before and the difference are those of the customers that have costs in both months.",
	order: "-month", filters: []string{"month", "currency", "type", "partner"}, ofMonth: true,
	columns: []column{
		{name: "currency_code", header: "Currency"},
		{name: "month", header: "Month"},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice},
		{name: "state", header: "State", kind: outcome, needs: allRoom},
		{name: "customers", header: "Customers", kind: number, needs: moreRoom},
		{name: "missing", header: "Missing", kind: number, needs: allRoom},
		{name: "pretax_total", header: "Before tax", kind: amount, needs: allRoom},
		{name: "tax", header: "Tax", kind: amount, needs: allRoom},
		{name: "after_tax_total", header: "After tax", kind: amount},
		{name: "after_tax_month_before", header: "Month before", kind: amount, needs: moreRoom},
		{name: "difference", header: "Difference", kind: change},
	},
	query: reading(finance.Totals),
}

var movers = table{
	name: "movers", title: "Movers", empty: "No customer's costs changed against the month before, or there is no month before.",
	note:  "The largest differences against the month before. In the newest month of a type, customers without a bill are left out: theirs may still come.",
	order: "-moved", filters: []string{"month", "currency", "type", "partner"}, ofMonth: true, inCurrency: true, sparse: true,
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "customer_id", kind: hidden},
		{name: "month", header: "Month", needs: moreRoom},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice, needs: moreRoom},
		{name: "currency_code", header: "Currency", kind: hidden},
		{name: "after_tax_before", header: "Month before", kind: amount, needs: allRoom},
		{name: "after_tax_now", header: "This month", kind: amount},
		{name: "difference", header: "Difference", kind: change},
		{name: "percent", header: "Percent", kind: percent, needs: moreRoom},
		{name: "moved", kind: rank, by: "currency_code NULLS LAST, moved"},
		{name: "place", kind: rank},
	},
	query: reading(finance.Movers),
}

var missingCosts = table{
	name: "missing-costs", title: "Missing costs", empty: "Nothing is missing: every customer has the costs that it had in the month before.",
	note:  "Customers that had costs of a type in the month before and have none in this one. After the closing day nothing more is expected.",
	order: "-last_after_tax", filters: []string{"month", "currency", "type", "partner"}, ofMonth: true,
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "customer_id", kind: hidden},
		{name: "month", header: "Month", needs: moreRoom},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice, needs: moreRoom},
		{name: "currency_code", kind: hidden},
		{name: "last_after_tax", header: "Month before", kind: amount},
		{name: "last_period_end", header: "Last period to", kind: day, needs: allRoom},
		{name: "reason", header: "Why", kind: term, absent: "May still come"},
		{name: "overdue", header: "Closing day past", kind: truth, needs: allRoom},
	},
	query: reading(finance.MissingCosts),
}

var restatements = table{
	name: "restatements", title: "Restatements", empty: "Microsoft restated no cost in this time.",
	note:  "Amounts that Microsoft changed after it had stated them. The amount after leads to which lines changed.",
	order: "-changed_at", filters: []string{"since", "currency", "type", "partner"},
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "customer_id", kind: hidden},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice, needs: moreRoom},
		{name: "period_start", header: "Period", kind: period, until: "period_end", needs: moreRoom},
		{name: "period_end", kind: hidden},
		{name: "currency_code", kind: hidden},
		{name: "after_tax_before", header: "Before", kind: amount, needs: allRoom},
		{name: "after_tax_after", header: "After", kind: cost},
		{name: "difference", header: "Difference", kind: change},
		{name: "changed_at", header: "Collected", needs: allRoom},
		{name: "run_id", kind: hidden},
		{name: "moved", kind: rank, by: "currency_code NULLS LAST, moved"},
		{name: "place", kind: rank},
		{name: "all_of_currency", kind: rank},
		{name: "sum_of_currency", kind: rank},
	},
	query: reading(finance.Restatements),
}

var coverage = table{
	name: "coverage", title: "Coverage by partner", empty: "No customer has been requested yet.",
	note:  coveredMeans,
	order: "partner", filters: []string{"partner"},
	columns: []column{
		{name: "partner", header: "Partner"},
		{name: "customers", header: "Customers", kind: number, needs: moreRoom},
		{name: "covered", header: "Covered", kind: number, needs: moreRoom},
		{name: "not_covered", header: "Not covered", kind: number},
		{name: "waiting", header: "Waiting", kind: number, needs: moreRoom},
		{name: "percent_covered", header: "Coverage", kind: share},
	},
	query: reading(finance.Coverage),
}

const coveredMeans = "A customer is covered when its costs were collected within 26 hours and no part of it is older than collect.refresh allows. " +
	"One that waits has current costs, but a profile or line items that are older."

var uncovered = table{
	name: "uncovered", title: "Coverage", empty: "Every customer is covered.",
	note:  coveredMeans,
	order: "last_success_at", filters: []string{"partner"}, above: &coverage,
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "customer_id", header: "Customer id", kind: hidden},
		{name: "last_outcome", header: "Last outcome", kind: outcome},
		{name: "last_error", header: "Why", kind: prose, needs: moreRoom},
		{name: "waits_for", header: "Waits for", kind: term, needs: allRoom},
		{name: "last_success_at", header: "Last collected", by: "last_success_at IS NOT NULL, last_success_at", absent: "never"},
		{name: "first_seen_at", header: "First requested", needs: allRoom},
		{name: "place", kind: rank},
		{name: "all_of_partner", kind: rank},
		{name: "all_rows", kind: rank},
	},
	query: reading(finance.NotCovered),
}

const severityRank = "CASE severity WHEN 'serious' THEN 3 WHEN 'warning' THEN 2 ELSE 1 END"

var findings = table{
	name: "findings", title: "Open findings", empty: "There are no open findings.",
	order: "-severity", filters: []string{"severity", "partner"},
	columns: []column{
		{name: "severity", header: "Severity", kind: severity, by: severityRank},
		{name: "kind", header: "Kind", kind: oddity, needs: allRoom},
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner", needs: allRoom},
		{name: "customer_id", kind: hidden},
		{name: "subject", kind: hidden},
		{name: "detail", header: "Finding", kind: prose},
		{name: "first_seen_at", header: "Since", needs: allRoom},
		{name: "last_seen_at", kind: hidden},
		{name: "place", kind: rank},
		{name: "all_of_severity", kind: rank},
	},
	query: reading(finance.OpenFindings),
}

var runs = table{
	name: "runs", title: "Runs", empty: "No run has started yet.",
	order: "-started_at", filters: []string{"partner"}, above: &now, related: "machines",
	columns: []column{
		{name: "started_at", header: "Started"},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "kind", header: "Kind", kind: term, needs: allRoom},
		{name: "scope", header: "Scope", kind: term, needs: allRoom},
		{name: "status", header: "Outcome", kind: outcome},
		{name: "duration", header: "Took", kind: duration, by: "seconds", needs: moreRoom},
		{name: "customers_total", header: "Customers", kind: number, needs: moreRoom},
		{name: "customers_ok", header: "New data", kind: number, needs: allRoom},
		{name: "customers_unchanged", header: "Unchanged", kind: number, needs: allRoom},
		{name: "customers_no_costs", header: "No costs", kind: number, needs: allRoom},
		{name: "customers_failed", header: "Failed", kind: number},
		{name: "rows_changed", header: "Rows", kind: number, needs: allRoom},
		{name: "error", header: "Why", kind: prose, needs: allRoom},
		{name: "machine", header: "Machine", needs: allRoom},
		{name: "version", header: "Version", needs: allRoom},
		{name: "run_id", header: "Run", kind: identifier, needs: allRoom},
		{name: "seconds", kind: hidden},
	},
	query: reading(finance.Runs),
}

var now = table{
	name: "now", title: "Now", empty: "No partner is being collected, and none waits.",
	order: "due_since", filters: []string{"partner"},
	columns: []column{
		{name: "partner", header: "Partner"},
		{name: "state", header: "State", kind: term},
		{name: "due_since", header: "Since"},
		{name: "machine", header: "Machine", needs: moreRoom},
		{name: "taken_over_from", header: "Taken over from", needs: moreRoom},
	},
	query: reading(finance.Now),
}

var machines = table{
	name: "machines", title: "Machines", empty: "No daemon takes part.",
	note:  "One row for each daemon. One that was not seen for more than two minutes is dead or cut off.",
	order: "machine",
	columns: []column{
		{name: "machine", header: "Machine"},
		{name: "partners_now", header: "Collecting", kind: number},
		{name: "partners_at_once", header: "At most", kind: number, needs: moreRoom},
		{name: "seen_at", header: "Last seen"},
		{name: "started_at", header: "Up since", needs: moreRoom},
		{name: "version", header: "Version", needs: allRoom},
	},
	query: reading(finance.Machines),
}

var signIns = table{
	name: "sign-ins", title: "Sign-ins", empty: "No partner is configured.",
	order: "days_left",
	columns: []column{
		{name: "partner", header: "Partner"},
		{name: "auth_mode", header: "Sign-in mode", kind: term, needs: moreRoom},
		{name: "days_left", header: "Days left", kind: number},
		{name: "advice", header: "What to do", kind: term},
	},
	query: func(f filter) finance.Query {
		var partners, modes, advice []string
		var left []int64
		for _, s := range f.signIns {
			days, todo := int64(-1), ""
			switch {
			case s.DaysLeft != nil:
				days = int64(*s.DaysLeft)
				if s.Warning {
					todo = "collector login --partner " + s.Partner
				}
			case s.Mode == "app_user":
				todo = "collector login --partner " + s.Partner
			default:
				todo = "none: there is no refresh token in this mode"
			}
			partners, modes, left, advice = append(partners, s.Partner), append(modes, s.Mode), append(left, days), append(advice, todo)
		}
		return finance.Query{
			SQL: `SELECT partner, auth_mode, nullif(days, -1) AS days_left, nullif(todo, '') AS advice
				FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS s (partner, auth_mode, days, todo)`,
			Args: []any{orEmpty(partners), orEmpty(modes), orEmpty(left), orEmpty(advice)},
		}
	},
}

// reading is a query of the views, narrowed down by a filter.
func reading(query func(finance.Selection) finance.Query) func(filter) finance.Query {
	return func(f filter) finance.Query { return query(f.selection()) }
}

// orEmpty makes an array of no elements of a nil, which would be NULL.
func orEmpty[T any](s []T) []T { return append([]T{}, s...) }

var costs = table{
	name: "costs", title: "Costs", empty: "No costs match this selection.",
	note:  "An amount after tax leads to where it comes from.",
	order: "-after_tax_total", filters: []string{"month", "currency", "type", "partner"}, ofMonth: true, inCurrency: true, related: "history",
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "customer_id", kind: hidden},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice, needs: moreRoom},
		{name: "period_start", header: "Period", kind: period, until: "period_end"},
		{name: "period_end", kind: hidden},
		{name: "currency_code", kind: hidden},
		{name: "pretax_total", header: "Before tax", kind: amount, needs: allRoom},
		{name: "tax", header: "Tax", kind: amount, needs: allRoom},
		{name: "after_tax_total", header: "After tax", kind: cost},
		{name: "revisions", header: "Restated", kind: number, needs: moreRoom},
		{name: "last_changed_at", header: "Last changed", needs: allRoom},
		{name: "origin", header: "From", kind: term, needs: allRoom},
		{name: "ordinal", kind: hidden},
	},
	query: reading(finance.Costs),
}

var history = table{
	name: "history", title: "History", empty: "No costs and no invoices match this selection.",
	note:  "What each customer cost in a month: the service costs where they were collected, elsewhere what Microsoft billed. The two are never added.",
	order: "-after_tax_total", filters: []string{"month", "currency", "type", "partner"}, ofMonth: true, inCurrency: true, ofHistory: true, related: "costs",
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "customer_id", kind: hidden},
		{name: "known", kind: hidden},
		{name: "month", header: "Month"},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice, needs: moreRoom},
		{name: "currency_code", kind: hidden},
		{name: "after_tax_total", header: "After tax", kind: amount},
		{name: "origin", header: "From", kind: source},
		{name: "all_rows", kind: rank},
	},
	query: reading(finance.History),
}

var customers = table{
	name: "customers", title: "Customers", empty: "No customer matches this selection.",
	order: "-after_tax_now", filters: []string{"q", "month", "currency", "type", "partner"}, ofMonth: true, inCurrency: true,
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner", needs: allRoom},
		{name: "customer_id", kind: hidden},
		{name: "country", header: "Country", needs: allRoom},
		{name: "currency_code", kind: hidden},
		{name: "after_tax_now", header: "This month", kind: amount},
		{name: "after_tax_before", header: "Month before", kind: amount, needs: moreRoom},
		{name: "difference", header: "Difference", kind: change},
		{name: "trend", header: "Trend", kind: bars, needs: moreRoom},
		{name: "active", header: "Active", kind: truth, needs: allRoom},
		{name: "last_outcome", header: "Last outcome", kind: outcome, needs: allRoom},
		{name: "last_collected_at", header: "Last collected", absent: "never", needs: allRoom},
		{name: "first_seen_at", kind: hidden},
		{name: "all_rows", kind: rank},
	},
	query: reading(finance.Customers),
}

var lines = table{
	name: "lines", title: "Line items", empty: "No line items match this selection.",
	order: "-billing_period_start",
	columns: []column{
		{name: "offer_name", header: "Offer"},
		{name: "sku_name", kind: hidden},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice, needs: moreRoom},
		{name: "charge_type", header: "Charge", kind: term, needs: moreRoom},
		{name: "billing_period_start", kind: hidden},
		{name: "start_date", header: "Charged for", kind: period, until: "end_date", needs: moreRoom},
		{name: "end_date", kind: hidden},
		{name: "quantity", header: "Quantity", kind: number, needs: moreRoom},
		{name: "unit_price", header: "Unit price", kind: price, needs: allRoom},
		{name: "currency_code", kind: hidden},
		{name: "pretax_total", header: "Before tax", kind: amount, needs: allRoom},
		{name: "tax", header: "Tax", kind: amount, needs: allRoom},
		{name: "after_tax_total", header: "After tax", kind: amount},
		{name: "invoice_number", kind: hidden},
		{name: "subscription_friendly_name", kind: hidden},
		{name: "discount_details", header: "Discount", kind: prose, needs: allRoom},
		{name: "company_name", kind: hidden},
		{name: "partner", kind: hidden},
		{name: "customer_id", kind: hidden},
		{name: "ordinal", kind: hidden},
	},
	query: reading(finance.LineItems),
}

var changedLines = table{
	name: "changed-lines", title: "Lines that changed", empty: "No restatement matches this selection.",
	note:  "What each restatement added, removed and changed, largest first. The differences of a restatement add up to it.",
	order: "-revision",
	columns: []column{
		{name: "name", header: "Line", absent: "(the rest)"},
		{name: "change", header: "Change", kind: outcome},
		{name: "revision", kind: hidden, by: "revision DESC, change = 'unexplained', moved"},
		{name: "changed_at", header: "Collected", needs: moreRoom},
		{name: "charge_type", header: "Charge", kind: term, needs: allRoom},
		{name: "subscription_id", kind: hidden},
		{name: "start_date", header: "Charged for", kind: period, until: "end_date", needs: allRoom},
		{name: "end_date", kind: hidden},
		{name: "quantity_before", header: "Quantity", kind: fromTo, until: "quantity_after", needs: allRoom},
		{name: "quantity_after", kind: hidden},
		{name: "currency_code", kind: hidden},
		{name: "after_tax_before", header: "Before", kind: amount, needs: allRoom},
		{name: "after_tax_after", header: "After", kind: amount, needs: moreRoom},
		{name: "after_tax_difference", header: "Difference", kind: change},
		{name: "share_percent", header: "Share", kind: share, needs: moreRoom},
		{name: "cost_difference", kind: hidden},
		{name: "moved", kind: rank},
		{name: "company_name", kind: hidden},
		{name: "partner", kind: hidden},
		{name: "customer_id", kind: hidden},
	},
	query: reading(finance.ChangeLines),
}

var revisions = table{
	name: "revisions", title: "All values", empty: "No values match this selection.",
	order: "-valid_from",
	columns: []column{
		{name: "period_start", header: "Period", kind: period, until: "period_end"},
		{name: "period_end", kind: hidden},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice, needs: moreRoom},
		{name: "revision", header: "Revision", kind: number, needs: moreRoom},
		{name: "currency_code", kind: hidden},
		{name: "pretax_total", header: "Before tax", kind: amount, needs: allRoom},
		{name: "tax", header: "Tax", kind: amount, needs: allRoom},
		{name: "after_tax_total", header: "After tax", kind: cost},
		{name: "valid_from", header: "Stored", needs: moreRoom},
		{name: "superseded_at", header: "Superseded", absent: "counts now"},
		{name: "origin", header: "From", kind: term, needs: allRoom},
		{name: "run_id", header: "Run", kind: identifier, needs: allRoom},
		{name: "superseded_by_run", kind: hidden},
		{name: "summary_hash", header: "Answer", kind: identifier, needs: allRoom},
		{name: "line_items_hash", header: "Line items", kind: identifier, needs: allRoom},
		{name: "partner", kind: hidden},
		{name: "customer_id", kind: hidden},
		{name: "ordinal", kind: hidden},
	},
	query: reading(finance.Revisions),
}

var invoices = table{
	name: "invoices", title: "Invoices", empty: "No invoice matches this selection.",
	note:  "The difference is what belongs to no customer: the total less what the lines of customers add up to.",
	order: "-total", related: "reconciliation", filters: []string{"month", "currency", "type", "partner"}, ofMonth: true, ofInvoices: true,
	columns: []column{
		{name: "invoice_id", header: "Invoice", kind: invoice},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "month", header: "Month", needs: moreRoom},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice, needs: moreRoom},
		{name: "document_type", header: "Document", kind: term, needs: allRoom},
		{name: "amends", header: "Amends", needs: allRoom},
		{name: "invoice_date", header: "Date", kind: day, needs: allRoom},
		{name: "period_start", header: "Period", kind: period, until: "period_end", needs: allRoom},
		{name: "period_end", kind: hidden},
		{name: "currency_code", kind: hidden},
		{name: "total", header: "Total", kind: amount},
		{name: "lines_total", header: "Lines", kind: amount, needs: moreRoom},
		{name: "difference", header: "Difference", kind: gap},
		{name: "state", header: "State", kind: outcome, needs: moreRoom},
		{name: "lines", header: "Number of lines", kind: number, needs: allRoom},
		{name: "revisions", kind: hidden},
		{name: "last_changed_at", kind: hidden},
	},
	query: reading(finance.Invoices),
}

var invoiceLines = table{
	name: "invoice-lines", title: "Lines of invoices", empty: "No lines match this selection.",
	order: "-after_tax_total", filters: []string{"month", "currency", "type", "partner"}, ofMonth: true, ofInvoices: true,
	columns: []column{
		{name: "company_name", header: "Customer", kind: company, absent: "(none)"},
		{name: "partner", kind: hidden},
		{name: "customer_id", kind: hidden},
		{name: "known", kind: hidden},
		{name: "invoice_id", header: "Invoice", kind: invoice, needs: moreRoom},
		{name: "product_name", header: "Product"},
		{name: "charge_type", header: "Charge", kind: term, needs: moreRoom},
		{name: "charge_start", header: "Charged for", kind: period, until: "charge_end", needs: moreRoom},
		{name: "charge_end", kind: hidden},
		{name: "quantity", header: "Quantity", kind: number, needs: allRoom},
		{name: "unit_price", header: "Unit price", kind: price, needs: allRoom},
		{name: "currency_code", kind: hidden},
		{name: "pretax_total", header: "Before tax", kind: amount, needs: allRoom},
		{name: "tax", header: "Tax", kind: amount, needs: allRoom},
		{name: "after_tax_total", header: "After tax", kind: amount},
		{name: "subscription_id", header: "Subscription", kind: identifier, needs: allRoom},
		{name: "order_id", kind: hidden},
		{name: "sku_id", kind: hidden},
		{name: "source", kind: hidden},
		{name: "class", kind: hidden},
		{name: "ordinal", kind: hidden},
	},
	query: reading(finance.InvoiceLines),
}

var reconciled = table{
	name: "reconciled", title: "By type and currency", empty: "There is nothing to reconcile.",
	order: "invoice_type", filters: []string{"month", "partner"}, ofMonth: true, ofInvoices: true,
	columns: []column{
		{name: "invoice_type", header: "Type", kind: kindOfInvoice},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "currency_code", header: "Currency"},
		{name: "customers", header: "Customers", kind: number, needs: moreRoom},
		{name: "matched", header: "Matched", kind: number, needs: moreRoom},
		{name: "unexplained", header: "Without a reason", kind: number, needs: moreRoom},
		{name: "invoiced", header: "Invoiced", kind: amount, needs: allRoom},
		{name: "service_costs", header: "Service costs", kind: amount, needs: allRoom},
		{name: "difference", header: "Difference", kind: gap},
	},
	query: reading(finance.ReconciledTotals),
}

var reconciliation = table{
	name: "reconciliation", title: "Reconciliation", empty: "Every customer is billed what the service costs say.",
	note:  "What Microsoft billed for each customer, less its service costs of the same month. Verdicts are exact.",
	order: "-moved", filters: []string{"month", "currency", "type", "verdict", "partner"}, ofMonth: true, ofInvoices: true, above: &reconciled, related: "invoices",
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner", needs: moreRoom},
		{name: "customer_id", kind: hidden},
		{name: "known", kind: hidden},
		{name: "month", header: "Month", needs: moreRoom},
		{name: "invoice_type", header: "Type", kind: kindOfInvoice, needs: moreRoom},
		{name: "currency_code", kind: hidden},
		{name: "invoiced", header: "Invoiced", kind: amount, needs: moreRoom},
		{name: "service_costs", header: "Service costs", kind: amount, needs: moreRoom},
		{name: "difference", header: "Difference", kind: gap},
		{name: "verdict", header: "Verdict", kind: outcome, needs: allRoom},
		{name: "reason", header: "Reason", kind: term, absent: "Not known"},
		{name: "moved", kind: rank, by: "currency_code NULLS LAST, moved"},
		{name: "all_rows", kind: rank},
	},
	query: reading(finance.Reconciliation),
}
