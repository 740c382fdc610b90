BEGIN;

ALTER TABLE collector.runs
    ADD COLUMN machine text,
    ADD COLUMN resumes uuid;
COMMENT ON COLUMN collector.runs.machine IS 'The machine that makes the run, by its host name. NULL for runs of older versions.';
COMMENT ON COLUMN collector.runs.resumes IS 'The newest unfinished run that this run goes on with; NULL if it begins anew. Its row may be gone: it has a retention of its own.';

CREATE OR REPLACE VIEW finance.runs AS
SELECT run_id, partner, kind, started_at, finished_at, status,
       customers_total, customers_ok, customers_unchanged, customers_no_costs, customers_failed,
       rows_changed, version, error, scope, machine, resumes
FROM collector.runs;
COMMENT ON COLUMN finance.runs.machine IS 'Host name of the machine that made the run; null for runs of older versions.';
COMMENT ON COLUMN finance.runs.resumes IS 'Id of the unfinished run that this run went on with; null if it began anew. If that run has another machine, the partner was taken over.';

COMMIT;
