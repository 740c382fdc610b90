-- What each customer costs. finance.period: periods ending in that month (YYYY-MM), else each type's newest; finance.customer: one customer.
WITH newest AS (
    SELECT costs.*, max(period_start) OVER (PARTITION BY partner, customer_id, invoice_type) AS newest_start
    FROM finance.costs
    WHERE nullif(current_setting('finance.customer', true), '') IS NULL
       OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid
)
SELECT partner, customer_id, company_name, invoice_type, period_start, period_end, currency_code, pretax_total, tax, after_tax_total, revisions
FROM newest
WHERE CASE WHEN nullif(current_setting('finance.period', true), '') IS NULL
    THEN period_start IS NOT DISTINCT FROM newest_start
    ELSE date_trunc('month', period_end) = to_date(current_setting('finance.period', true), 'YYYY-MM') END
ORDER BY partner, company_name, customer_id, invoice_type, period_start, currency_code, after_tax_total;
