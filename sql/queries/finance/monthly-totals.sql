-- Totals by month, currency and invoice type, each compared with the month before; for an open month, over the customers that both months have. finance.period: one month (YYYY-MM), else all; finance.as_of: as of that moment.
WITH totals AS (
    SELECT partner, date_trunc('month', period_end)::date AS month, currency_code, invoice_type, count(DISTINCT customer_id) AS customers,
        sum(pretax_total) AS pretax_total, sum(tax) AS tax, sum(after_tax_total) AS after_tax_total
    FROM finance.costs_as_of(finance.as_of())
    WHERE nullif(current_setting('finance.period', true), '') IS NULL
       OR period_end >= (to_date(current_setting('finance.period', true), 'YYYY-MM') - interval '1 month')::date
      AND period_end < (to_date(current_setting('finance.period', true), 'YYYY-MM') + interval '1 month')::date
    GROUP BY 1, 2, 3, 4
), compared AS (
    SELECT t.*, s.state, s.missing,
        CASE WHEN s.state = 'open' THEN s.comparable_before ELSE b.after_tax_total END AS after_tax_before,
        CASE WHEN s.state = 'open' THEN s.comparable_now ELSE t.after_tax_total END AS after_tax_now
    FROM totals t
    LEFT JOIN totals b ON b.partner = t.partner AND b.month = (t.month - interval '1 month')::date
        AND b.currency_code IS NOT DISTINCT FROM t.currency_code AND b.invoice_type IS NOT DISTINCT FROM t.invoice_type
    LEFT JOIN finance.month_states s ON s.partner = t.partner AND s.month = t.month
        AND s.currency_code IS NOT DISTINCT FROM t.currency_code AND s.invoice_type IS NOT DISTINCT FROM t.invoice_type
)
SELECT partner, month, currency_code, invoice_type, customers, pretax_total, tax, after_tax_total, state, missing, after_tax_before,
    after_tax_now - after_tax_before AS difference,
    CASE WHEN after_tax_before <> 0 THEN round((after_tax_now - after_tax_before) / abs(after_tax_before) * 100, 1) END AS percent
FROM compared
WHERE nullif(current_setting('finance.period', true), '') IS NULL
   OR month = to_date(current_setting('finance.period', true), 'YYYY-MM')
ORDER BY partner, month DESC, currency_code, invoice_type;
