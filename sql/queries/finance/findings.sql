-- Open findings, the most severe first. finance.customer: one customer.
SELECT partner, customer_id, severity, kind, subject, detail, first_seen_at, last_seen_at
FROM finance.findings
WHERE resolved_at IS NULL
  AND (nullif(current_setting('finance.customer', true), '') IS NULL
       OR customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
ORDER BY array_position(ARRAY['serious', 'warning', 'info'], severity), partner, customer_id, kind, subject;
