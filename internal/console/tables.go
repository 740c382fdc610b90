package console

import (
	"partnercost/internal/finance"
)

// tables are all there are. Dates are selected as text, so that a value that is a time
// is an instant.
var tables = []table{totals, movers, restatements, coverage, missing, findings, runs, signIns, costs, customers, lines, revisions}

var totals = table{
	name: "totals", title: "Totals by month, currency and invoice type", empty: "No costs match this selection.",
	order: "-month", filters: []string{"month", "partner"},
	columns: []column{
		{name: "month", header: "Month"},
		{name: "currency_code", header: "Currency"},
		{name: "invoice_type", header: "Invoice type"},
		{name: "customers", header: "Customers", kind: number},
		{name: "pretax_total", header: "Before tax", kind: amount},
		{name: "tax", header: "Tax", kind: amount},
		{name: "after_tax_total", header: "After tax", kind: amount},
		{name: "after_tax_month_before", header: "Month before", kind: amount},
		{name: "difference", header: "Difference", kind: change},
	},
	query: reading(finance.Totals),
}

var movers = table{
	name: "movers", title: "Top movers against the month before", empty: "No customer's costs changed against the month before, or there is no month before.",
	order: "-moved", filters: []string{"month", "partner"},
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner"},
		{name: "customer_id", kind: hidden},
		{name: "month", header: "Month"},
		{name: "invoice_type", header: "Invoice type"},
		{name: "currency_code", header: "Currency", kind: hidden},
		{name: "after_tax_before", header: "Month before", kind: amount},
		{name: "after_tax_now", header: "Month", kind: amount},
		{name: "difference", header: "Difference", kind: change},
		{name: "percent", header: "Percent", kind: percent},
		{name: "moved", kind: rank, by: "currency_code NULLS LAST, moved"},
		{name: "place", kind: rank},
	},
	query: reading(finance.Movers),
}

var restatements = table{
	name: "restatements", title: "Restatements", empty: "Microsoft restated no cost in this time.",
	order: "-moved", filters: []string{"since", "partner"},
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner"},
		{name: "customer_id", kind: hidden},
		{name: "invoice_type", header: "Invoice type"},
		{name: "period_start", header: "Period from", kind: day},
		{name: "period_end", header: "to", kind: day},
		{name: "currency_code", kind: hidden},
		{name: "after_tax_before", header: "Before", kind: amount},
		{name: "after_tax_after", header: "After", kind: amount},
		{name: "difference", header: "Difference", kind: change},
		{name: "changed_at", header: "Collected (UTC)"},
		{name: "run_id", kind: hidden},
		{name: "moved", kind: rank, by: "currency_code NULLS LAST, moved"},
		{name: "place", kind: rank},
		{name: "all_of_currency", kind: rank},
		{name: "sum_of_currency", kind: rank},
	},
	query: reading(finance.Restatements),
}

var coverage = table{
	name: "coverage", title: "Coverage", empty: "No customer has been requested yet.",
	order: "partner", filters: []string{"partner"},
	columns: []column{
		{name: "partner", header: "Partner"},
		{name: "customers", header: "Customers", kind: number},
		{name: "collected", header: "In", kind: number},
		{name: "missing", header: "Missing", kind: number},
		{name: "percent_collected", header: "In, percent", kind: number},
	},
	query: reading(finance.Coverage),
}

var missing = table{
	name: "missing", title: "Missing customers", empty: "No customer is missing: all were collected in full within the last 26 hours.",
	order: "last_success_at", filters: []string{"partner"},
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner"},
		{name: "customer_id", header: "Customer id", kind: identifier},
		{name: "last_outcome", header: "Last outcome", kind: outcome},
		{name: "last_error", header: "Why"},
		{name: "last_success_at", header: "Last in (UTC)", by: "last_success_at IS NOT NULL, last_success_at", absent: "never"},
		{name: "first_seen_at", header: "First requested (UTC)"},
		{name: "place", kind: rank},
		{name: "all_of_partner", kind: rank},
	},
	query: reading(finance.Missing),
}

const severityRank = "CASE severity WHEN 'serious' THEN 3 WHEN 'warning' THEN 2 ELSE 1 END"

var findings = table{
	name: "findings", title: "Open findings", empty: "There are no open findings.",
	order: "-severity", filters: []string{"partner", "severity"},
	columns: []column{
		{name: "severity", header: "Severity", kind: severity, by: severityRank},
		{name: "kind", header: "Kind", kind: oddity},
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner"},
		{name: "customer_id", kind: hidden},
		{name: "subject", header: "About"},
		{name: "detail", header: "Finding"},
		{name: "first_seen_at", header: "Since (UTC)"},
		{name: "last_seen_at", header: "Last seen (UTC)"},
		{name: "place", kind: rank},
		{name: "all_of_severity", kind: rank},
	},
	query: reading(finance.OpenFindings),
}

var runs = table{
	name: "runs", title: "Runs", empty: "No run has started yet.",
	order: "-started_at", filters: []string{"partner"},
	columns: []column{
		{name: "started_at", header: "Started (UTC)"},
		{name: "partner", header: "Partner"},
		{name: "kind", header: "Kind"},
		{name: "scope", header: "Scope"},
		{name: "status", header: "Outcome", kind: outcome},
		{name: "duration", header: "Took", by: "seconds"},
		{name: "customers_total", header: "Customers", kind: number},
		{name: "customers_ok", header: "New or changed", kind: number},
		{name: "customers_unchanged", header: "Unchanged", kind: number},
		{name: "customers_no_costs", header: "No costs", kind: number},
		{name: "customers_failed", header: "Failed", kind: number},
		{name: "rows_changed", header: "Rows", kind: number},
		{name: "error", header: "Why"},
		{name: "version", header: "Version"},
		{name: "run_id", header: "Run", kind: identifier},
		{name: "seconds", kind: hidden},
	},
	query: reading(finance.Runs),
}

var signIns = table{
	name: "sign-ins", title: "Sign-ins", empty: "No partner is configured.",
	order: "days_left",
	columns: []column{
		{name: "partner", header: "Partner"},
		{name: "auth_mode", header: "Sign-in mode"},
		{name: "days_left", header: "Days left", kind: number},
		{name: "advice", header: "What to do"},
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
				todo = "no refresh token in this mode"
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
	order: "-after_tax_total", filters: []string{"month", "partner"},
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner"},
		{name: "customer_id", kind: hidden},
		{name: "invoice_type", header: "Invoice type"},
		{name: "period_start", header: "Period from", kind: day},
		{name: "period_end", header: "to", kind: day},
		{name: "currency_code", kind: hidden},
		{name: "pretax_total", header: "Before tax", kind: amount},
		{name: "tax", header: "Tax", kind: amount},
		{name: "after_tax_total", header: "After tax", kind: cost},
		{name: "revisions", header: "Restated", kind: number},
		{name: "last_changed_at", header: "Last changed (UTC)"},
		{name: "origin", header: "From"},
		{name: "ordinal", kind: hidden},
	},
	query: reading(finance.Costs),
}

var customers = table{
	name: "customers", title: "Customers", empty: "No customer has this name or id.",
	order: "company_name", filters: []string{"q", "partner"},
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner"},
		{name: "customer_id", header: "Customer id", kind: identifier},
		{name: "country", header: "Country"},
		{name: "active", header: "Active", kind: truth},
		{name: "last_outcome", header: "Last outcome", kind: outcome},
		{name: "last_collected_at", header: "Last in (UTC)", absent: "never"},
		{name: "first_seen_at", header: "First requested (UTC)"},
	},
	query: reading(finance.Customers),
}

var lines = table{
	name: "lines", title: "Line items", empty: "No line items match this selection.",
	order: "-billing_period_start",
	columns: []column{
		{name: "billing_period_start", header: "Period from", kind: day},
		{name: "invoice_type", header: "Invoice type"},
		{name: "charge_type", header: "Charge"},
		{name: "offer_name", header: "Offer"},
		{name: "sku_name", header: "SKU"},
		{name: "start_date", header: "From", kind: day},
		{name: "end_date", header: "to", kind: day},
		{name: "quantity", header: "Quantity", kind: number},
		{name: "unit_price", header: "Unit price", kind: price},
		{name: "currency_code", kind: hidden},
		{name: "pretax_total", header: "Before tax", kind: amount},
		{name: "tax", header: "Tax", kind: amount},
		{name: "after_tax_total", header: "After tax", kind: amount},
		{name: "invoice_number", header: "Invoice"},
		{name: "subscription_friendly_name", header: "Subscription"},
		{name: "discount_details", header: "Discount"},
		{name: "company_name", kind: hidden},
		{name: "partner", kind: hidden},
		{name: "customer_id", kind: hidden},
		{name: "ordinal", kind: hidden},
	},
	query: reading(finance.LineItems),
}

var revisions = table{
	name: "revisions", title: "All values", empty: "No values match this selection.",
	order: "-valid_from",
	columns: []column{
		{name: "invoice_type", header: "Invoice type"},
		{name: "period_start", header: "Period from", kind: day},
		{name: "period_end", header: "to", kind: day},
		{name: "revision", header: "Revision", kind: number},
		{name: "currency_code", kind: hidden},
		{name: "pretax_total", header: "Before tax", kind: amount},
		{name: "tax", header: "Tax", kind: amount},
		{name: "after_tax_total", header: "After tax", kind: cost},
		{name: "valid_from", header: "Stored (UTC)"},
		{name: "superseded_at", header: "Superseded (UTC)"},
		{name: "origin", header: "From"},
		{name: "run_id", header: "Run", kind: identifier},
		{name: "superseded_by_run", header: "Superseded by run", kind: identifier},
		{name: "summary_hash", header: "Answer, SHA-256", kind: identifier},
		{name: "line_items_hash", header: "Line items, SHA-256", kind: identifier},
		{name: "partner", kind: hidden},
		{name: "customer_id", kind: hidden},
		{name: "ordinal", kind: hidden},
	},
	query: reading(finance.Revisions),
}
