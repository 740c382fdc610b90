BEGIN;

DROP VIEW finance.runs;
CREATE VIEW finance.runs AS
SELECT run_id, partner, kind, started_at, finished_at, status,
       customers_total, customers_ok, customers_unchanged, customers_no_costs, customers_failed,
       rows_changed, version, error, scope
FROM collector.runs;
COMMENT ON VIEW finance.runs IS 'The run ledger: one row for each collection of one partner.';
COMMENT ON COLUMN finance.runs.run_id IS 'Id of the run, as in cost_changes and in the logs.';
COMMENT ON COLUMN finance.runs.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.runs.kind IS 'daily (by the daemon), once, missing (backfill of failed customers), replay (re-derived from the archive), import.';
COMMENT ON COLUMN finance.runs.started_at IS 'When the run started.';
COMMENT ON COLUMN finance.runs.finished_at IS 'When the run ended; null while it runs.';
COMMENT ON COLUMN finance.runs.status IS 'running, succeeded, partial (some customers failed), failed, interrupted.';
COMMENT ON COLUMN finance.runs.customers_total IS 'Customers that the run had to collect.';
COMMENT ON COLUMN finance.runs.customers_ok IS 'Customers with new or restated values.';
COMMENT ON COLUMN finance.runs.customers_unchanged IS 'Customers whose answers were the same as before.';
COMMENT ON COLUMN finance.runs.customers_no_costs IS 'Customers that have no costs, according to the service.';
COMMENT ON COLUMN finance.runs.customers_failed IS 'Customers that could not be collected.';
COMMENT ON COLUMN finance.runs.rows_changed IS 'Fact rows written: profiles, details and line-item sets.';
COMMENT ON COLUMN finance.runs.version IS 'Version of the collector.';
COMMENT ON COLUMN finance.runs.error IS 'Why the run did not succeed; null if it succeeded.';
COMMENT ON COLUMN finance.runs.scope IS 'all (every customer of the partner), some (named customers) or rest (customers that earlier runs did not collect).';

ALTER TABLE collector.runs
    DROP COLUMN machine,
    DROP COLUMN resumes;

COMMIT;
