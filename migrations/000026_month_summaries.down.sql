BEGIN;

ALTER FUNCTION collector.refresh_stale_month(text) RESET enable_nestloop;

COMMIT;
