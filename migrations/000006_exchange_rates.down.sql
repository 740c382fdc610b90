BEGIN;

DROP VIEW finance.monthly_costs_converted;
DROP VIEW finance.exchange_rates;
DROP TABLE collector.exchange_rates;

COMMIT;
