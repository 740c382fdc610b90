-- Amounts that the service changed after it had returned them, newest first. finance.period: periods ending in that month (YYYY-MM); finance.customer: one customer; finance.since: changed since then; finance.as_of: changed until then.
SELECT partner, customer_id, company_name, invoice_type, period_start, period_end, currency_code, after_tax_before, after_tax_after, difference, changed_at, run_id
FROM finance.cost_changes
WHERE (nullif(current_setting('finance.period', true), '') IS NULL
       OR date_trunc('month', period_end) = to_date(current_setting('finance.period', true), 'YYYY-MM'))
  AND (nullif(current_setting('finance.customer', true), '') IS NULL
       OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
  AND changed_at >= coalesce(nullif(current_setting('finance.since', true), '')::timestamptz, '-infinity')
  AND changed_at <= finance.as_of()
ORDER BY changed_at DESC, partner, customer_id, invoice_type, period_start, currency_code, revision DESC;
