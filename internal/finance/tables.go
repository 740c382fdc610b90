package finance

import (
	"strings"
	"time"

	"partnercost/internal/billing"
)

// Totals selects the totals by month, currency and invoice type, each with that of the
// month before.
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
	// In an open month, only customers that have costs in both months are compared.
	return Query{`SELECT to_char(t.month, 'YYYY-MM') AS month, t.currency_code, t.invoice_type, CASE WHEN bool_or(s.state = 'open') THEN 'open' WHEN bool_or(s.state = 'closed') THEN 'closed' END AS state,
		sum(t.customers)::bigint AS customers, coalesce(sum(s.missing), 0)::bigint AS missing, sum(t.pretax_total) AS pretax_total, sum(t.tax) AS tax, sum(t.after_tax_total) AS after_tax_total,
		sum(CASE WHEN s.state = 'open' THEN s.comparable_before ELSE b.after_tax_total END) AS after_tax_month_before,
		sum(CASE WHEN s.state = 'open' THEN s.comparable_now ELSE t.after_tax_total END)
			- sum(CASE WHEN s.state = 'open' THEN s.comparable_before ELSE b.after_tax_total END) AS difference
		FROM finance.month_totals t
		LEFT JOIN finance.month_totals b ON b.partner = t.partner AND b.month = (t.month - interval '1 month')::date
			AND b.currency_code IS NOT DISTINCT FROM t.currency_code AND b.invoice_type IS NOT DISTINCT FROM t.invoice_type
		LEFT JOIN finance.month_states s ON s.partner = t.partner AND s.month = t.month
			AND s.currency_code IS NOT DISTINCT FROM t.currency_code AND s.invoice_type IS NOT DISTINCT FROM t.invoice_type` +
		c.where() + ` GROUP BY t.month, t.currency_code, t.invoice_type`, c.args}
}

// Movers selects the customers whose costs changed most from the month before.
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

// Restatements selects the restated costs, ranked within their currency.
func Restatements(s Selection) Query {
	var c conditions
	if s.Since != nil {
		c.add("r.changed_at >= ?::date::timestamp AT TIME ZONE 'UTC'", s.Since.Format(time.DateOnly))
	}
	c.whose("r", s)
	c.equal("r.currency_code", s.Currency, "text")
	c.equal("r.invoice_type", s.InvoiceType, "text")
	// Names are looked up last, for the few rows of the overview instead of for all.
	return Query{`SELECT w.company_name, r.partner, r.customer_id::text, r.invoice_type, r.period_start::text, r.period_end::text, r.currency_code, r.after_tax_before, r.after_tax_after,
		r.difference, r.changed_at, r.run_id::text, r.moved, r.place, r.all_of_currency, r.sum_of_currency
		FROM (SELECT r.partner, r.customer_id, r.invoice_type, r.period_start, r.period_end, r.currency_code, r.after_tax_before, r.after_tax_after, r.difference,
			r.changed_at, r.run_id, abs(r.difference) AS moved, row_number() OVER (PARTITION BY r.currency_code ORDER BY abs(r.difference) DESC NULLS LAST) AS place,
			count(*) OVER (PARTITION BY r.currency_code) AS all_of_currency, sum(r.difference) OVER (PARTITION BY r.currency_code) AS sum_of_currency
			FROM finance.cost_changes r` + c.where() + `) r
		JOIN finance.customers w ON w.partner = r.partner AND w.customer_id = r.customer_id` + s.first("r.place"), c.args}
}

// covered returns the condition that a customer is covered: its costs were read in time,
// and no part of it is older than collect.refresh.
func (c *conditions) covered(s Selection) string {
	return "(v.last_success_at >= " + c.parameter(s.Now.Add(-billing.CoveredWithin)) + "::timestamptz AND v.waits_for IS NULL)"
}

// Coverage selects, by partner, the number of covered customers.
func Coverage(s Selection) Query {
	var c conditions
	covered := c.covered(s)
	c.whose("v", s)
	return Query{`SELECT partner, customers, covered, customers - covered AS not_covered, waiting, trunc(100.0 * covered / customers, 1) AS percent_covered FROM (
		SELECT v.partner, count(*) AS customers, count(*) FILTER (WHERE ` + covered + `) AS covered,
			count(*) FILTER (WHERE v.waits_for IS NOT NULL AND v.last_success_at IS NOT NULL) AS waiting
		FROM finance.coverage v` + c.where() + ` GROUP BY v.partner) v`, c.args}
}

// NotCovered selects the customers that are not covered, ranked within their partner:
// first those whose costs are old, then those that wait for another part.
func NotCovered(s Selection) Query {
	var c conditions
	c.whose("v", s)
	recent := c.parameter(s.Now.Add(-billing.CoveredWithin)) + "::timestamptz"
	whose := c.and()
	// Both halves read few rows of large partners. Every customer with a success has an
	// outcome, so the condition on it lets the index find the few old states. Who waits
	// follows from the age of the parts alone. The other columns are looked up only for the
	// rows that are shown.
	return Query{`SELECT w.company_name, k.partner, k.customer_id::text, w.last_outcome, w.last_error, w.waits_for, w.last_success_at, w.first_seen_at, k.place, k.all_of_partner, k.all_rows
		FROM (SELECT o.partner, o.customer_id, count(*) OVER (PARTITION BY o.partner) AS all_of_partner, count(*) OVER () AS all_rows,
				row_number() OVER (PARTITION BY o.partner ORDER BY bool_or(o.late) DESC, min(o.last_success_at) NULLS FIRST, o.customer_id) AS place
			FROM (SELECT v.partner, v.customer_id, v.last_success_at, true AS late FROM finance.coverage v
					WHERE v.last_outcome IS NOT NULL AND (v.last_success_at IS NULL OR v.last_success_at < ` + recent + `)` + whose + `
				UNION ALL
				SELECT v.partner, v.customer_id, NULL, false FROM finance.coverage v WHERE v.waits_for IS NOT NULL` + whose + `) o
			GROUP BY o.partner, o.customer_id) k
		CROSS JOIN LATERAL (SELECT v.company_name, v.last_outcome, v.last_error, v.waits_for, v.last_success_at, f.first_seen_at
			FROM finance.coverage v JOIN finance.customers f ON f.partner = v.partner AND f.customer_id = v.customer_id
			WHERE v.partner = k.partner AND v.customer_id = k.customer_id OFFSET 0) w` + s.first("k.place"), c.args}
}

// MissingCosts selects the customers that have no costs of a type although they had some
// in the month before.
func MissingCosts(s Selection) Query {
	var c conditions
	if s.Month != nil {
		c.add("v.month = ?::date", date(*s.Month))
	}
	c.whose("v", s)
	c.equal("v.currency_code", s.Currency, "text")
	c.equal("v.invoice_type", s.InvoiceType, "text")
	return Query{`SELECT v.company_name, v.partner, v.customer_id::text, to_char(v.month, 'YYYY-MM') AS month, v.invoice_type, v.currency_code, v.last_period_end::text, v.last_after_tax, v.reason, v.overdue
		FROM finance.missing_costs v` + c.where(), c.args}
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
		customers_total, customers_ok, customers_unchanged, customers_no_costs, customers_failed, rows_changed,
		coalesce(error, CASE WHEN customers_failed > 0 THEN customers_failed || ' of ' || customers_total || ' customers failed' END) AS error, machine, version, run_id::text, round(seconds, 3) AS seconds
		FROM (SELECT r.*, extract(epoch FROM coalesce(r.finished_at, ` + now + `::timestamptz) - r.started_at)::numeric AS seconds FROM finance.runs r` + c.where() + `) r`, c.args}
}

// Now selects the partners that are being collected, and those that wait for a machine.
func Now(s Selection) Query {
	var c conditions
	if s.Partner != "" {
		c.add("n.partner = ?::text", s.Partner)
	}
	return Query{`SELECT partner, state, due_since, machine, taken_over_from
		FROM (SELECT r.partner, 'running' AS state, r.started_at AS due_since, r.machine, former.machine AS taken_over_from
				FROM finance.runs r LEFT JOIN finance.runs former ON former.run_id = r.resumes AND former.machine <> r.machine WHERE r.status = 'running'
			UNION ALL
			SELECT w.partner, 'waits for ' || w.waits_for, w.due_since, NULL, NULL FROM finance.waiting_nights w) n` + c.where(), c.args}
}

// Machines selects the daemons that take part.
func Machines(Selection) Query {
	return Query{SQL: `SELECT machine, version, started_at, seen_at, partners_at_once, partners_now FROM finance.machines`}
}

// Costs selects the newest amounts.
func Costs(s Selection) Query {
	c := costConditions(s)
	return Query{`SELECT v.company_name, v.partner, v.customer_id::text, v.invoice_type, v.period_start::text, v.period_end::text, v.currency_code, v.pretax_total, v.tax, v.after_tax_total,
		v.revisions, v.last_changed_at, v.origin, v.ordinal FROM finance.costs v` + c.where(), c.args}
}

// TrendMonths is the number of months in the trend of a customer.
const TrendMonths = 12

// Customers selects the customers with their costs in a month and in the month before, a
// row for each currency. A currency or a type selects only the customers that have such
// costs. The trend lists the months and their amounts: "2026-09:1.5 2026-10:2".
func Customers(s Selection) Query {
	var c conditions
	month := s.Now
	if s.Month != nil {
		month = *s.Month
	}
	month = time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC)
	this, after := c.parameter(date(month))+"::date", c.parameter(date(month.AddDate(0, 1, 0)))+"::date"
	before, first := c.parameter(date(month.AddDate(0, -1, 0)))+"::date", c.parameter(date(month.AddDate(0, 1-TrendMonths, 0)))+"::date"
	in := conditions{args: c.args}
	in.whose("k", s)
	whose := len(in.terms)
	in.equal("k.currency_code", s.Currency, "text")
	in.equal("k.invoice_type", s.InvoiceType, "text")
	join := "LEFT JOIN"
	if len(in.terms) > whose {
		join = "JOIN"
	}
	of := ""
	// For the few customers of a search the costs are looked up. For all customers, adding
	// them up in one pass is faster.
	if s.Search != "" {
		of = " AND k.partner = v.partner AND k.customer_id = v.customer_id"
		join += " LATERAL"
	}
	such := in.and()
	c = conditions{args: in.args}
	c.whose("v", s)
	if s.Search != "" {
		c.add("(strpos(finance.fold(v.company_name), finance.fold(?::text)) > 0 OR strpos(v.customer_id::text, lower(?::text)) > 0)", s.Search)
	}
	sums := `SELECT k.partner, k.customer_id, k.currency_code, sum(k.after_tax_total) FILTER (WHERE k.period_end >= ` + this + `) AS after_tax_now,
			sum(k.after_tax_total) FILTER (WHERE k.period_end < ` + this + `) AS after_tax_before
		FROM finance.costs k WHERE k.period_end >= ` + before + ` AND k.period_end < ` + after + such + of
	if len(s.Open) == 0 {
		sums += " GROUP BY k.partner, k.customer_id, k.currency_code"
	} else {
		open := c.parameter(s.Open)
		sums = `SELECT k.partner, k.customer_id, k.currency_code, sum(k.after_tax_now) AS after_tax_now,
				sum(k.after_tax_before) FILTER (WHERE k.after_tax_now IS NOT NULL OR coalesce(k.invoice_type, '') <> ALL (` + open + `::text[])) AS after_tax_before
			FROM (` + strings.Replace(sums, "k.currency_code,", "k.currency_code, k.invoice_type,", 1) + ` GROUP BY k.partner, k.customer_id, k.currency_code, k.invoice_type) k
			GROUP BY k.partner, k.customer_id, k.currency_code`
	}
	counted := "count(*) OVER ()"
	if join == "JOIN" {
		counted = "m.all_rows"
		sums = "SELECT k.*, count(*) OVER () AS all_rows FROM (" + sums + ") k"
	}
	// The trend is looked up for the rows that are shown, so it stands outside of what counts
	// them all.
	return Query{`SELECT m.company_name, m.partner, m.customer_id::text, m.country, m.active, m.last_outcome, m.last_collected_at, m.first_seen_at,
		m.currency_code, m.after_tax_now, m.after_tax_before, m.after_tax_now - coalesce(m.after_tax_before, 0) AS difference, m.all_rows,
		(SELECT string_agg(t.month || ':' || t.total, ' ') FROM (SELECT to_char(k.period_end, 'YYYY-MM') AS month, sum(k.after_tax_total) AS total FROM finance.costs k
			WHERE k.partner = m.partner AND k.customer_id = m.customer_id AND k.currency_code IS NOT DISTINCT FROM m.currency_code
				AND k.period_end >= ` + first + ` AND k.period_end < ` + after + such + ` GROUP BY 1) t) AS trend
		FROM (SELECT v.*, m.currency_code, m.after_tax_now, m.after_tax_before, ` + counted + ` AS all_rows
			FROM finance.customers v ` + join + ` (` + sums + `) m ON m.partner = v.partner AND m.customer_id = v.customer_id` + c.where() + `) m`, c.args}
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

// Revisions selects every value that a cost has had.
func Revisions(s Selection) Query {
	c := costConditions(s)
	return Query{`SELECT v.invoice_type, v.period_start::text, v.period_end::text, v.revision, v.currency_code, v.pretax_total, v.tax, v.after_tax_total, v.valid_from, v.superseded_at,
		v.origin, v.run_id::text, v.superseded_by_run::text, v.summary_hash, v.line_items_hash, v.partner, v.customer_id::text, v.ordinal FROM finance.cost_revisions v` + c.where(), c.args}
}

// ChangeLines selects the line items that were removed, added or changed by the
// restatements of a cost, and the part that they do not explain.
func ChangeLines(s Selection) Query {
	c := costConditions(s)
	return Query{`SELECT v.revision, v.changed_at, v.change, v.name, v.charge_type, v.subscription_id, v.start_date::text, v.end_date::text, v.quantity_before, v.quantity_after, v.currency_code,
		v.after_tax_before, v.after_tax_after, v.after_tax_difference, v.share_percent, v.cost_difference, abs(v.after_tax_difference) AS moved, v.company_name, v.partner, v.customer_id::text
		FROM finance.cost_change_lines v` + c.where(), c.args}
}

// costConditions returns the conditions on costs, or on their revisions.
func costConditions(s Selection) conditions {
	var c conditions
	switch {
	case s.Month == nil:
	case s.Month.IsZero():
		c.terms = append(c.terms, "v.period_end IS NULL")
	default:
		c.add("v.period_end >= ?::date", date(*s.Month))
		c.add("v.period_end < ?::date", date(s.Month.AddDate(0, 1, 0)))
	}
	c.whose("v", s)
	c.equal("v.currency_code", s.Currency, "text")
	c.equal("v.invoice_type", s.InvoiceType, "text")
	c.equal("v.period_start", s.PeriodStart, "date")
	if s.Ordinal > 0 {
		c.add("v.ordinal = ?::integer", s.Ordinal)
	}
	return c
}
