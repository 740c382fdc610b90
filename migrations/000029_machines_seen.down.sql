BEGIN;

DROP VIEW finance.waiting_nights;
DROP VIEW finance.machines;
DROP TABLE collector.machines;

COMMIT;
