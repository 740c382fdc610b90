BEGIN;

DROP VIEW finance.focus_left_out;
DROP VIEW finance.focus_billing_period;
DROP VIEW finance.focus_1_4;
DROP VIEW finance.focus_1_2;
DROP VIEW collector.focus_rows;
DROP VIEW collector.focus_charges;
DROP VIEW collector.focus_corrections;
DROP VIEW collector.focus_remainders;
DROP VIEW collector.focus_items;
DROP VIEW collector.focus_statements;
DROP VIEW collector.focus_totals;
DROP VIEW collector.focus_details;
DROP FUNCTION collector.focus_closes_at;
DROP TABLE collector.focus_services;
DROP TABLE collector.partners;

COMMIT;
