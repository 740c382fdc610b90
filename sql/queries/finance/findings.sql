-- Open findings, the most severe first. finance.customer: one customer; finance.since: first seen since then.
SELECT f.partner, f.customer_id, c.company_name, f.severity, f.kind, f.subject, f.detail, f.first_seen_at, f.last_seen_at
FROM finance.findings f
LEFT JOIN finance.customers c ON c.partner = f.partner AND c.customer_id = f.customer_id
WHERE f.resolved_at IS NULL
  AND (nullif(current_setting('finance.customer', true), '') IS NULL
       OR f.customer_id = nullif(current_setting('finance.customer', true), '')::uuid)
  AND f.first_seen_at >= coalesce(nullif(current_setting('finance.since', true), '')::timestamptz, '-infinity')
ORDER BY array_position(ARRAY['serious', 'warning', 'info'], f.severity), f.partner, f.customer_id, f.kind, f.subject;
