BEGIN;

-- When each part of a customer was read: a night that is too short for everything reads
-- the costs of everybody, and the rest in turns.
CREATE TABLE collector.customer_reads (
    customer_key  bigint PRIMARY KEY REFERENCES collector.customers,
    costs_at      timestamptz,
    costs_hash    bytea,
    next_end_at   timestamptz,
    profile_at    timestamptz,
    line_items_at timestamptz,
    refused       boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
COMMENT ON TABLE collector.customer_reads IS 'When each part of a customer was last read; rewritten by every run, unlike the facts.';
COMMENT ON COLUMN collector.customer_reads.costs_hash IS 'SHA-256 of what the newest cost summary says. One that says the same needs no line items.';
COMMENT ON COLUMN collector.customer_reads.next_end_at IS 'When the first of the periods ends whose final amounts have not been read yet; null without costs. Whoever has the earliest is read first.';
COMMENT ON COLUMN collector.customer_reads.line_items_at IS 'Null also when the line items of the newest costs have not been read yet.';
COMMENT ON COLUMN collector.customer_reads.refused IS 'The service refused the customer when it was last asked for it.';

-- Until now a success meant that everything was read.
INSERT INTO collector.customer_reads (customer_key, costs_at, profile_at, line_items_at)
SELECT customer_key, last_success_at, last_success_at, last_success_at
FROM collector.customer_states
WHERE last_success_at IS NOT NULL;

CREATE TABLE collector.turns (
    partner       text     NOT NULL,
    page          integer  NOT NULL,
    customer_keys bigint[] NOT NULL,
    PRIMARY KEY (partner, page)
);
COMMENT ON TABLE collector.turns IS 'In which order the run under way reads a partner''s customers, in pages.';

CREATE VIEW collector.risks AS
SELECT c.partner, c.customer_id, c.customer_key, c.active,
       CASE WHEN s.customer_key IS NULL THEN 1
            WHEN r.refused THEN 4
            WHEN r.next_end_at IS NOT NULL THEN 2
            ELSE 3 END AS class,
       r.next_end_at,
       s.last_success_at AS seen_at
FROM collector.customers c
LEFT JOIN collector.customer_states s ON s.customer_key = c.customer_key
LEFT JOIN collector.customer_reads r ON r.customer_key = c.customer_key;
COMMENT ON VIEW collector.risks IS 'What customers have to lose. A run reads them by class, next_end_at and seen_at: those never asked for, those whose newest period ends next, those without costs, unseen longest first, and last those whom the service refuses: refusals of its first customers end a run.';

ALTER TABLE collector.partners
    ADD COLUMN refresh interval,
    ADD COLUMN line_items boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN collector.partners.refresh IS 'How old profiles and line items may grow (collect.refresh of the newest run).';
COMMENT ON COLUMN collector.partners.line_items IS 'Whether line items are collected.';

CREATE OR REPLACE VIEW finance.coverage AS
SELECT c.partner,
       c.customer_id,
       p.company_name,
       s.last_success_at,
       s.last_outcome,
       s.last_error,
       (SELECT max((d.ends_at AT TIME ZONE 'UTC')::date) FROM collector.cost_details d WHERE d.customer_key = c.customer_key) AS latest_period_end,
       round(extract(epoch FROM now() - s.last_success_at) / 3600, 1) AS hours_since_success,
       r.costs_at AS costs_as_of,
       r.profile_at AS profile_as_of,
       r.line_items_at AS line_items_as_of,
       nullif(concat_ws(', ',
           CASE WHEN r.profile_at IS NULL OR r.profile_at < now() - n.refresh THEN 'profile' END,
           CASE WHEN n.line_items AND (r.line_items_at IS NULL OR r.line_items_at < now() - n.refresh) THEN 'line items' END), '') AS waits_for
FROM collector.customers c
LEFT JOIN collector.customer_states s USING (customer_key)
LEFT JOIN collector.billing_profiles p USING (customer_key)
LEFT JOIN collector.customer_reads r USING (customer_key)
LEFT JOIN collector.partners n ON n.partner = c.partner
WHERE c.active;
COMMENT ON VIEW finance.coverage IS 'How complete the data is: every active customer, its last collection, the age of its parts, and its last error.';
COMMENT ON COLUMN finance.coverage.last_success_at IS 'When the customer was last collected without a failure; null if never. The costs were read then; the profile and the line items may be of an earlier night.';
COMMENT ON COLUMN finance.coverage.costs_as_of IS 'When the cost summary was last read; null if never.';
COMMENT ON COLUMN finance.coverage.profile_as_of IS 'When the billing profile was last read; null if never.';
COMMENT ON COLUMN finance.coverage.line_items_as_of IS 'When the line items were last read. Null if never, or if the line items of the newest costs have not been read yet. When the costs change, the line items are read in the same run.';
COMMENT ON COLUMN finance.coverage.waits_for IS 'The parts that are older than collect.refresh or have not been read yet: profile, line items, or both. Null if there are none.';

COMMENT ON COLUMN finance.customers.last_collected_at IS 'When the customer was last collected without a failure; null if never. The costs were read then; the profile and the line items may be of an earlier night.';

CREATE OR REPLACE VIEW finance.findings AS
SELECT f.partner,
       c.customer_id,
       f.kind,
       f.severity,
       f.detail,
       f.first_seen_at,
       CASE WHEN f.resolved_at IS NOT NULL THEN f.last_seen_at
            WHEN f.kind LIKE 'line\_items\_%' OR f.subject LIKE 'line items %' THEN greatest(f.last_seen_at, r.line_items_at)
            ELSE greatest(f.last_seen_at, s.last_success_at) END AS last_seen_at,
       f.resolved_at,
       nullif(f.subject, '') AS subject
FROM collector.findings f
LEFT JOIN collector.customers c USING (customer_key)
LEFT JOIN collector.customer_states s USING (customer_key)
LEFT JOIN collector.customer_reads r USING (customer_key);
COMMENT ON COLUMN finance.findings.last_seen_at IS 'When it was last seen. For an open finding: the last successful collection of the customer, or of its line items, if that is later.';


COMMIT;
