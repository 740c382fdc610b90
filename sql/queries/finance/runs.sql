-- The last 50 runs, newest first.
SELECT run_id, partner, kind, started_at, finished_at, status, customers_total, customers_ok, customers_unchanged, customers_no_costs,
    customers_failed, rows_changed, version, error
FROM finance.runs
ORDER BY started_at DESC, run_id
LIMIT 50;
