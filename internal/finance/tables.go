package finance

import (
	"time"

	"partnercost/internal/billing"
)

// Totals selects the totals by month, currency and invoice type, each with the month before.
func Totals(s Selection) Query {
	var c conditions
	switch {
	case s.Month != nil && s.Since != nil:
		c.add("t.month <= ?::date", date(*s.Month))
		c.add("t.month >= ?::date", s.Since.Format(time.DateOnly))
	case s.Month != nil:
		c.add("t.month IS NOT DISTINCT FROM ?::date", date(*s.Month))
	}
	if s.Partner != "" {
		c.add("t.partner = ?::text", s.Partner)
	}
	c.equal("t.currency_code", s.Currency, "text")
	c.equal("t.invoice_type", s.InvoiceType, "text")
	return Query{`SELECT to_char(t.month, 'YYYY-MM') AS month, t.currency_code, t.invoice_type, sum(t.customers)::bigint AS customers, sum(t.pretax_total) AS pretax_total, sum(t.tax) AS tax,
		sum(t.after_tax_total) AS after_tax_total,
		sum(b.after_tax_total) AS after_tax_month_before, sum(t.after_tax_total) - coalesce(sum(b.after_tax_total), 0) AS difference
		FROM finance.month_totals t
		LEFT JOIN finance.month_totals b ON b.partner = t.partner AND b.month = (t.month - interval '1 month')::date
			AND b.currency_code IS NOT DISTINCT FROM t.currency_code AND b.invoice_type IS NOT DISTINCT FROM t.invoice_type` +
		c.where() + ` GROUP BY t.month, t.currency_code, t.invoice_type`, c.args}
}

// Movers selects whose costs moved most against the month before.
func Movers(s Selection) Query {
	var c conditions
	if s.Month != nil {
		c.add("m.month = ?::date", date(*s.Month))
	}
	c.whose("m", s)
	c.equal("m.currency_code", s.Currency, "text")
	c.equal("m.invoice_type", s.InvoiceType, "text")
	return Query{`SELECT m.company_name, m.partner, m.customer_id::text, to_char(m.month, 'YYYY-MM') AS month, m.invoice_type, m.currency_code, m.after_tax_before, m.after_tax_now, m.difference, m.percent,
		abs(m.difference) AS moved, row_number() OVER (PARTITION BY m.month, m.currency_code ORDER BY abs(m.difference) DESC) AS place FROM finance.top_movers m` + c.where(), c.args}
}

// Restatements selects what the service restated, ranked within its currency.
func Restatements(s Selection) Query {
	var c conditions
	if s.Since != nil {
		c.add("r.changed_at >= ?::date::timestamp AT TIME ZONE 'UTC'", s.Since.Format(time.DateOnly))
	}
	c.whose("r", s)
	c.equal("r.currency_code", s.Currency, "text")
	c.equal("r.invoice_type", s.InvoiceType, "text")
	// Names are looked up last: of the overview's few rows, not of all.
	return Query{`SELECT w.company_name, r.partner, r.customer_id::text, r.invoice_type, r.period_start::text, r.period_end::text, r.currency_code, r.after_tax_before, r.after_tax_after,
		r.difference, r.changed_at, r.run_id::text, r.moved, r.place, r.all_of_currency, r.sum_of_currency
		FROM (SELECT r.partner, r.customer_id, r.invoice_type, r.period_start, r.period_end, r.currency_code, r.after_tax_before, r.after_tax_after, r.difference,
			r.changed_at, r.run_id, abs(r.difference) AS moved, row_number() OVER (PARTITION BY r.currency_code ORDER BY abs(r.difference) DESC NULLS LAST) AS place,
			count(*) OVER (PARTITION BY r.currency_code) AS all_of_currency, sum(r.difference) OVER (PARTITION BY r.currency_code) AS sum_of_currency
			FROM finance.cost_changes r` + c.where() + `) r
		JOIN finance.customers w ON w.partner = r.partner AND w.customer_id = r.customer_id` + s.first("r.place"), c.args}
}

// Coverage selects by partner how many customers are covered.
func Coverage(s Selection) Query {
	var c conditions
	recent := c.parameter(s.Now.Add(-billing.CoveredWithin))
	c.whose("v", s)
	return Query{`SELECT partner, customers, collected, customers - collected AS missing, trunc(100.0 * collected / customers, 1) AS percent_collected FROM (
		SELECT v.partner, count(*) AS customers, count(*) FILTER (WHERE v.last_success_at >= ` + recent + `::timestamptz) AS collected
		FROM finance.coverage v` + c.where() + ` GROUP BY v.partner) v`, c.args}
}

// Missing selects the customers that are not covered, ranked within their partner.
func Missing(s Selection) Query {
	var c conditions
	// Every customer has an outcome, for both are written in one transaction; asking for
	// it lets the database look at the few states that are old, not at all customers.
	c.terms = append(c.terms, "v.last_outcome IS NOT NULL")
	c.add("(v.last_success_at IS NULL OR v.last_success_at < ?::timestamptz)", s.Now.Add(-billing.CoveredWithin))
	c.whose("v", s)
	return Query{`SELECT v.company_name, v.partner, v.customer_id::text, v.last_outcome, v.last_error, v.last_success_at, w.first_seen_at, v.place, v.all_of_partner
		FROM (SELECT v.company_name, v.partner, v.customer_id, v.last_outcome, v.last_error, v.last_success_at, count(*) OVER (PARTITION BY v.partner) AS all_of_partner,
			row_number() OVER (PARTITION BY v.partner ORDER BY v.last_success_at NULLS FIRST, v.company_name, v.customer_id) AS place FROM finance.coverage v` + c.where() + `) v
		JOIN finance.customers w ON w.partner = v.partner AND w.customer_id = v.customer_id` + s.first("v.place"), c.args}
}

// OpenFindings selects the open findings, ranked within their severity.
func OpenFindings(s Selection) Query {
	var c conditions
	c.terms = append(c.terms, "v.resolved_at IS NULL")
	c.whose("v", s)
	if s.Severity != "" {
		c.add("v.severity = ?::text", s.Severity)
	}
	return Query{`SELECT v.severity, v.kind, w.company_name, v.partner, v.customer_id::text, v.subject, v.detail, v.first_seen_at, v.last_seen_at, v.place, v.all_of_severity
		FROM (SELECT v.*, count(*) OVER (PARTITION BY v.severity) AS all_of_severity,
			row_number() OVER (PARTITION BY v.severity ORDER BY v.kind, v.first_seen_at, v.customer_id) AS place FROM finance.findings v` + c.where() + `) v
		LEFT JOIN finance.customers w ON w.partner = v.partner AND w.customer_id = v.customer_id` + s.first("v.place"), c.args}
}

// Runs selects the runs of the ledger.
func Runs(s Selection) Query {
	var c conditions
	if s.Partner != "" {
		c.add("r.partner = ?::text", s.Partner)
	}
	now := c.parameter(s.Now)
	return Query{`SELECT started_at, partner, kind, scope, status,
		CASE WHEN seconds < 1 THEN 'under 1 s' WHEN seconds < 60 THEN floor(seconds) || ' s' WHEN seconds < 3600 THEN floor(seconds / 60) || ' min ' || floor(seconds % 60) || ' s'
			ELSE floor(seconds / 3600) || ' h ' || floor(seconds % 3600 / 60) || ' min' END AS duration,
		customers_total, customers_ok, customers_unchanged, customers_no_costs, customers_failed, rows_changed, error, version, run_id::text, round(seconds, 3) AS seconds
		FROM (SELECT r.*, extract(epoch FROM coalesce(r.finished_at, ` + now + `::timestamptz) - r.started_at)::numeric AS seconds FROM finance.runs r` + c.where() + `) r`, c.args}
}

// Costs selects the newest amounts.
func Costs(s Selection) Query {
	c := costConditions("v", s)
	return Query{`SELECT v.company_name, v.partner, v.customer_id::text, v.invoice_type, v.period_start::text, v.period_end::text, v.currency_code, v.pretax_total, v.tax, v.after_tax_total,
		v.revisions, v.last_changed_at, v.origin, v.ordinal FROM finance.costs v` + c.where(), c.args}
}

// Customers selects the customers.
func Customers(s Selection) Query {
	var c conditions
	c.whose("v", s)
	if s.Search != "" {
		c.add("(strpos(finance.fold(v.company_name), finance.fold(?::text)) > 0 OR strpos(v.customer_id::text, lower(?::text)) > 0)", s.Search)
	}
	return Query{`SELECT v.company_name, v.partner, v.customer_id::text, v.country, v.active, v.last_outcome, v.last_collected_at, v.first_seen_at FROM finance.customers v` + c.where(), c.args}
}

// LineItems selects the line items of the newest sets.
func LineItems(s Selection) Query {
	var c conditions
	c.whose("v", s)
	c.equal("v.invoice_type", s.InvoiceType, "text")
	c.equal("v.billing_period_start", s.PeriodStart, "date")
	c.equal("v.currency_code", s.Currency, "text")
	return Query{`SELECT v.billing_period_start::text, v.invoice_type, v.charge_type, coalesce(v.offer_name, v.product_name) AS offer_name, v.sku_name, v.start_date::text, v.end_date::text, v.quantity, v.unit_price,
		v.currency_code, v.pretax_total, v.tax, v.after_tax_total, v.invoice_number, v.subscription_friendly_name, v.discount_details,
		v.company_name, v.partner, v.customer_id::text, v.ordinal FROM finance.line_items v` + c.where(), c.args}
}

// Revisions selects every value that a cost ever had.
func Revisions(s Selection) Query {
	c := costConditions("v", s)
	return Query{`SELECT v.invoice_type, v.period_start::text, v.period_end::text, v.revision, v.currency_code, v.pretax_total, v.tax, v.after_tax_total, v.valid_from, v.superseded_at,
		v.origin, v.run_id::text, v.superseded_by_run::text, v.summary_hash, v.line_items_hash, v.partner, v.customer_id::text, v.ordinal FROM finance.cost_revisions v` + c.where(), c.args}
}

// costConditions select costs, or their revisions.
func costConditions(alias string, s Selection) conditions {
	var c conditions
	switch {
	case s.Month == nil:
	case s.Month.IsZero():
		c.terms = append(c.terms, alias+".period_end IS NULL")
	default:
		c.add(alias+".period_end >= ?::date", date(*s.Month))
		c.add(alias+".period_end < ?::date", date(s.Month.AddDate(0, 1, 0)))
	}
	c.whose(alias, s)
	c.equal(alias+".currency_code", s.Currency, "text")
	c.equal(alias+".invoice_type", s.InvoiceType, "text")
	c.equal(alias+".period_start", s.PeriodStart, "date")
	if s.Ordinal > 0 {
		c.add(alias+".ordinal = ?::integer", s.Ordinal)
	}
	return c
}
