-- Which months are complete, and how many customers are missing, newest first. finance.period: one month (YYYY-MM), else all; finance.as_of: judged by the closing days at that moment.
SELECT partner, month, currency_code, invoice_type, state, customers, customers_expected, missing, closes_at,
    after_tax_total, comparable_before, comparable_now, comparable_difference
FROM finance.month_states
WHERE nullif(current_setting('finance.period', true), '') IS NULL
   OR month = to_date(current_setting('finance.period', true), 'YYYY-MM')
ORDER BY partner, month DESC, currency_code, invoice_type;
