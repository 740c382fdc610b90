BEGIN;

-- Before the first ANALYZE the planner takes a month for a handful of rows, and joins the
-- customers of a month by nested loops: seconds for 10,000 customers, and four times as
-- many for twice as many. Hash joins are right whatever it knows.
ALTER FUNCTION collector.refresh_stale_month(text) SET enable_nestloop = off;

COMMIT;
