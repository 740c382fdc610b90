-- Costs of each customer. finance.period: periods ending in that month (YYYY-MM), else in the newest closed one; finance.customer: one customer; finance.as_of: as of that moment.
WITH asked AS (
    SELECT coalesce(to_date(nullif(current_setting('finance.period', true), ''), 'YYYY-MM'), finance.reporting_month()) AS month
)
SELECT partner, customer_id, company_name, invoice_type, period_start, period_end, currency_code, pretax_total, tax, after_tax_total, revisions
FROM finance.costs_as_of(finance.as_of())
WHERE period_end >= (SELECT month FROM asked) AND period_end < (SELECT month + interval '1 month' FROM asked)::date
  AND (nullif(current_setting('finance.customer', true), '') IS NULL
       OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
ORDER BY partner, company_name, customer_id, invoice_type, period_start, currency_code, after_tax_total;
