BEGIN;

DROP VIEW finance.cost_revisions;
DROP VIEW finance.runs;
CREATE VIEW finance.runs AS
SELECT run_id, partner, kind, started_at, finished_at, status,
       customers_total, customers_ok, customers_unchanged, customers_no_costs, customers_failed,
       rows_changed, version, error
FROM collector.runs;
DROP TABLE collector.withdrawn_rows;
DROP INDEX collector.failures_by_time;
DROP INDEX collector.payloads_by_time;
ALTER TABLE collector.statements DROP COLUMN origin;
ALTER TABLE collector.runs DROP COLUMN scope;

COMMIT;
