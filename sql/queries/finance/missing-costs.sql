-- Customers without costs of an invoice type that had some in the month before. finance.period: the month (YYYY-MM), else the newest closed month and all later ones whose closing day is past; finance.customer: one customer.
SELECT partner, customer_id, company_name, month, invoice_type, currency_code, last_period_end, last_after_tax, reason
FROM finance.missing_costs
WHERE CASE WHEN nullif(current_setting('finance.period', true), '') IS NULL
    THEN overdue AND month >= finance.reporting_month()
    ELSE month = to_date(current_setting('finance.period', true), 'YYYY-MM') END
  AND (nullif(current_setting('finance.customer', true), '') IS NULL
       OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
ORDER BY partner, month DESC, invoice_type, currency_code, last_after_tax DESC NULLS LAST, customer_id;
