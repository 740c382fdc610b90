-- Invoices with the sums of their lines, newest month first. finance.period: the month (YYYY-MM), else all.
SELECT partner, month, invoice_id, invoice_type, document_type, amends, invoice_date, currency_code, total, lines_total, difference, state
FROM finance.invoices
WHERE nullif(current_setting('finance.period', true), '') IS NULL
   OR month = to_date(nullif(current_setting('finance.period', true), ''), 'YYYY-MM')
ORDER BY month DESC NULLS LAST, partner, invoice_type, currency_code, coalesce(amends, invoice_id), invoice_id;
