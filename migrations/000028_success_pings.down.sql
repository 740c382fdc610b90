BEGIN;

DROP TABLE collector.success_pings;

COMMIT;
