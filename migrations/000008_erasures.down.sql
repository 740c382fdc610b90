BEGIN;

COMMENT ON COLUMN finance.customers.company_name IS 'Company name of the billing profile; null until the profile was read once.';
DROP VIEW finance.erasures;
DROP TABLE collector.erasures;

COMMIT;
