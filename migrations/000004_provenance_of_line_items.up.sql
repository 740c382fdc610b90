BEGIN;

CREATE INDEX findings_by_customer ON collector.findings (customer_key);
COMMENT ON TABLE collector.findings IS 'Oddities that a human may want to look at. An open one was still true at the customer''s last successful collection or, where it takes a look at many nights, at the partner''s last run.';
COMMENT ON COLUMN finance.findings.kind IS 'What kind of oddity; docs/finance.md explains each.';
COMMENT ON COLUMN finance.findings.last_seen_at IS 'When it was last seen: for an open finding, the customer''s last successful collection if that is later than the finding.';
COMMENT ON COLUMN finance.findings.resolved_at IS 'When its cause was gone; null while it is open.';

CREATE VIEW finance.line_item_sets AS
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
COMMENT ON VIEW finance.line_item_sets IS 'Every set of line items that a cost ever had, the newest included, with where it came from. A set is replaced as a whole; finance.line_items shows the newest.';
COMMENT ON COLUMN finance.line_item_sets.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.line_item_sets.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.line_item_sets.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.line_item_sets.invoice_type IS 'Invoice type of the items; null when the service names none.';
COMMENT ON COLUMN finance.line_item_sets.period_start IS 'First day of the billing period: period_start of the cost in finance.costs.';
COMMENT ON COLUMN finance.line_item_sets.revision IS '0 for the set first collected, then one more for each that took its place.';
COMMENT ON COLUMN finance.line_item_sets.item_count IS 'Number of items in the set.';
COMMENT ON COLUMN finance.line_item_sets.origin IS 'servicecosts (collected from the service) or import (from saved answers).';
COMMENT ON COLUMN finance.line_item_sets.run_id IS 'The run that stored the set.';
COMMENT ON COLUMN finance.line_item_sets.collected_at IS 'When the set was stored.';
COMMENT ON COLUMN finance.line_item_sets.superseded_at IS 'When the next set took its place; null for the newest.';
COMMENT ON COLUMN finance.line_item_sets.superseded_by_run IS 'The run that stored the next set; null for the newest.';
COMMENT ON COLUMN finance.line_item_sets.line_items_hash IS 'SHA-256, in hexadecimal, of the body of the line items from which the set was derived.';

COMMIT;
