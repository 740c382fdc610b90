-- The lines behind the costs. finance.period: billing periods that end in that month (YYYY-MM), else in the newest closed one; finance.customer: one customer; finance.as_of: as of that moment.
WITH asked AS (
    SELECT coalesce(to_date(nullif(current_setting('finance.period', true), ''), 'YYYY-MM'), finance.reporting_month()) AS month
), periods AS (
    SELECT DISTINCT partner, customer_id, invoice_type, period_start
    FROM finance.costs_as_of(finance.as_of())
    WHERE period_end >= (SELECT month FROM asked) AND period_end < (SELECT month + interval '1 month' FROM asked)::date
      AND (nullif(current_setting('finance.customer', true), '') IS NULL
           OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
)
SELECT partner, customer_id, company_name, l.invoice_type, billing_period_start, invoice_number, charge_type, start_date, end_date,
    coalesce(product_name, offer_name) AS product, sku_name, quantity, unit_price, pretax_total, tax, after_tax_total, currency_code
FROM finance.line_items_as_of(finance.as_of()) l
JOIN periods p USING (partner, customer_id)
WHERE p.invoice_type IS NOT DISTINCT FROM l.invoice_type AND p.period_start IS NOT DISTINCT FROM l.billing_period_start
ORDER BY partner, customer_id, l.invoice_type, billing_period_start, ordinal;
