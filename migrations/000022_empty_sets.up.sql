BEGIN;

-- A set that was empty when it was first read was not stored, and line_items_set_aside said
-- of each answer whether its items count as read: about a cost that has changed since, that
-- was too little to keep an import from filling what is no gap. Now such a set is stored.
INSERT INTO collector.line_item_sets (customer_key, invoice_type, period_start, revision, content_hash, item_count, origin, statement_id, run_id, collected_at)
SELECT DISTINCT ON (d.customer_key, d.invoice_type, d.period_start) d.customer_key, d.invoice_type, d.period_start,
    (SELECT coalesce(max(o.revision) + 1, -1) FROM collector.line_item_sets o
        WHERE o.customer_key = d.customer_key AND o.invoice_type IS NOT DISTINCT FROM d.invoice_type AND o.period_start IS NOT DISTINCT FROM d.period_start),
    sha256(''), 0, 'servicecosts', r.statement_id, r.run_id, r.collected_at
FROM collector.cost_details d
JOIN collector.statements q ON q.statement_id = d.statement_id
JOIN collector.statements r ON r.customer_key = q.customer_key AND r.summary_hash = q.summary_hash AND r.origin = q.origin
WHERE d.origin = 'servicecosts' AND r.line_items_hash IS NOT NULL AND r.line_items_set_aside IS NOT TRUE
    AND NOT EXISTS (SELECT 1 FROM collector.line_item_sets l WHERE l.superseded_at IS NULL AND l.customer_key = d.customer_key
        AND l.invoice_type IS NOT DISTINCT FROM d.invoice_type AND l.period_start IS NOT DISTINCT FROM d.period_start)
ORDER BY d.customer_key, d.invoice_type, d.period_start, r.statement_id;

ALTER TABLE collector.statements DROP COLUMN line_items_set_aside;
COMMENT ON COLUMN collector.line_item_sets.revision IS '0 for the first collected set with items, plus 1 for each set that replaced one. -1 for the note that the items were read and there were none yet.';
CREATE OR REPLACE VIEW finance.line_item_sets AS
SELECT c.partner,
       c.customer_id,
       p.company_name,
       l.invoice_type,
       l.period_start,
       l.revision,
       l.item_count,
       l.origin,
       l.run_id,
       l.collected_at,
       l.superseded_at,
       l.superseded_by_run,
       encode(s.line_items_hash, 'hex') AS line_items_hash
FROM collector.line_item_sets l
JOIN collector.statements s ON s.statement_id = l.statement_id
JOIN collector.customers c ON c.customer_key = l.customer_key
LEFT JOIN collector.billing_profiles p ON p.customer_key = l.customer_key
WHERE l.revision >= 0;

COMMIT;
