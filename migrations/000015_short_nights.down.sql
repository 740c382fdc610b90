BEGIN;

CREATE OR REPLACE VIEW finance.findings AS
SELECT f.partner,
       c.customer_id,
       f.kind,
       f.severity,
       f.detail,
       f.first_seen_at,
       CASE WHEN f.resolved_at IS NULL THEN greatest(f.last_seen_at, s.last_success_at) ELSE f.last_seen_at END AS last_seen_at,
       f.resolved_at,
       nullif(f.subject, '') AS subject
FROM collector.findings f
LEFT JOIN collector.customers c USING (customer_key)
LEFT JOIN collector.customer_states s USING (customer_key);
COMMENT ON COLUMN finance.findings.last_seen_at IS 'When it was last seen. For an open finding: the customer''s last successful collection, if that is later.';

DROP VIEW finance.coverage;
CREATE VIEW finance.coverage AS
SELECT c.partner,
       c.customer_id,
       p.company_name,
       s.last_success_at,
       s.last_outcome,
       s.last_error,
       (SELECT max((d.ends_at AT TIME ZONE 'UTC')::date) FROM collector.cost_details d WHERE d.customer_key = c.customer_key) AS latest_period_end,
       round(extract(epoch FROM now() - s.last_success_at) / 3600, 1) AS hours_since_success
FROM collector.customers c
LEFT JOIN collector.customer_states s USING (customer_key)
LEFT JOIN collector.billing_profiles p USING (customer_key)
WHERE c.active;
COMMENT ON VIEW finance.coverage IS 'How complete the data is: every active customer, its last complete collection, and its last error.';
COMMENT ON COLUMN finance.coverage.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.coverage.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.coverage.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.coverage.last_success_at IS 'When the customer was last collected in full; null if never.';
COMMENT ON COLUMN finance.coverage.last_outcome IS 'Result of the last attempt: ok, unchanged, no_costs, no_access, unknown_customer, failed.';
COMMENT ON COLUMN finance.coverage.last_error IS 'Why the last attempt failed; null if it did not fail.';
COMMENT ON COLUMN finance.coverage.latest_period_end IS 'Last day of the newest period stored.';
COMMENT ON COLUMN finance.coverage.hours_since_success IS 'Hours since last_success_at; null if never.';
DO $grants$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'finance_reader') THEN
        GRANT SELECT ON finance.coverage TO finance_reader;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'collector_writer') THEN
        GRANT SELECT ON finance.coverage TO collector_writer;
    END IF;
END
$grants$;


COMMENT ON COLUMN finance.customers.last_collected_at IS 'When the customer was last collected in full; null if never.';

ALTER TABLE collector.partners DROP COLUMN line_items, DROP COLUMN refresh;
DROP VIEW collector.risks;
DROP TABLE collector.turns;
DROP TABLE collector.customer_reads;

COMMIT;
