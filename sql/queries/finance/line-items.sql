-- The lines behind the costs. finance.customer: one customer; finance.period: billing periods that end in that month (YYYY-MM), else each type's newest.
WITH items AS (
    SELECT l.*, max(l.billing_period_start) OVER (PARTITION BY l.partner, l.customer_id, l.invoice_type) AS newest_start
    FROM finance.line_items l
    WHERE nullif(current_setting('finance.customer', true), '') IS NULL
       OR l.customer_id = nullif(current_setting('finance.customer', true), '')::uuid
)
SELECT partner, customer_id, company_name, invoice_type, billing_period_start, invoice_number, charge_type, start_date, end_date,
    coalesce(product_name, offer_name) AS product, sku_name, quantity, unit_price, pretax_total, tax, after_tax_total, currency_code
FROM items l
WHERE CASE WHEN nullif(current_setting('finance.period', true), '') IS NULL
    THEN billing_period_start IS NOT DISTINCT FROM newest_start
    ELSE EXISTS (SELECT 1 FROM finance.costs c
        WHERE c.partner = l.partner AND c.customer_id = l.customer_id
          AND c.invoice_type IS NOT DISTINCT FROM l.invoice_type
          AND c.period_start IS NOT DISTINCT FROM l.billing_period_start
          AND date_trunc('month', c.period_end) = to_date(current_setting('finance.period', true), 'YYYY-MM')) END
ORDER BY partner, customer_id, invoice_type, billing_period_start, ordinal;
