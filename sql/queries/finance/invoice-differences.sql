-- Customers whose invoiced sums differ from the service costs, unexplained ones first. finance.period: the month (YYYY-MM), else all; finance.customer: one customer.
SELECT partner, month, customer_id, company_name, invoice_type, currency_code, invoiced, service_costs, difference, verdict, reason
FROM finance.invoice_reconciliation
WHERE verdict <> 'matched'
  AND (nullif(current_setting('finance.period', true), '') IS NULL
       OR month = to_date(nullif(current_setting('finance.period', true), ''), 'YYYY-MM'))
  AND (nullif(current_setting('finance.customer', true), '') IS NULL
       OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
ORDER BY month DESC, reason NULLS FIRST, currency_code, abs(difference) DESC, partner, customer_id, invoice_type;
