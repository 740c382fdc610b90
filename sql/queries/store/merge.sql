-- The merge of a staged batch. The plan queries only fill columns of the stage, so
-- that a dry run can stop after them; the apply queries write what the plan says.
--
-- A batch is small and the tables are large, and in a first night they grow faster
-- than their statistics: LATERAL with OFFSET 0 makes the planner look up each staged
-- customer by index instead of reading a table to its end for every batch.

-- name: SerializeWrites :exec
-- The last COMMIT of a collector that was killed may still be under way when the next
-- one writes already.
SELECT pg_advisory_xact_lock(hashtextextended('partnercost/write/' || @partner::text, 0));

-- name: InsertCustomers :exec
INSERT INTO collector.customers (partner, customer_id, first_seen_at)
SELECT @partner::text, s.customer_id, min(s.fetched_at)
FROM stage_statements s
LEFT JOIN LATERAL (SELECT c.customer_key FROM collector.customers c
    WHERE c.partner = @partner::text AND c.customer_id = s.customer_id OFFSET 0) known ON true
WHERE known.customer_key IS NULL
GROUP BY s.customer_id
ON CONFLICT DO NOTHING;

-- name: ReactivateCustomers :exec
UPDATE collector.customers c SET active = true
FROM stage_statements s
WHERE c.customer_key = s.customer_key AND NOT c.active;

-- name: PlanCustomers :exec
UPDATE stage_statements s SET customer_key = known.customer_key
FROM stage_statements t
CROSS JOIN LATERAL (SELECT c.customer_key FROM collector.customers c
    WHERE c.partner = @partner::text AND c.customer_id = t.customer_id OFFSET 0) known
WHERE t.seq = s.seq;

-- name: PlanProfiles :exec
UPDATE stage_profiles t
SET action = CASE WHEN b.customer_key IS NULL THEN 'new' WHEN b.content_hash = t.content_hash THEN 'same' ELSE 'changed' END
FROM stage_statements s
LEFT JOIN LATERAL (SELECT p.customer_key, p.content_hash FROM collector.billing_profiles p
    WHERE p.customer_key = s.customer_key OFFSET 0) b ON true
WHERE s.seq = t.seq;

-- name: PlanDetails :exec
-- Pairs each staged detail with the stored one it is: first with one that says
-- exactly the same, then by place among those of the same key. Details of one key
-- are so recognised whatever order the service gives them in.
WITH staged AS (
    SELECT d.*, row_number() OVER (PARTITION BY d.seq, d.invoice_type, d.period_start, d.currency_code,
        d.starts_at, d.ends_at, d.currency_symbol, d.pretax_total, d.tax, d.after_tax_total ORDER BY d.row_no) AS twin
    FROM stage_details d
), stored AS (
    SELECT c.*, s.seq, row_number() OVER (PARTITION BY s.seq, c.invoice_type, c.period_start, c.currency_code,
        c.starts_at, c.ends_at, c.currency_symbol, c.pretax_total, c.tax, c.after_tax_total ORDER BY c.ordinal) AS twin
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT * FROM collector.cost_details d WHERE d.customer_key = s.customer_key OFFSET 0) c
    WHERE s.has_costs
), exact AS (
    SELECT a.row_no, b.detail_id, b.ordinal
    FROM staged a
    JOIN stored b ON b.seq = a.seq AND b.twin = a.twin
        AND b.invoice_type IS NOT DISTINCT FROM a.invoice_type
        AND b.period_start IS NOT DISTINCT FROM a.period_start
        AND b.currency_code IS NOT DISTINCT FROM a.currency_code
        AND b.starts_at IS NOT DISTINCT FROM a.starts_at
        AND b.ends_at IS NOT DISTINCT FROM a.ends_at
        AND b.currency_symbol IS NOT DISTINCT FROM a.currency_symbol
        AND b.pretax_total IS NOT DISTINCT FROM a.pretax_total
        AND b.tax IS NOT DISTINCT FROM a.tax
        AND b.after_tax_total IS NOT DISTINCT FROM a.after_tax_total
), staged_rest AS (
    SELECT a.row_no, a.seq, a.invoice_type, a.period_start, a.currency_code,
        row_number() OVER (PARTITION BY a.seq, a.invoice_type, a.period_start, a.currency_code ORDER BY a.row_no) AS place
    FROM staged a
    WHERE NOT EXISTS (SELECT 1 FROM exact e WHERE e.row_no = a.row_no)
), stored_rest AS (
    SELECT b.detail_id, b.ordinal, b.seq, b.invoice_type, b.period_start, b.currency_code,
        row_number() OVER (PARTITION BY b.seq, b.invoice_type, b.period_start, b.currency_code ORDER BY b.ordinal) AS place
    FROM stored b
    WHERE NOT EXISTS (SELECT 1 FROM exact e WHERE e.detail_id = b.detail_id)
), paired AS (
    SELECT row_no, 'same' AS action, detail_id, ordinal::bigint AS ordinal FROM exact
    UNION ALL
    SELECT a.row_no, CASE WHEN b.detail_id IS NULL THEN 'new' ELSE 'restated' END, b.detail_id,
        coalesce(b.ordinal,
            -- Every stored detail of the key is paired already: go on counting after them.
            (SELECT count(*) FROM stored k WHERE k.seq = a.seq
                AND k.invoice_type IS NOT DISTINCT FROM a.invoice_type
                AND k.period_start IS NOT DISTINCT FROM a.period_start
                AND k.currency_code IS NOT DISTINCT FROM a.currency_code)
            + a.place - (SELECT count(*) FROM stored_rest k WHERE k.seq = a.seq
                AND k.invoice_type IS NOT DISTINCT FROM a.invoice_type
                AND k.period_start IS NOT DISTINCT FROM a.period_start
                AND k.currency_code IS NOT DISTINCT FROM a.currency_code))
    FROM staged_rest a
    LEFT JOIN stored_rest b ON b.seq = a.seq AND b.place = a.place
        AND b.invoice_type IS NOT DISTINCT FROM a.invoice_type
        AND b.period_start IS NOT DISTINCT FROM a.period_start
        AND b.currency_code IS NOT DISTINCT FROM a.currency_code
)
UPDATE stage_details t SET action = p.action, detail_id = p.detail_id, ordinal = p.ordinal
FROM paired p
WHERE t.row_no = p.row_no;

-- name: PlanSets :exec
UPDATE stage_sets t
SET action = CASE
        WHEN c.set_id IS NULL THEN CASE WHEN t.item_count = 0 THEN 'same' ELSE 'new' END
        WHEN c.content_hash = t.content_hash THEN 'same'
        ELSE 'replaced' END,
    revision = coalesce(c.revision + 1, (SELECT max(o.revision) + 1 FROM collector.line_item_sets o
        WHERE o.customer_key = s.customer_key AND o.invoice_type IS NOT DISTINCT FROM t2.invoice_type
            AND o.period_start IS NOT DISTINCT FROM t2.period_start), 0),
    old_set_id = c.set_id
FROM stage_sets t2
JOIN stage_statements s ON s.seq = t2.seq
LEFT JOIN LATERAL (SELECT l.set_id, l.revision, l.content_hash FROM collector.line_item_sets l
    WHERE l.customer_key = s.customer_key AND l.superseded_at IS NULL
        AND l.invoice_type IS NOT DISTINCT FROM t2.invoice_type
        AND l.period_start IS NOT DISTINCT FROM t2.period_start OFFSET 0) c ON true
WHERE t2.set_no = t.set_no;

-- name: ApplyStatements :exec
-- A part that was not collected this time keeps the body it had. But line items go
-- with the summary that they were read with, which places them in their period.
WITH newest AS (
    SELECT s.seq, s.customer_key, p.statement_id,
        coalesce(s.profile_hash, p.profile_hash) AS profile_hash,
        coalesce(s.summary_hash, p.summary_hash) AS summary_hash,
        CASE WHEN s.has_line_items OR s.summary_hash <> p.summary_hash THEN s.line_items_hash
            ELSE coalesce(s.line_items_hash, p.line_items_hash) END AS line_items_hash,
        CASE WHEN s.has_costs THEN s.summary_status ELSE p.summary_status END AS summary_status,
        CASE WHEN s.has_costs THEN s.root_starts_at ELSE p.root_starts_at END AS root_starts_at,
        CASE WHEN s.has_costs THEN s.root_ends_at ELSE p.root_ends_at END AS root_ends_at,
        CASE WHEN s.has_costs THEN s.root_currency ELSE p.root_currency END AS root_currency,
        CASE WHEN s.has_costs THEN s.root_pretax ELSE p.root_pretax END AS root_pretax,
        CASE WHEN s.has_costs THEN s.root_tax ELSE p.root_tax END AS root_tax,
        CASE WHEN s.has_costs THEN s.root_after_tax ELSE p.root_after_tax END AS root_after_tax,
        CASE WHEN s.has_costs THEN s.body_customer_id ELSE p.body_customer_id END AS body_customer_id,
        (p.profile_hash, p.summary_hash, p.line_items_hash) AS before
    FROM stage_statements s
    LEFT JOIN LATERAL (SELECT q.* FROM collector.customer_states st JOIN collector.statements q ON q.statement_id = st.statement_id
        WHERE st.customer_key = s.customer_key OFFSET 0) p ON true
), added AS (
    INSERT INTO collector.statements (customer_key, run_id, collected_at, profile_hash, summary_hash, line_items_hash,
        summary_status, root_starts_at, root_ends_at, root_currency, root_pretax, root_tax, root_after_tax, body_customer_id)
    SELECT n.customer_key, @run_id::uuid, s.fetched_at, n.profile_hash, n.summary_hash, n.line_items_hash,
        n.summary_status, n.root_starts_at, n.root_ends_at, n.root_currency, n.root_pretax, n.root_tax, n.root_after_tax, n.body_customer_id
    FROM newest n JOIN stage_statements s ON s.seq = n.seq
    WHERE (n.statement_id IS NULL OR (n.profile_hash, n.summary_hash, n.line_items_hash) IS DISTINCT FROM n.before)
        AND (s.has_profile OR s.has_costs)
    ORDER BY n.seq
    RETURNING statement_id, customer_key
)
UPDATE stage_statements s
SET statement_id = coalesce(a.statement_id, n.statement_id), origin = 'servicecosts', added = a.statement_id IS NOT NULL
FROM newest n LEFT JOIN added a ON a.customer_key = n.customer_key
WHERE s.seq = n.seq;

-- name: KeepProfileHistory :exec
INSERT INTO collector.billing_profile_history (customer_key, revision, profile, statement_id, valid_from, superseded_at, superseded_by_run)
SELECT b.customer_key, b.revisions,
    to_jsonb(b) - ARRAY['customer_key', 'content_hash', 'statement_id', 'run_id', 'first_collected_at', 'last_changed_at', 'revisions'],
    b.statement_id, b.last_changed_at, s.fetched_at, @run_id::uuid
FROM stage_profiles t
JOIN stage_statements s ON s.seq = t.seq
JOIN collector.billing_profiles b ON b.customer_key = s.customer_key
WHERE t.action = 'changed';

-- name: ApplyProfiles :exec
INSERT INTO collector.billing_profiles AS b (customer_key, content_hash, profile_id, first_name, last_name, email, culture, language,
    company_name, organization_registration_id, address_id, country, region, city, state, district, address_line1, address_line2,
    address_line3, postal_code, address_first_name, address_middle_name, address_last_name, phone_number, address_email,
    statement_id, run_id, first_collected_at, last_changed_at)
SELECT s.customer_key, t.content_hash, t.profile_id, t.first_name, t.last_name, t.email, t.culture, t.language,
    t.company_name, t.organization_registration_id, t.address_id, t.country, t.region, t.city, t.state, t.district, t.address_line1, t.address_line2,
    t.address_line3, t.postal_code, t.address_first_name, t.address_middle_name, t.address_last_name, t.phone_number, t.address_email,
    s.statement_id, @run_id::uuid, s.fetched_at, s.fetched_at
FROM stage_profiles t
JOIN stage_statements s ON s.seq = t.seq
WHERE t.action IN ('new', 'changed')
ON CONFLICT (customer_key) DO UPDATE SET
    content_hash = excluded.content_hash, profile_id = excluded.profile_id, first_name = excluded.first_name,
    last_name = excluded.last_name, email = excluded.email, culture = excluded.culture, language = excluded.language,
    company_name = excluded.company_name, organization_registration_id = excluded.organization_registration_id,
    address_id = excluded.address_id, country = excluded.country, region = excluded.region, city = excluded.city,
    state = excluded.state, district = excluded.district, address_line1 = excluded.address_line1,
    address_line2 = excluded.address_line2, address_line3 = excluded.address_line3, postal_code = excluded.postal_code,
    address_first_name = excluded.address_first_name, address_middle_name = excluded.address_middle_name,
    address_last_name = excluded.address_last_name, phone_number = excluded.phone_number, address_email = excluded.address_email,
    statement_id = excluded.statement_id, run_id = excluded.run_id, last_changed_at = excluded.last_changed_at,
    revisions = b.revisions + 1;

-- name: KeepDetailHistory :exec
INSERT INTO collector.cost_detail_history (detail_id, revision, starts_at, ends_at, currency_symbol, pretax_total, tax, after_tax_total,
    origin, statement_id, run_id, valid_from, superseded_at, superseded_by_run)
SELECT c.detail_id, c.revisions, c.starts_at, c.ends_at, c.currency_symbol, c.pretax_total, c.tax, c.after_tax_total,
    c.origin, c.statement_id, c.run_id, c.last_changed_at, s.fetched_at, @run_id::uuid
FROM stage_details t
JOIN stage_statements s ON s.seq = t.seq
JOIN collector.cost_details c ON c.detail_id = t.detail_id
WHERE t.action = 'restated';

-- name: RestateDetails :exec
UPDATE collector.cost_details c
SET starts_at = t.starts_at, ends_at = t.ends_at, currency_symbol = t.currency_symbol,
    pretax_total = t.pretax_total, tax = t.tax, after_tax_total = t.after_tax_total, origin = s.origin,
    statement_id = s.statement_id, run_id = @run_id::uuid, last_changed_at = s.fetched_at, revisions = c.revisions + 1
FROM stage_details t
JOIN stage_statements s ON s.seq = t.seq
WHERE t.action = 'restated' AND c.detail_id = t.detail_id;

-- name: InsertDetails :exec
INSERT INTO collector.cost_details (customer_key, invoice_type, period_start, currency_code, ordinal, starts_at, ends_at, currency_symbol,
    pretax_total, tax, after_tax_total, origin, statement_id, run_id, first_collected_at, last_changed_at)
SELECT s.customer_key, t.invoice_type, t.period_start, t.currency_code, t.ordinal, t.starts_at, t.ends_at, t.currency_symbol,
    t.pretax_total, t.tax, t.after_tax_total, s.origin, s.statement_id, @run_id::uuid, s.fetched_at, s.fetched_at
FROM stage_details t
JOIN stage_statements s ON s.seq = t.seq
WHERE t.action = 'new'
ORDER BY t.row_no;

-- name: NumberSets :exec
UPDATE stage_sets SET set_id = nextval(pg_get_serial_sequence('collector.line_item_sets', 'set_id'))
WHERE action IN ('new', 'replaced');

-- name: NumberedSets :many
SELECT set_no, set_id::bigint AS set_id FROM stage_sets WHERE set_id IS NOT NULL ORDER BY set_no;

-- name: SupersedeSets :exec
UPDATE collector.line_item_sets c
SET superseded_at = s.fetched_at, superseded_by_run = @run_id::uuid
FROM stage_sets t
JOIN stage_statements s ON s.seq = t.seq
WHERE t.action = 'replaced' AND c.set_id = t.old_set_id;

-- name: InsertSets :exec
INSERT INTO collector.line_item_sets (set_id, customer_key, invoice_type, period_start, revision, content_hash, item_count, origin, statement_id, run_id, collected_at)
SELECT t.set_id, s.customer_key, t.invoice_type, t.period_start, t.revision, t.content_hash, t.item_count, s.origin, s.statement_id, @run_id::uuid, s.fetched_at
FROM stage_sets t
JOIN stage_statements s ON s.seq = t.seq
WHERE t.action IN ('new', 'replaced')
ORDER BY t.set_no;

-- name: StageVanished :exec
-- A stored detail that the newest answer does not give any more, and whose invoice
-- type has not moved on to a later period, stays and becomes a finding.
WITH stored AS (
    SELECT s.seq, c.invoice_type, c.period_start, c.currency_code, c.ordinal,
        max(c.period_start) OVER (PARTITION BY s.seq, c.invoice_type) AS newest_start
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT * FROM collector.cost_details d WHERE d.customer_key = s.customer_key OFFSET 0) c
    WHERE s.has_costs
)
INSERT INTO stage_findings (seq, kind, severity, subject, detail)
SELECT c.seq, 'detail_vanished', 'warning',
    concat_ws(' ', coalesce(c.invoice_type, 'untyped'), coalesce(c.period_start::text, 'no-period'), coalesce(c.currency_code, 'no-currency'),
        CASE WHEN c.ordinal > 1 THEN '#' || c.ordinal END),
    format('The newest answer does not give the %s detail of the period from %s in %s any more, and no later period of that type has begun. Its last value is kept.',
        coalesce(c.invoice_type, 'untyped'), coalesce(c.period_start::text, 'an unstated day'), coalesce(c.currency_code, 'an unstated currency'))
FROM stored c
WHERE c.period_start IS NOT DISTINCT FROM c.newest_start
    AND NOT EXISTS (SELECT 1 FROM stage_details t WHERE t.seq = c.seq
        AND t.invoice_type IS NOT DISTINCT FROM c.invoice_type
        AND t.period_start IS NOT DISTINCT FROM c.period_start
        AND t.currency_code IS NOT DISTINCT FROM c.currency_code
        AND t.ordinal = c.ordinal);

-- name: ResolveFindings :exec
-- Only what this answer could have shown again is resolved by it: findings about
-- line items, by kind or by subject, stay open when the line items were not read.
UPDATE collector.findings f
SET resolved_at = s.fetched_at
FROM stage_statements s
WHERE f.customer_key = s.customer_key AND f.resolved_at IS NULL
    AND f.kind = ANY (@kinds::text[])
    AND s.has_costs AND (s.has_line_items OR s.no_costs OR f.kind NOT LIKE 'line\_items\_%' AND f.subject NOT LIKE 'line items %')
    AND NOT EXISTS (SELECT 1 FROM stage_findings t WHERE t.seq = s.seq AND t.kind = f.kind AND t.subject = f.subject);

-- name: RewordFindings :exec
UPDATE collector.findings f
SET severity = t.severity, detail = t.detail, last_seen_at = s.fetched_at
FROM stage_findings t
JOIN stage_statements s ON s.seq = t.seq
WHERE f.customer_key = s.customer_key AND f.kind = t.kind AND f.subject = t.subject AND f.resolved_at IS NULL
    AND (f.severity, f.detail) IS DISTINCT FROM (t.severity, t.detail);

-- name: InsertFindings :exec
INSERT INTO collector.findings (partner, customer_key, kind, severity, subject, detail, first_seen_at, last_seen_at)
SELECT DISTINCT ON (s.customer_key, t.kind, t.subject)
    @partner::text, s.customer_key, t.kind, t.severity, t.subject, t.detail, s.fetched_at, s.fetched_at
FROM stage_findings t
JOIN stage_statements s ON s.seq = t.seq
WHERE NOT EXISTS (SELECT 1 FROM collector.findings f
    WHERE f.customer_key = s.customer_key AND f.kind = t.kind AND f.subject = t.subject AND f.resolved_at IS NULL)
ORDER BY s.customer_key, t.kind, t.subject;

-- name: InsertFailures :exec
-- A run notes one failure of a customer: the same batch may come again when the
-- connection broke during its COMMIT.
INSERT INTO collector.failures (run_id, customer_key, failed_at, class, resource, http_status, code, message, request_id, correlation_id, attempts)
SELECT @run_id::uuid, s.customer_key, s.fetched_at, s.failure_class, s.resource, s.http_status, s.code, s.message, s.request_id, s.correlation_id, s.attempts
FROM stage_statements s
WHERE s.failure_class IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM collector.failures f WHERE f.run_id = @run_id::uuid AND f.customer_key = s.customer_key)
ORDER BY s.seq;

-- name: StageResults :many
-- What the plan makes of each statement, in the order staged.
SELECT s.seq,
    coalesce(p.changed, false)::boolean AS profile_changed,
    coalesce(d.changed, 0)::integer AS details_changed,
    coalesce(l.changed, 0)::integer AS sets_changed
FROM stage_statements s
LEFT JOIN (SELECT seq, bool_or(action IN ('new', 'changed')) AS changed FROM stage_profiles GROUP BY seq) p ON p.seq = s.seq
LEFT JOIN (SELECT seq, count(*) AS changed FROM stage_details WHERE action IN ('new', 'restated') GROUP BY seq) d ON d.seq = s.seq
LEFT JOIN (SELECT seq, count(*) AS changed FROM stage_sets WHERE action IN ('new', 'replaced') GROUP BY seq) l ON l.seq = s.seq
ORDER BY s.seq;

-- name: StageDetailChanges :many
-- The details of the plan that are new or restated, with the values stored now.
SELECT t.seq, t.row_no, t.action::text AS action, c.starts_at, c.ends_at, c.currency_symbol, c.pretax_total, c.tax, c.after_tax_total
FROM stage_details t
LEFT JOIN collector.cost_details c ON c.detail_id = t.detail_id
WHERE t.action IN ('new', 'restated')
ORDER BY t.seq, t.row_no;

-- name: SaveStates :exec
INSERT INTO collector.customer_states AS st (customer_key, statement_id, last_run_id, last_attempt_at, last_outcome, last_error,
    last_success_at, last_success_run_id, failures_in_a_row)
SELECT s.customer_key, s.statement_id, @run_id::uuid, s.fetched_at, o.outcome, s.message,
    CASE WHEN s.failure_class IS NULL THEN s.fetched_at END,
    CASE WHEN s.failure_class IS NULL THEN @run_id::uuid END,
    CASE WHEN s.failure_class IS NULL THEN 0 ELSE 1 END
FROM stage_statements s
JOIN (SELECT unnest(@seqs::integer[]) AS seq, unnest(@outcomes::text[]) AS outcome) o ON o.seq = s.seq
ORDER BY s.customer_key
ON CONFLICT (customer_key) DO UPDATE SET
    statement_id = excluded.statement_id,
    last_run_id = excluded.last_run_id,
    last_attempt_at = excluded.last_attempt_at,
    last_outcome = excluded.last_outcome,
    last_error = excluded.last_error,
    last_success_at = coalesce(excluded.last_success_at, st.last_success_at),
    last_success_run_id = coalesce(excluded.last_success_run_id, st.last_success_run_id),
    failures_in_a_row = CASE WHEN excluded.failures_in_a_row = 0 THEN 0 WHEN st.last_run_id = excluded.last_run_id THEN st.failures_in_a_row
        ELSE st.failures_in_a_row + 1 END;

-- name: AddedHashes :many
-- The bodies of the entries that were added to the log. Those of all others are kept
-- already.
SELECT DISTINCT h.hash
FROM (SELECT unnest(ARRAY[s.profile_hash, s.summary_hash, s.line_items_hash])::bytea AS hash FROM stage_statements s WHERE s.added) h
WHERE h.hash IS NOT NULL
ORDER BY h.hash;

-- name: LockKnownPayloads :many
-- Pruning passes over locked bodies: one that was found here is still there when the
-- entry that needs it can be seen.
SELECT known.payload_hash
FROM (SELECT unnest(@hashes::bytea[]) AS hash) h
CROSS JOIN LATERAL (SELECT p.payload_hash FROM collector.payloads p WHERE p.payload_hash = h.hash OFFSET 0 FOR KEY SHARE) known
ORDER BY known.payload_hash;
