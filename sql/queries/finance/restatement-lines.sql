-- The lines behind each restatement: removed, added and changed lines, and the difference that no line explains. finance.period: periods ending in that month (YYYY-MM); finance.customer: one customer; finance.since: changed since then; finance.as_of: changed until then.
SELECT partner, customer_id, company_name, invoice_type, period_start, currency_code, changed_at, cost_difference, change, name, charge_type,
    quantity_before, quantity_after, after_tax_before, after_tax_after, after_tax_difference, share_percent, subscription_id
FROM finance.cost_change_lines
WHERE (nullif(current_setting('finance.period', true), '') IS NULL
       OR date_trunc('month', period_end) = to_date(current_setting('finance.period', true), 'YYYY-MM'))
  AND (nullif(current_setting('finance.customer', true), '') IS NULL
       OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
  AND changed_at >= coalesce(nullif(current_setting('finance.since', true), '')::timestamptz, '-infinity')
  AND changed_at <= finance.as_of()
ORDER BY changed_at DESC, partner, customer_id, invoice_type, period_start, currency_code, ordinal, revision DESC,
    change = 'unexplained', abs(after_tax_difference) DESC, name, charge_type, start_date;
