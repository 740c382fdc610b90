BEGIN;

ALTER TABLE collector.runs ADD COLUMN scope text NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'some', 'rest'));
COMMENT ON COLUMN collector.runs.scope IS 'Whom the run was to collect: all of the partner''s customers, some named ones, or the rest that earlier runs had left over.';

ALTER TABLE collector.statements ADD COLUMN origin text NOT NULL DEFAULT 'servicecosts' CHECK (origin IN ('servicecosts', 'import'));
COMMENT ON COLUMN collector.statements.origin IS 'Whether the bodies were collected from the service or imported from saved answers.';

-- Bodies come in the order of time: a few pages of index find the old ones.
CREATE INDEX payloads_by_time ON collector.payloads USING brin (first_seen_at);
CREATE INDEX failures_by_time ON collector.failures USING brin (failed_at);

CREATE TABLE collector.withdrawn_rows (
    withdrawn_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_key bigint      NOT NULL REFERENCES collector.customers,
    run_id       uuid        NOT NULL,
    withdrawn_at timestamptz NOT NULL,
    detail       jsonb       NOT NULL,
    history      jsonb       NOT NULL
);
COMMENT ON TABLE collector.withdrawn_rows IS 'Cost details that a replay of the archive does not derive any more, because an error in their derivation was mended; with their history.';

CREATE VIEW finance.cost_revisions AS
SELECT c.partner,
       c.customer_id,
       p.company_name,
       d.invoice_type,
       d.period_start,
       d.currency_code,
       d.ordinal,
       r.revision,
       (r.ends_at AT TIME ZONE 'UTC')::date AS period_end,
       r.pretax_total,
       r.tax,
       r.after_tax_total,
       r.origin,
       r.run_id,
       r.valid_from,
       r.superseded_at,
       r.superseded_by_run,
       encode(s.summary_hash, 'hex') AS summary_hash,
       encode(s.line_items_hash, 'hex') AS line_items_hash
FROM (
    SELECT detail_id, revisions AS revision, ends_at, pretax_total, tax, after_tax_total, origin, run_id, statement_id,
           last_changed_at AS valid_from, NULL::timestamptz AS superseded_at, NULL::uuid AS superseded_by_run
    FROM collector.cost_details
    UNION ALL
    SELECT detail_id, revision, ends_at, pretax_total, tax, after_tax_total, origin, run_id, statement_id,
           valid_from, superseded_at, superseded_by_run
    FROM collector.cost_detail_history
) r
JOIN collector.cost_details d ON d.detail_id = r.detail_id
JOIN collector.statements s ON s.statement_id = r.statement_id
JOIN collector.customers c ON c.customer_key = d.customer_key
LEFT JOIN collector.billing_profiles p ON p.customer_key = d.customer_key;
COMMENT ON VIEW finance.cost_revisions IS 'Every value that a cost ever had, the newest included, with where it came from.';
COMMENT ON COLUMN finance.cost_revisions.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.cost_revisions.customer_id IS 'Tenant id of the customer.';
COMMENT ON COLUMN finance.cost_revisions.company_name IS 'Company name of the billing profile.';
COMMENT ON COLUMN finance.cost_revisions.invoice_type IS 'Invoice type of the cost.';
COMMENT ON COLUMN finance.cost_revisions.period_start IS 'First day of the billing period.';
COMMENT ON COLUMN finance.cost_revisions.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN finance.cost_revisions.ordinal IS 'As in finance.costs.';
COMMENT ON COLUMN finance.cost_revisions.revision IS '0 for the value first collected, then one more for each restatement.';
COMMENT ON COLUMN finance.cost_revisions.period_end IS 'Last day of the billing period, as stated then.';
COMMENT ON COLUMN finance.cost_revisions.pretax_total IS 'Amount before tax, as stated then.';
COMMENT ON COLUMN finance.cost_revisions.tax IS 'Tax, as stated then.';
COMMENT ON COLUMN finance.cost_revisions.after_tax_total IS 'Amount after tax, as stated then.';
COMMENT ON COLUMN finance.cost_revisions.origin IS 'servicecosts (collected from the service) or import (from saved answers).';
COMMENT ON COLUMN finance.cost_revisions.run_id IS 'The run that stored this value.';
COMMENT ON COLUMN finance.cost_revisions.valid_from IS 'When this value was stored.';
COMMENT ON COLUMN finance.cost_revisions.superseded_at IS 'When the next value took its place; null for the newest.';
COMMENT ON COLUMN finance.cost_revisions.superseded_by_run IS 'The run that stored the next value; null for the newest.';
COMMENT ON COLUMN finance.cost_revisions.summary_hash IS 'SHA-256, in hexadecimal, of the summary''s body from which the value was derived.';
COMMENT ON COLUMN finance.cost_revisions.line_items_hash IS 'SHA-256, in hexadecimal, of the body of the line items in the same statement; null when they were not read.';

CREATE OR REPLACE VIEW finance.runs AS
SELECT run_id, partner, kind, started_at, finished_at, status,
       customers_total, customers_ok, customers_unchanged, customers_no_costs, customers_failed,
       rows_changed, version, error, scope
FROM collector.runs;
COMMENT ON COLUMN finance.runs.scope IS 'all (every customer of the partner), some (named ones) or rest (those that earlier runs had left over).';

COMMIT;
