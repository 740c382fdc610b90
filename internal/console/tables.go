package console

import (
	"time"

	"partnercost/internal/billing"
)

// tables are all there are. Dates are selected as text, so that a value that is a time
// is an instant.
var tables = []table{totals, movers, restatements, coverage, missing, findings, runs, signIns, costs, customers, lines, revisions}

var totals = table{
	name: "totals", title: "Totals by month, currency and invoice type", empty: "There are no costs of this selection.",
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
	query: func(f filter) (string, []any) {
		var c conditions
		switch {
		case f.month != nil && f.since != nil:
			c.add("t.month <= ?::date", f.month.parameter())
			c.add("t.month >= ?::date", f.since.Format(time.DateOnly))
		case f.month != nil:
			c.add("t.month IS NOT DISTINCT FROM ?::date", f.month.parameter())
		}
		if f.partner != "" {
			c.add("t.partner = ?::text", f.partner)
		}
		c.equal("t.currency_code", f.currency, "text")
		c.equal("t.invoice_type", f.kind, "text")
		return `SELECT to_char(t.month, 'YYYY-MM'), t.currency_code, t.invoice_type, sum(t.customers)::bigint, sum(t.pretax_total), sum(t.tax), sum(t.after_tax_total),
			sum(b.after_tax_total), sum(t.after_tax_total) - coalesce(sum(b.after_tax_total), 0)
			FROM finance.month_totals t
			LEFT JOIN finance.month_totals b ON b.partner = t.partner AND b.month = (t.month - interval '1 month')::date
				AND b.currency_code IS NOT DISTINCT FROM t.currency_code AND b.invoice_type IS NOT DISTINCT FROM t.invoice_type` +
			c.where() + ` GROUP BY t.month, t.currency_code, t.invoice_type`, c.args
	},
}

var movers = table{
	name: "movers", title: "Top movers against the month before", empty: "Nobody moved against the month before, or there is no month before.",
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
	query: func(f filter) (string, []any) {
		var c conditions
		if f.month != nil {
			c.add("m.month = ?::date", f.month.parameter())
		}
		c.whose("m", f)
		c.equal("m.currency_code", f.currency, "text")
		c.equal("m.invoice_type", f.kind, "text")
		return `SELECT m.company_name, m.partner, m.customer_id::text, to_char(m.month, 'YYYY-MM'), m.invoice_type, m.currency_code, m.after_tax_before, m.after_tax_now, m.difference, m.percent,
			abs(m.difference), row_number() OVER (PARTITION BY m.month, m.currency_code ORDER BY abs(m.difference) DESC) FROM finance.top_movers m` + c.where(), c.args
	},
}

var restatements = table{
	name: "restatements", title: "Restatements", empty: "Microsoft has restated nothing in this time.",
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
	query: func(f filter) (string, []any) {
		var c conditions
		if f.since != nil {
			c.add("r.changed_at >= ?::date::timestamp AT TIME ZONE 'UTC'", f.since.Format(time.DateOnly))
		}
		c.whose("r", f)
		c.equal("r.currency_code", f.currency, "text")
		c.equal("r.invoice_type", f.kind, "text")
		// Names are looked up last: of the overview's few rows, not of all.
		return `SELECT w.company_name, r.partner, r.customer_id::text, r.invoice_type, r.period_start::text, r.period_end::text, r.currency_code, r.after_tax_before, r.after_tax_after,
			r.difference, r.changed_at, r.run_id::text, r.moved, r.place, r.all_of_currency, r.sum_of_currency
			FROM (SELECT r.partner, r.customer_id, r.invoice_type, r.period_start, r.period_end, r.currency_code, r.after_tax_before, r.after_tax_after, r.difference,
				r.changed_at, r.run_id, abs(r.difference) AS moved, row_number() OVER (PARTITION BY r.currency_code ORDER BY abs(r.difference) DESC NULLS LAST) AS place,
				count(*) OVER (PARTITION BY r.currency_code) AS all_of_currency, sum(r.difference) OVER (PARTITION BY r.currency_code) AS sum_of_currency
				FROM finance.cost_changes r` + c.where() + `) r
			JOIN finance.customers w ON w.partner = r.partner AND w.customer_id = r.customer_id` + f.first("r.place"), c.args
	},
}

var coverage = table{
	name: "coverage", title: "Coverage", empty: "No customer has been asked for yet.",
	order: "partner", filters: []string{"partner"},
	columns: []column{
		{name: "partner", header: "Partner"},
		{name: "customers", header: "Customers", kind: number},
		{name: "collected", header: "In", kind: number},
		{name: "missing", header: "Missing", kind: number},
		{name: "percent_collected", header: "In, percent", kind: number},
	},
	query: func(f filter) (string, []any) {
		var c conditions
		recent := c.parameter(f.now.Add(-billing.CoveredWithin))
		c.whose("v", f)
		return `SELECT partner, customers, collected, customers - collected, trunc(100.0 * collected / customers, 1) FROM (
			SELECT v.partner, count(*) AS customers, count(*) FILTER (WHERE v.last_success_at >= ` + recent + `::timestamptz) AS collected
			FROM finance.coverage v` + c.where() + ` GROUP BY v.partner) v`, c.args
	},
}

var missing = table{
	name: "missing", title: "Who is missing", empty: "Nobody is missing: every customer was collected in full within the last 26 hours.",
	order: "last_success_at", filters: []string{"partner"},
	columns: []column{
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner"},
		{name: "customer_id", header: "Customer id", kind: identifier},
		{name: "last_outcome", header: "Last outcome", kind: outcome},
		{name: "last_error", header: "Why"},
		{name: "last_success_at", header: "Last in (UTC)", by: "last_success_at IS NOT NULL, last_success_at", absent: "never"},
		{name: "first_seen_at", header: "First asked for (UTC)"},
		{name: "place", kind: rank},
		{name: "all_of_partner", kind: rank},
	},
	query: func(f filter) (string, []any) {
		var c conditions
		// Every customer has an outcome, for both are written in one transaction; asking for
		// it lets the database look at the few states that are old, not at all customers.
		c.terms = append(c.terms, "v.last_outcome IS NOT NULL")
		c.add("(v.last_success_at IS NULL OR v.last_success_at < ?::timestamptz)", f.now.Add(-billing.CoveredWithin))
		c.whose("v", f)
		return `SELECT v.company_name, v.partner, v.customer_id::text, v.last_outcome, v.last_error, v.last_success_at, w.first_seen_at, v.place, v.all_of_partner
			FROM (SELECT v.company_name, v.partner, v.customer_id, v.last_outcome, v.last_error, v.last_success_at, count(*) OVER (PARTITION BY v.partner) AS all_of_partner,
				row_number() OVER (PARTITION BY v.partner ORDER BY v.last_success_at NULLS FIRST, v.company_name, v.customer_id) AS place FROM finance.coverage v` + c.where() + `) v
			JOIN finance.customers w ON w.partner = v.partner AND w.customer_id = v.customer_id` + f.first("v.place"), c.args
	},
}

const severityRank = "CASE severity WHEN 'serious' THEN 3 WHEN 'warning' THEN 2 ELSE 1 END"

var findings = table{
	name: "findings", title: "Open findings", empty: "Nothing looks odd.",
	order: "-severity", filters: []string{"partner", "severity"},
	columns: []column{
		{name: "severity", header: "Severity", kind: severity, by: severityRank},
		{name: "kind", header: "Kind"},
		{name: "company_name", header: "Customer", kind: company},
		{name: "partner", header: "Partner"},
		{name: "customer_id", kind: hidden},
		{name: "subject", header: "About"},
		{name: "detail", header: "What was found"},
		{name: "first_seen_at", header: "Since (UTC)"},
		{name: "last_seen_at", header: "Last seen (UTC)"},
		{name: "place", kind: rank},
		{name: "all_of_severity", kind: rank},
	},
	query: func(f filter) (string, []any) {
		var c conditions
		c.terms = append(c.terms, "v.resolved_at IS NULL")
		c.whose("v", f)
		if f.severity != "" {
			c.add("v.severity = ?::text", f.severity)
		}
		return `SELECT v.severity, v.kind, w.company_name, v.partner, v.customer_id::text, v.subject, v.detail, v.first_seen_at, v.last_seen_at, v.place, v.all_of_severity
			FROM (SELECT v.*, count(*) OVER (PARTITION BY v.severity) AS all_of_severity,
				row_number() OVER (PARTITION BY v.severity ORDER BY v.kind, v.first_seen_at, v.customer_id) AS place FROM finance.findings v` + c.where() + `) v
			LEFT JOIN finance.customers w ON w.partner = v.partner AND w.customer_id = v.customer_id` + f.first("v.place"), c.args
	},
}

var runs = table{
	name: "runs", title: "Runs", empty: "Nothing has run yet.",
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
	query: func(f filter) (string, []any) {
		var c conditions
		if f.partner != "" {
			c.add("r.partner = ?::text", f.partner)
		}
		now := c.parameter(f.now)
		return `SELECT started_at, partner, kind, scope, status,
			CASE WHEN seconds < 1 THEN 'under 1 s' WHEN seconds < 60 THEN floor(seconds) || ' s' WHEN seconds < 3600 THEN floor(seconds / 60) || ' min ' || floor(seconds % 60) || ' s'
				ELSE floor(seconds / 3600) || ' h ' || floor(seconds % 3600 / 60) || ' min' END,
			customers_total, customers_ok, customers_unchanged, customers_no_costs, customers_failed, rows_changed, error, version, run_id::text, round(seconds, 3)
			FROM (SELECT r.*, extract(epoch FROM coalesce(r.finished_at, ` + now + `::timestamptz) - r.started_at)::numeric AS seconds FROM finance.runs r` + c.where() + `) r`, c.args
	},
}

var signIns = table{
	name: "sign-ins", title: "Sign-ins", empty: "No partner is configured.",
	order: "days_left",
	columns: []column{
		{name: "partner", header: "Partner"},
		{name: "auth_mode", header: "Signs in as"},
		{name: "days_left", header: "Days left", kind: number},
		{name: "advice", header: "What to do"},
	},
	query: func(f filter) (string, []any) {
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
		return `SELECT partner, mode, nullif(days, -1), nullif(advice, '') FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS s (partner, mode, days, advice)`,
			[]any{orEmpty(partners), orEmpty(modes), orEmpty(left), orEmpty(advice)}
	},
}

// orEmpty makes an array of no elements of a nil, which would be NULL.
func orEmpty[T any](s []T) []T { return append([]T{}, s...) }

var costs = table{
	name: "costs", title: "Costs", empty: "There are no costs of this selection.",
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
	query: func(f filter) (string, []any) {
		c := costConditions("v", f)
		return `SELECT v.company_name, v.partner, v.customer_id::text, v.invoice_type, v.period_start::text, v.period_end::text, v.currency_code, v.pretax_total, v.tax, v.after_tax_total,
			v.revisions, v.last_changed_at, v.origin, v.ordinal FROM finance.costs v` + c.where(), c.args
	},
}

// costConditions select costs, or their revisions.
func costConditions(alias string, f filter) conditions {
	var c conditions
	switch {
	case f.month == nil:
	case f.month.IsZero():
		c.terms = append(c.terms, alias+".period_end IS NULL")
	default:
		c.add(alias+".period_end >= ?::date", f.month.parameter())
		c.add(alias+".period_end < ?::date", f.month.plus(1).parameter())
	}
	c.whose(alias, f)
	c.equal(alias+".currency_code", f.currency, "text")
	c.equal(alias+".invoice_type", f.kind, "text")
	c.equal(alias+".period_start", f.start, "date")
	if f.ordinal > 0 {
		c.add(alias+".ordinal = ?::integer", f.ordinal)
	}
	return c
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
		{name: "first_seen_at", header: "First asked for (UTC)"},
	},
	query: func(f filter) (string, []any) {
		var c conditions
		c.whose("v", f)
		if f.search != "" {
			c.add("(strpos(lower(v.company_name), lower(?::text)) > 0 OR strpos(v.customer_id::text, lower(?::text)) > 0)", f.search)
		}
		return `SELECT v.company_name, v.partner, v.customer_id::text, v.country, v.active, v.last_outcome, v.last_collected_at, v.first_seen_at FROM finance.customers v` + c.where(), c.args
	},
}

var lines = table{
	name: "lines", title: "Line items", empty: "There are no line items of this selection.",
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
	query: func(f filter) (string, []any) {
		var c conditions
		c.whose("v", f)
		c.equal("v.invoice_type", f.kind, "text")
		c.equal("v.billing_period_start", f.start, "date")
		c.equal("v.currency_code", f.currency, "text")
		return `SELECT v.billing_period_start::text, v.invoice_type, v.charge_type, coalesce(v.offer_name, v.product_name), v.sku_name, v.start_date::text, v.end_date::text, v.quantity, v.unit_price,
			v.currency_code, v.pretax_total, v.tax, v.after_tax_total, v.invoice_number, v.subscription_friendly_name, v.discount_details,
			v.company_name, v.partner, v.customer_id::text, v.ordinal FROM finance.line_items v` + c.where(), c.args
	},
}

var revisions = table{
	name: "revisions", title: "Every value there ever was", empty: "Nothing of this selection was ever stored.",
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
	query: func(f filter) (string, []any) {
		c := costConditions("v", f)
		return `SELECT v.invoice_type, v.period_start::text, v.period_end::text, v.revision, v.currency_code, v.pretax_total, v.tax, v.after_tax_total, v.valid_from, v.superseded_at,
			v.origin, v.run_id::text, v.superseded_by_run::text, v.summary_hash, v.line_items_hash, v.partner, v.customer_id::text, v.ordinal FROM finance.cost_revisions v` + c.where(), c.args
	},
}
