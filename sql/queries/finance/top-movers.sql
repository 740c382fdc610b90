-- Customers whose costs changed most from the month before. finance.period: the month (YYYY-MM), else the newest closed one; customers still missing in an open month are left out; finance.customer: one customer; finance.as_of: as of that moment.
WITH asked AS (
    SELECT coalesce(to_date(nullif(current_setting('finance.period', true), ''), 'YYYY-MM'), finance.reporting_month()) AS month
), moved AS (
    SELECT partner, customer_id, max(company_name) AS company_name, invoice_type, currency_code,
        coalesce(sum(after_tax_total) FILTER (WHERE period_end < (SELECT month FROM asked)), 0) AS before,
        coalesce(sum(after_tax_total) FILTER (WHERE period_end >= (SELECT month FROM asked)), 0) AS after,
        bool_or(period_end >= (SELECT month FROM asked)) AS has_come
    FROM finance.costs_as_of(finance.as_of())
    WHERE period_end >= (SELECT month - interval '1 month' FROM asked)::date AND period_end < (SELECT month + interval '1 month' FROM asked)::date
      AND (nullif(current_setting('finance.customer', true), '') IS NULL
           OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
    GROUP BY partner, customer_id, invoice_type, currency_code
)
SELECT m.partner, m.customer_id, m.company_name, m.invoice_type, (SELECT month FROM asked) AS month, m.currency_code,
    m.before AS after_tax_before, m.after AS after_tax_now, m.after - m.before AS difference,
    CASE WHEN m.before <> 0 THEN round((m.after - m.before) / abs(m.before) * 100, 1) END AS percent
FROM moved m
LEFT JOIN finance.month_states s ON s.partner = m.partner AND s.month = (SELECT month FROM asked)
    AND s.currency_code IS NOT DISTINCT FROM m.currency_code AND s.invoice_type IS NOT DISTINCT FROM m.invoice_type
WHERE m.after <> m.before AND (m.has_come OR s.state = 'closed')
ORDER BY m.currency_code, abs(m.after - m.before) DESC, m.partner, m.customer_id, m.invoice_type;
