-- Costs that are new, restated or withdrawn since a moment. finance.since: the moment, else a week ago; finance.as_of: until then; finance.period: periods ending in that month (YYYY-MM); finance.customer: one customer.
WITH asked AS (
    SELECT coalesce(nullif(current_setting('finance.since', true), '')::timestamptz, finance.moment() - interval '7 days') AS since
), stood AS (
    SELECT v.*, v.valid_from <= a.since AND (v.valid_until IS NULL OR v.valid_until > a.since) AS stood_then,
        v.valid_from <= finance.as_of() AND (v.valid_until IS NULL OR v.valid_until > finance.as_of()) AS stands_now
    FROM finance.cost_validity v
    CROSS JOIN asked a
    WHERE (v.valid_from > a.since OR v.valid_until > a.since)
      AND (nullif(current_setting('finance.customer', true), '') IS NULL
           OR v.customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
), compared AS (
    SELECT partner, customer_id, max(company_name) AS company_name, invoice_type, period_start,
        coalesce(max(period_end) FILTER (WHERE stands_now), max(period_end) FILTER (WHERE stood_then)) AS period_end, currency_code, ordinal,
        bool_or(stood_then) AS was_there, bool_or(stands_now) AS is_there,
        sum(after_tax_total) FILTER (WHERE stood_then) AS after_tax_before, sum(after_tax_total) FILTER (WHERE stands_now) AS after_tax_after,
        sum(pretax_total) FILTER (WHERE stood_then) AS pretax_before, sum(pretax_total) FILTER (WHERE stands_now) AS pretax_after
    FROM stood
    GROUP BY partner, customer_id, invoice_type, period_start, currency_code, ordinal
)
SELECT partner, customer_id, company_name, invoice_type, period_start, period_end, currency_code,
    CASE WHEN NOT was_there THEN 'new' WHEN NOT is_there THEN 'withdrawn' ELSE 'restated' END AS change,
    after_tax_before, after_tax_after, coalesce(after_tax_after, 0) - coalesce(after_tax_before, 0) AS difference
FROM compared
WHERE (was_there OR is_there) AND (was_there, after_tax_before, pretax_before) IS DISTINCT FROM (is_there, after_tax_after, pretax_after)
  AND (nullif(current_setting('finance.period', true), '') IS NULL
       OR date_trunc('month', period_end) = to_date(current_setting('finance.period', true), 'YYYY-MM'))
ORDER BY currency_code, abs(coalesce(after_tax_after, 0) - coalesce(after_tax_before, 0)) DESC, partner, customer_id, invoice_type, period_start, ordinal;
