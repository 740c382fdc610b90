BEGIN;
DROP VIEW finance.erasures;
DROP TABLE collector.erasures;
COMMIT;
