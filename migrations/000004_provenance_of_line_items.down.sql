BEGIN;

DROP VIEW finance.line_item_sets;
COMMENT ON COLUMN finance.findings.resolved_at IS 'When a collection no longer showed it; null while it is open.';
COMMENT ON COLUMN finance.findings.last_seen_at IS 'When it was last seen: for an open finding, the customer''s last successful collection.';
COMMENT ON COLUMN finance.findings.kind IS 'What kind of oddity, such as currency_missing or detail_vanished.';
COMMENT ON TABLE collector.findings IS 'Oddities that a human may want to look at. An open one was still true at the customer''s last successful collection.';
DROP INDEX collector.findings_by_customer;

COMMIT;
