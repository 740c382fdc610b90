BEGIN;

DROP VIEW finance.stale_months;
DROP VIEW finance.top_movers;
DROP VIEW finance.month_totals;
DROP TRIGGER mark_months_of_removed ON collector.cost_details;
DROP TRIGGER mark_months_after_change ON collector.cost_details;
DROP TRIGGER mark_months_before_change ON collector.cost_details;
DROP TRIGGER mark_months_of_new ON collector.cost_details;
DROP FUNCTION collector.refresh_stale_month(text);
DROP FUNCTION collector.mark_months();
DROP TABLE collector.stale_months;
DROP TABLE collector.month_movers;
DROP TABLE collector.month_totals;
DROP INDEX collector.cost_details_by_end;

COMMIT;
