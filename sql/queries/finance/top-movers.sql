-- Customers whose costs moved most against the period before. finance.period: the month (YYYY-MM), else the newest; finance.customer: one customer.
WITH monthly AS (
    SELECT partner, customer_id, max(company_name) AS company_name, invoice_type, currency_code,
        date_trunc('month', period_end)::date AS month, sum(after_tax_total) AS after_tax_total
    FROM finance.costs
    WHERE nullif(current_setting('finance.customer', true), '') IS NULL
       OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid
    GROUP BY partner, customer_id, invoice_type, currency_code, date_trunc('month', period_end)
), chosen AS (
    SELECT DISTINCT partner, invoice_type,
        coalesce(to_date(nullif(current_setting('finance.period', true), ''), 'YYYY-MM'),
            max(month) OVER (PARTITION BY partner, invoice_type)) AS month
    FROM monthly
), moved AS (
    SELECT partner, customer_id, max(m.company_name) AS company_name, m.invoice_type, m.currency_code, c.month,
        coalesce(sum(m.after_tax_total) FILTER (WHERE m.month = (c.month - interval '1 month')::date), 0) AS before,
        coalesce(sum(m.after_tax_total) FILTER (WHERE m.month = c.month), 0) AS after
    FROM monthly m
    JOIN chosen c USING (partner)
    WHERE c.invoice_type IS NOT DISTINCT FROM m.invoice_type
      AND m.month IN (c.month, (c.month - interval '1 month')::date)
    GROUP BY partner, customer_id, m.invoice_type, m.currency_code, c.month
)
SELECT partner, customer_id, company_name, invoice_type, month, currency_code, before AS after_tax_before, after AS after_tax_now,
    after - before AS difference,
    CASE WHEN before <> 0 THEN round((after - before) / abs(before) * 100, 1) END AS percent
FROM moved
WHERE after <> before
ORDER BY currency_code, abs(after - before) DESC, partner, customer_id, invoice_type;
