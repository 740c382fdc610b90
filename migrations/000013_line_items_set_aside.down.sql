BEGIN;

ALTER TABLE collector.statements DROP COLUMN line_items_set_aside;

COMMIT;
