-- Totals by month, currency and invoice type. finance.period: one month (YYYY-MM), else all.
SELECT partner, month, currency_code, invoice_type, customers, pretax_total, tax, after_tax_total
FROM finance.monthly_costs
WHERE nullif(current_setting('finance.period', true), '') IS NULL
   OR month = to_date(current_setting('finance.period', true), 'YYYY-MM')
ORDER BY partner, month DESC, currency_code, invoice_type;
