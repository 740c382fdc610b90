BEGIN;

ALTER TABLE collector.statements ADD COLUMN line_items_set_aside boolean;
COMMENT ON COLUMN collector.statements.line_items_set_aside IS 'Line items were read and none of them stored, because they were those of another period. NULL without line items, and in entries of versions that did not note it.';

COMMIT;
