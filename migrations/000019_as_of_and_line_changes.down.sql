BEGIN;

DROP VIEW finance.cost_change_lines;
DROP VIEW finance.line_item_changes;
DROP INDEX collector.line_item_sets_restated;
DROP FUNCTION finance.line_items_as_of(timestamptz);
DROP VIEW finance.line_item_revisions;
DROP FUNCTION finance.costs_as_of(timestamptz);
DROP FUNCTION finance.as_of();
DROP VIEW finance.cost_validity;

COMMIT;
