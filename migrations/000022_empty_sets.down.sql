BEGIN;

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
LEFT JOIN collector.billing_profiles p ON p.customer_key = l.customer_key;
COMMENT ON COLUMN collector.line_item_sets.revision IS NULL;
DELETE FROM collector.line_item_sets WHERE revision = -1;
ALTER TABLE collector.statements ADD COLUMN line_items_set_aside boolean;
COMMENT ON COLUMN collector.statements.line_items_set_aside IS 'Line items were read and none of them stored, because they were those of another period. NULL without line items, and in entries of versions that did not note it.';

COMMIT;
