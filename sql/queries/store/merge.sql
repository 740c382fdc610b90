-- The merge of a staged batch. The plan queries only fill columns of the stage, so that
-- a dry run can stop after them. The apply queries execute the plan.
--
-- A batch is small, the tables are large, and in a first night they grow faster than
-- their statistics. LATERAL with OFFSET 0 makes the planner look up each staged
-- customer by index instead of scanning a table for every batch. Where a table is
-- updated, = ANY over an array of the staged keys has the same effect.

-- name: SerializeWrites :exec
-- The last COMMIT of a killed collector may still be in progress when the next one
-- writes.
SELECT pg_advisory_xact_lock(hashtextextended('partnercost/write/' || @partner::text, 0));

-- name: NoteSame :many
-- Records the time of the collection for customers whose answers say what is stored
-- (billing.Known), and returns them. The digests are compared again, because an erasure
-- or a migration may have changed what is stored since they were read.
WITH answers AS (
    SELECT unnest(@customer_keys::bigint[]) AS customer_key, unnest(@fetched_at::timestamptz[]) AS fetched_at, unnest(@outcomes::text[]) AS outcome,
        unnest(@profile_digests::bytea[]) AS profile_digest, unnest(@summary_digests::bytea[]) AS summary_digest,
        unnest(@line_items_digests::bytea[]) AS line_items_digest, unnest(@costs::boolean[]) AS costs, unnest(@line_items::boolean[]) AS line_items
), noted AS (
    UPDATE collector.customer_states st
    SET last_run_id = @run_id::uuid, last_attempt_at = a.fetched_at, last_outcome = a.outcome, last_error = NULL,
        last_success_at = a.fetched_at, last_success_run_id = @run_id::uuid, failures_in_a_row = 0
    FROM answers a
    WHERE st.customer_key = a.customer_key AND st.customer_key = ANY (@customer_keys::bigint[])
        AND (a.profile_digest IS NULL OR a.profile_digest = st.profile_digest AND st.profile_rules = @rules::integer)
        AND (a.summary_digest IS NULL OR a.summary_digest = st.summary_digest AND st.costs_rules = @rules::integer)
        AND (a.line_items_digest IS NULL OR a.line_items_digest = st.line_items_digest)
    RETURNING st.customer_key, a.fetched_at, a.profile_digest IS NOT NULL AS profile, a.costs, a.line_items
), read AS (
    UPDATE collector.customer_reads r
    SET costs_at = CASE WHEN n.costs THEN n.fetched_at ELSE r.costs_at END,
        profile_at = CASE WHEN n.profile THEN n.fetched_at ELSE r.profile_at END,
        line_items_at = CASE WHEN n.line_items THEN n.fetched_at ELSE r.line_items_at END,
        refused = false
    FROM noted n
    WHERE r.customer_key = n.customer_key
)
SELECT n.customer_key FROM noted n ORDER BY n.customer_key;

-- name: NoteKnown :many
-- A part of an answer is known if the stored rows were derived from a body with the
-- same digest, by this version of the rules: deriving it again would change nothing. If
-- all parts are known, only the time of the collection is recorded.
WITH answers AS (
    SELECT unnest(@seqs::integer[]) AS seq, unnest(@customer_ids::uuid[]) AS customer_id, unnest(@fetched_at::timestamptz[]) AS fetched_at,
        unnest(@profile_digests::bytea[]) AS profile_digest, unnest(@summary_digests::bytea[]) AS summary_digest,
        unnest(@line_items_digests::bytea[]) AS line_items_digest, unnest(@outcomes::text[]) AS outcome
), known AS MATERIALIZED (
    SELECT a.seq, a.fetched_at, a.outcome, k.customer_key, k.profile, k.costs
    FROM answers a
    CROSS JOIN LATERAL (SELECT c.customer_key FROM collector.customers c
        WHERE c.partner = @partner::text AND c.customer_id = a.customer_id AND c.active OFFSET 0) c
    CROSS JOIN LATERAL (SELECT st.customer_key,
            coalesce(a.profile_digest = st.profile_digest AND st.profile_rules = @rules::integer, false) AS profile,
            coalesce(a.summary_digest = st.summary_digest AND st.costs_rules = @rules::integer
                AND (a.line_items_digest IS NULL OR a.line_items_digest = st.line_items_digest), false) AS costs
        FROM collector.customer_states st WHERE st.customer_key = c.customer_key OFFSET 0) k
), noted AS (
    UPDATE collector.customer_states st
    SET last_run_id = @run_id::uuid, last_attempt_at = k.fetched_at, last_outcome = k.outcome, last_error = NULL,
        last_success_at = k.fetched_at, last_success_run_id = @run_id::uuid, failures_in_a_row = 0
    FROM (SELECT o.* FROM known o JOIN answers a ON a.seq = o.seq
        WHERE o.outcome <> '' AND (o.profile OR a.profile_digest IS NULL) AND (o.costs OR a.summary_digest IS NULL)) k
    WHERE st.customer_key = k.customer_key AND st.customer_key = ANY (ARRAY(SELECT o.customer_key FROM known o))
    RETURNING k.seq
)
SELECT k.seq::integer AS seq, k.profile::boolean AS profile, k.costs::boolean AS costs, (n.seq IS NOT NULL)::boolean AS noted
FROM known k
LEFT JOIN noted n ON n.seq = k.seq
WHERE k.profile OR k.costs
ORDER BY k.seq;

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
UPDATE collector.customers SET active = true
WHERE customer_key = ANY (ARRAY(SELECT s.customer_key FROM stage_statements s)) AND NOT active;

-- name: PlanCustomers :exec
UPDATE stage_statements s SET customer_key = known.customer_key
FROM stage_statements t
CROSS JOIN LATERAL (SELECT c.customer_key FROM collector.customers c
    WHERE c.partner = @partner::text AND c.customer_id = t.customer_id OFFSET 0) known
WHERE t.seq = s.seq;

-- name: PlanTypes :exec
-- An invoice type that differs only in case from a stored one is the same type, and
-- keeps the first spelling. The known types have one spelling already.
WITH strange AS (
    SELECT d.seq, d.invoice_type FROM stage_details d WHERE d.invoice_type NOT IN ('Recurring', 'OneTime')
    UNION
    SELECT l.seq, l.invoice_type FROM stage_sets l WHERE l.invoice_type NOT IN ('Recurring', 'OneTime')
), stored AS (
    SELECT DISTINCT ON (t.seq, lower(n.invoice_type)) t.seq, n.invoice_type
    FROM (SELECT DISTINCT seq FROM strange) t
    JOIN stage_statements s ON s.seq = t.seq
    CROSS JOIN LATERAL (
        SELECT d.invoice_type, d.first_collected_at AS since FROM collector.cost_details d WHERE d.customer_key = s.customer_key
        UNION ALL
        SELECT l.invoice_type, l.collected_at FROM collector.line_item_sets l WHERE l.customer_key = s.customer_key
        OFFSET 0) n
    ORDER BY t.seq, lower(n.invoice_type), n.since, n.invoice_type
), known AS (
    SELECT t.seq, t.invoice_type AS staged, k.invoice_type AS stored
    FROM strange t
    JOIN stored k ON k.seq = t.seq AND lower(k.invoice_type) = lower(t.invoice_type)
    WHERE k.invoice_type <> t.invoice_type
), details AS (
    UPDATE stage_details d SET invoice_type = k.stored FROM known k WHERE d.seq = k.seq AND d.invoice_type = k.staged
)
UPDATE stage_sets l SET invoice_type = k.stored FROM known k WHERE l.seq = k.seq AND l.invoice_type = k.staged;

-- name: PlaceSets :exec
-- Items of a type without a detail in the answer belong to the newest collected period
-- of that type, unless that is over. Then they stay in the root's period, or in none if
-- a cost of their type has the root's period, which has items of its own.
UPDATE stage_sets t SET period_start = CASE
    WHEN known.ends_at >= coalesce(s.root_starts_at, known.ends_at) AND known.ends_at >= coalesce(l.earliest, known.ends_at) THEN known.period_start END
FROM stage_sets l
JOIN stage_statements s ON s.seq = l.seq
CROSS JOIN LATERAL (SELECT d.period_start, d.ends_at FROM collector.cost_details d
    WHERE d.customer_key = s.customer_key AND d.invoice_type = l.invoice_type AND d.period_start IS NOT NULL AND d.origin = 'servicecosts'
    ORDER BY d.period_start DESC, d.ends_at DESC NULLS LAST LIMIT 1) known
WHERE t.set_no = l.set_no AND l.stray
    AND (known.ends_at >= coalesce(s.root_starts_at, known.ends_at) AND known.ends_at >= coalesce(l.earliest, known.ends_at)
        OR EXISTS (SELECT 1 FROM collector.cost_details k WHERE k.customer_key = s.customer_key AND k.invoice_type = l.invoice_type
            AND k.period_start = l.period_start AND k.origin = 'servicecosts' OFFSET 0));

-- name: SetUnclearAside :exec
-- Items without a type may belong to a type of which the answer has neither a detail nor
-- items, while its newest period is still open and has stored items. This cannot be
-- decided, and the same items would be in two sets. Then no items of the answer are stored,
-- as if they had not been read, and all stored sets stay.
WITH unclear AS MATERIALIZED (
    SELECT DISTINCT u.seq, newest.invoice_type, newest.period_start
    FROM stage_sets u
    JOIN stage_statements s ON s.seq = u.seq
    CROSS JOIN LATERAL (SELECT DISTINCT ON (d.invoice_type) d.invoice_type, d.period_start, d.ends_at FROM collector.cost_details d
        WHERE d.customer_key = s.customer_key AND d.invoice_type IS NOT NULL AND d.period_start IS NOT NULL AND d.origin = 'servicecosts'
        ORDER BY d.invoice_type, d.period_start DESC, d.ends_at DESC NULLS LAST) newest
    WHERE u.invoice_type IS NULL AND u.item_count > 0
        AND newest.ends_at >= coalesce(s.root_starts_at, newest.ends_at) AND newest.ends_at >= coalesce(u.earliest, newest.ends_at)
        AND NOT EXISTS (SELECT 1 FROM stage_details t WHERE t.seq = u.seq AND t.invoice_type = newest.invoice_type)
        AND NOT EXISTS (SELECT 1 FROM stage_sets t WHERE t.seq = u.seq AND t.invoice_type = newest.invoice_type)
        AND EXISTS (SELECT 1 FROM collector.line_item_sets l WHERE l.customer_key = s.customer_key AND l.invoice_type = newest.invoice_type
            AND l.period_start = newest.period_start AND l.superseded_at IS NULL AND l.item_count > 0 OFFSET 0)
), aside AS (
    DELETE FROM stage_sets t WHERE t.seq IN (SELECT u.seq FROM unclear u)
), unread AS (
    UPDATE stage_statements s SET has_line_items = false WHERE s.seq IN (SELECT u.seq FROM unclear u)
)
INSERT INTO stage_findings (seq, kind, severity, subject, detail)
SELECT u.seq, 'line_items_without_detail', 'warning', 'no invoice type, or ' || u.invoice_type,
    format('The line items without an invoice type may be those of %s of the period from %s, of which the cost summary has no entry; no line items of this answer were stored.',
        u.invoice_type, u.period_start)
FROM unclear u;

-- name: EmptySets :exec
-- Stored sets whose type and period have no cost (for a collected set: no collected
-- one) were filed under the root's period of their answer. If an answer no longer
-- returns such a set, but states its period or a cost of its type, its items are in
-- another set, and this one becomes empty. For an earlier period this cannot be known,
-- so the set stays and becomes a finding. An answer whose line items were not read does
-- not affect a collected set. An imported set of that kind gives way to every answer
-- with a cost of its period or type, whether its line items were read or not
-- (KeepCollected).
WITH costs AS MATERIALIZED (
    SELECT DISTINCT s.seq, coalesce(d.invoice_type, '') AS invoice_type, coalesce(d.period_start, '-infinity') AS period_start, d.origin
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT k.invoice_type, k.period_start, k.origin FROM collector.cost_details k WHERE k.customer_key = s.customer_key OFFSET 0) d
    WHERE s.has_costs
), stray AS MATERIALIZED (
    SELECT s.seq, l.set_id, l.invoice_type, l.period_start, s.has_line_items OR s.no_costs AS is_told,
        l.origin <> 'import' AND s.has_line_items AND coalesce(l.period_start = (s.root_starts_at AT TIME ZONE 'UTC')::date, l.period_start IS NULL)
            OR (l.origin = 'import' OR s.has_line_items)
                AND EXISTS (SELECT 1 FROM stage_details d WHERE d.seq = s.seq AND (l.period_start IS NULL OR d.period_start = l.period_start OR d.invoice_type = l.invoice_type)) AS is_over
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT k.set_id, k.invoice_type, k.period_start, k.origin FROM collector.line_item_sets k
        WHERE k.customer_key = s.customer_key AND k.superseded_at IS NULL AND k.item_count > 0 OFFSET 0) l
    WHERE s.has_costs AND (s.has_line_items OR s.no_costs OR l.origin = 'import')
        AND NOT EXISTS (SELECT 1 FROM costs c WHERE c.seq = s.seq AND c.invoice_type = coalesce(l.invoice_type, '') AND c.period_start = coalesce(l.period_start, '-infinity')
            AND (c.origin = 'servicecosts' OR l.origin = 'import'))
        AND NOT EXISTS (SELECT 1 FROM stage_details t WHERE t.seq = s.seq AND coalesce(t.invoice_type, '') = coalesce(l.invoice_type, '')
            AND coalesce(t.period_start, '-infinity') = coalesce(l.period_start, '-infinity'))
        AND NOT EXISTS (SELECT 1 FROM stage_sets t WHERE t.seq = s.seq AND coalesce(t.invoice_type, '') = coalesce(l.invoice_type, '')
            AND coalesce(t.period_start, '-infinity') = coalesce(l.period_start, '-infinity'))
), emptied AS (
    INSERT INTO stage_sets (set_no, seq, invoice_type, period_start, content_hash, item_count, stray)
    SELECT (SELECT coalesce(max(t.set_no), -1) FROM stage_sets t) + row_number() OVER (ORDER BY l.set_id),
        l.seq, l.invoice_type, l.period_start, @no_items::bytea, 0, false
    FROM stray l
    WHERE l.is_over
)
INSERT INTO stage_findings (seq, kind, severity, subject, detail)
SELECT l.seq, 'line_items_without_detail', 'warning', 'earlier answers',
    format('Line items of earlier answers, in %s set(s), the first of them of the period from %s, belong to no cost. Some of them may be counted in another set too.',
        count(*), coalesce(min(l.period_start)::text, 'an unstated day'))
FROM stray l
WHERE NOT l.is_over AND l.is_told
GROUP BY l.seq;

-- name: PlanProfiles :exec
UPDATE stage_profiles t
SET action = CASE WHEN b.customer_key IS NULL THEN 'new' WHEN b.content_hash <> t.content_hash THEN 'changed'
    WHEN b.origin = 'import' THEN 'agreed' ELSE 'same' END
FROM stage_statements s
LEFT JOIN LATERAL (SELECT p.customer_key, p.content_hash, q.origin FROM collector.billing_profiles p
    JOIN collector.statements q USING (statement_id)
    WHERE p.customer_key = s.customer_key OFFSET 0) b ON true
WHERE s.seq = t.seq;

-- name: PlanDetails :exec
-- Pairs each staged detail with its stored row: first with one that is identical, then
-- by position among those of the same key. Details of one key are therefore recognised
-- in whatever order the service returns them. Both sides are sorted in one list:
-- however many details one key has, they are not compared with each other.
WITH listed AS (
    SELECT row_no, NULL::bigint AS detail_id, NULL::integer AS ordinal, NULL::text AS origin,
        seq, invoice_type, period_start, currency_code, starts_at, ends_at, currency_symbol, pretax_total, tax, after_tax_total
    FROM stage_details
    UNION ALL
    SELECT NULL, c.detail_id, c.ordinal, c.origin,
        s.seq, c.invoice_type, c.period_start, c.currency_code, c.starts_at, c.ends_at, c.currency_symbol, c.pretax_total, c.tax, c.after_tax_total
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT * FROM collector.cost_details d WHERE d.customer_key = s.customer_key OFFSET 0) c
    WHERE s.has_costs
), keyed AS (
    -- Numbers replace the long keys, so that each is sorted once.
    SELECT l.*, dense_rank() OVER (ORDER BY seq, invoice_type COLLATE "C", period_start, currency_code COLLATE "C") AS key_no FROM listed l
), valued AS (
    SELECT k.row_no, k.detail_id, k.ordinal, k.origin, k.key_no, count(k.row_no) OVER (PARTITION BY k.key_no) AS staged,
        dense_rank() OVER (ORDER BY k.key_no, k.starts_at, k.ends_at, k.currency_symbol COLLATE "C", k.pretax_total, k.tax, k.after_tax_total) AS value_no
    FROM keyed k
), twins AS (
    SELECT v.*, row_number() OVER (PARTITION BY value_no, row_no IS NULL ORDER BY row_no, ordinal) AS twin
    FROM valued v
    WHERE v.staged > 0
), exact AS (
    SELECT t.row_no, t.detail_id, t.ordinal, t.key_no,
        max(t.detail_id) OVER same AS same_id, max(t.ordinal) OVER same AS same_ordinal, max(t.origin) OVER same AS same_origin,
        count(*) OVER same = 2 AS is_paired
    FROM twins t
    WINDOW same AS (PARTITION BY value_no, twin)
), placed AS (
    SELECT e.*,
        row_number() OVER (PARTITION BY key_no, is_paired, row_no IS NULL ORDER BY row_no, ordinal) AS place,
        coalesce(max(ordinal) OVER same_key, 0) AS last_ordinal,
        count(*) FILTER (WHERE row_no IS NULL AND NOT is_paired) OVER same_key AS stored_left
    FROM exact e
    WINDOW same_key AS (PARTITION BY key_no)
), paired AS (
    SELECT p.row_no, p.is_paired, p.same_id, p.same_ordinal, p.same_origin, p.place, p.last_ordinal, p.stored_left,
        max(p.detail_id) OVER across AS other_id, max(p.ordinal) OVER across AS other_ordinal
    FROM placed p
    WINDOW across AS (PARTITION BY key_no, is_paired, place)
)
UPDATE stage_details t
SET action = CASE WHEN p.is_paired AND p.same_origin = 'import' THEN 'agreed' WHEN p.is_paired THEN 'same'
        WHEN p.other_id IS NULL THEN 'new' ELSE 'restated' END,
    detail_id = CASE WHEN p.is_paired THEN p.same_id ELSE p.other_id END,
    -- A new detail gets the next ordinal after the last stored one of its key.
    ordinal = CASE WHEN p.is_paired THEN p.same_ordinal ELSE coalesce(p.other_ordinal, p.last_ordinal + p.place - p.stored_left) END
FROM paired p
WHERE t.row_no = p.row_no;

-- name: PlanSets :exec
-- Sets with and without a type are looked up apart, because only = can use the index. A
-- set that is empty from its first reading on is stored too, for the sake of imports: it
-- was read, and is no gap. It is no change, and no revision.
UPDATE stage_sets t
SET action = CASE
        WHEN c.set_id IS NULL THEN CASE WHEN t.item_count > 0 THEN 'new' WHEN s.origin = 'import' THEN 'same' ELSE 'read' END
        WHEN c.content_hash <> t.content_hash THEN 'replaced'
        WHEN c.origin = 'import' THEN 'agreed'
        ELSE 'same' END,
    revision = coalesce(c.revision + 1, CASE
        WHEN t2.invoice_type IS NULL THEN (SELECT max(o.revision) + 1 FROM collector.line_item_sets o
            WHERE o.customer_key = s.customer_key AND o.invoice_type IS NULL AND o.period_start IS NOT DISTINCT FROM t2.period_start)
        ELSE (SELECT max(o.revision) + 1 FROM collector.line_item_sets o
            WHERE o.customer_key = s.customer_key AND o.invoice_type = t2.invoice_type AND o.period_start IS NOT DISTINCT FROM t2.period_start)
        END, CASE WHEN t2.item_count > 0 THEN 0 ELSE -1 END),
    old_set_id = c.set_id
FROM stage_sets t2
JOIN stage_statements s ON s.seq = t2.seq
LEFT JOIN LATERAL (
    SELECT l.set_id, l.revision, l.content_hash, l.origin FROM collector.line_item_sets l
    WHERE t2.invoice_type IS NOT NULL AND l.customer_key = s.customer_key AND l.superseded_at IS NULL
        AND l.invoice_type = t2.invoice_type AND l.period_start IS NOT DISTINCT FROM t2.period_start
    UNION ALL
    SELECT l.set_id, l.revision, l.content_hash, l.origin FROM collector.line_item_sets l
    WHERE t2.invoice_type IS NULL AND l.customer_key = s.customer_key AND l.superseded_at IS NULL
        AND l.invoice_type IS NULL AND l.period_start IS NOT DISTINCT FROM t2.period_start
    OFFSET 0) c ON true
WHERE t2.set_no = t.set_no;

-- name: ApplyStatements :exec
-- A part that was not collected this time keeps its body, and so does a part whose body
-- differs only in volatile members. But line items go with the summary with which they
-- were read, because it determines their period. The same bytes with another status are
-- another answer: costs are read only from 200.
WITH compared AS (
    SELECT s.seq, p.*,
        coalesce(CASE WHEN s.profile_digest = p.profile_digest THEN p.profile_hash END, s.profile_hash, p.profile_hash) AS new_profile_hash,
        coalesce(CASE WHEN s.summary_digest = p.summary_digest THEN p.summary_hash END, s.summary_hash, p.summary_hash) AS new_summary_hash,
        coalesce(CASE WHEN s.line_items_digest = p.line_items_digest THEN p.line_items_hash END, s.line_items_hash) AS new_line_items_hash
    FROM stage_statements s
    LEFT JOIN LATERAL (SELECT q.*, st.profile_digest, st.summary_digest, st.line_items_digest
        FROM collector.customer_states st JOIN collector.statements q ON q.statement_id = st.statement_id
        WHERE st.customer_key = s.customer_key OFFSET 0) p ON true
), parted AS (
    SELECT s.seq, s.has_line_items OR coalesce((p.new_summary_hash, s.summary_status) <> (p.summary_hash, p.summary_status), false) AS parts_ways
    FROM stage_statements s
    JOIN compared p ON p.seq = s.seq
), newest AS (
    SELECT s.seq, s.customer_key, p.statement_id, p.new_profile_hash AS profile_hash, p.new_summary_hash AS summary_hash,
        CASE WHEN o.parts_ways THEN p.new_line_items_hash ELSE coalesce(p.new_line_items_hash, p.line_items_hash) END AS line_items_hash,
        coalesce(s.profile_digest, p.profile_digest) AS profile_digest,
        coalesce(s.summary_digest, p.summary_digest) AS summary_digest,
        CASE WHEN o.parts_ways THEN s.line_items_digest ELSE coalesce(s.line_items_digest, p.line_items_digest) END AS line_items_digest,
        CASE WHEN s.has_costs THEN s.summary_status ELSE p.summary_status END AS summary_status,
        CASE WHEN s.has_costs THEN s.root_starts_at ELSE p.root_starts_at END AS root_starts_at,
        CASE WHEN s.has_costs THEN s.root_ends_at ELSE p.root_ends_at END AS root_ends_at,
        CASE WHEN s.has_costs THEN s.root_currency ELSE p.root_currency END AS root_currency,
        CASE WHEN s.has_costs THEN s.root_pretax ELSE p.root_pretax END AS root_pretax,
        CASE WHEN s.has_costs THEN s.root_tax ELSE p.root_tax END AS root_tax,
        CASE WHEN s.has_costs THEN s.root_after_tax ELSE p.root_after_tax END AS root_after_tax,
        CASE WHEN s.has_costs THEN s.body_customer_id ELSE p.body_customer_id END AS body_customer_id,
        (p.profile_hash, p.summary_hash, p.line_items_hash, p.summary_status) AS before
    FROM stage_statements s
    JOIN compared p ON p.seq = s.seq
    JOIN parted o ON o.seq = s.seq
), added AS (
    INSERT INTO collector.statements (customer_key, run_id, collected_at, profile_hash, summary_hash, line_items_hash,
        summary_status, root_starts_at, root_ends_at, root_currency, root_pretax, root_tax, root_after_tax, body_customer_id)
    SELECT n.customer_key, @run_id::uuid, s.fetched_at, n.profile_hash, n.summary_hash, n.line_items_hash,
        n.summary_status, n.root_starts_at, n.root_ends_at, n.root_currency, n.root_pretax, n.root_tax, n.root_after_tax, n.body_customer_id
    FROM newest n JOIN stage_statements s ON s.seq = n.seq
    WHERE (n.statement_id IS NULL OR (n.profile_hash, n.summary_hash, n.line_items_hash, n.summary_status) IS DISTINCT FROM n.before)
        AND (s.has_profile OR s.has_costs)
    ORDER BY n.seq
    RETURNING statement_id, customer_key
)
UPDATE stage_statements s
SET statement_id = coalesce(a.statement_id, n.statement_id), origin = 'servicecosts', added = a.statement_id IS NOT NULL,
    profile_hash = n.profile_hash, summary_hash = n.summary_hash, line_items_hash = n.line_items_hash,
    profile_digest = n.profile_digest, summary_digest = n.summary_digest, line_items_digest = n.line_items_digest,
    whole = s.has_costs AND s.failure_class IS NULL AND (s.line_items_digest IS NOT NULL OR n.line_items_digest IS NULL)
FROM newest n LEFT JOIN added a ON a.customer_key = n.customer_key
WHERE s.seq = n.seq;

-- name: ConfirmImported :exec
-- An imported row that is now collected becomes a collected one, which no import may
-- replace. The values are the same, so there is no revision.
WITH details AS (
    UPDATE collector.cost_details c SET origin = s.origin, statement_id = s.statement_id
    FROM stage_details t
    JOIN stage_statements s ON s.seq = t.seq
    WHERE t.action = 'agreed' AND s.origin = 'servicecosts' AND c.detail_id = t.detail_id
        AND c.detail_id = ANY (ARRAY(SELECT k.detail_id FROM stage_details k WHERE k.action = 'agreed'))
), sets AS (
    UPDATE collector.line_item_sets c SET origin = s.origin, statement_id = s.statement_id
    FROM stage_sets t
    JOIN stage_statements s ON s.seq = t.seq
    WHERE t.action = 'agreed' AND s.origin = 'servicecosts' AND c.set_id = t.old_set_id
        AND c.set_id = ANY (ARRAY(SELECT k.old_set_id FROM stage_sets k WHERE k.action = 'agreed'))
)
UPDATE collector.billing_profiles b SET statement_id = s.statement_id
FROM stage_profiles t
JOIN stage_statements s ON s.seq = t.seq
WHERE t.action = 'agreed' AND s.origin = 'servicecosts' AND b.customer_key = s.customer_key
    AND b.customer_key = ANY (ARRAY(SELECT k.customer_key FROM stage_profiles p JOIN stage_statements k ON k.seq = p.seq WHERE p.action = 'agreed'));

-- name: WithdrawImported :many
-- Removes, and sets aside, imported costs of a type and period for which the service
-- itself states others.
WITH stated AS (
    SELECT DISTINCT t.seq, t.invoice_type, t.period_start FROM stage_details t
), gone AS (
    INSERT INTO collector.withdrawn_rows (customer_key, run_id, withdrawn_at, detail, history)
    SELECT d.customer_key, @run_id::uuid, s.fetched_at, to_jsonb(d),
        coalesce((SELECT jsonb_agg(to_jsonb(h) ORDER BY h.revision) FROM collector.cost_detail_history h WHERE h.detail_id = d.detail_id), '[]')
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT * FROM collector.cost_details c WHERE c.customer_key = s.customer_key AND c.origin = 'import' OFFSET 0) d
    JOIN stated k ON k.seq = s.seq
        AND coalesce(k.invoice_type, '') = coalesce(d.invoice_type, '')
        AND coalesce(k.period_start, '-infinity') = coalesce(d.period_start, '-infinity')
    WHERE NOT EXISTS (SELECT 1 FROM stage_details t WHERE t.detail_id = d.detail_id)
    ORDER BY d.detail_id
    RETURNING detail
)
SELECT (g.detail ->> 'detail_id')::bigint AS detail_id FROM gone g;

-- name: KeepProfileHistory :exec
INSERT INTO collector.billing_profile_history (customer_key, revision, profile, statement_id, valid_from, superseded_at, superseded_by_run)
SELECT b.customer_key, b.revisions,
    to_jsonb(b) - ARRAY['customer_key', 'content_hash', 'statement_id', 'run_id', 'first_collected_at', 'last_changed_at', 'revisions'],
    b.statement_id, b.last_changed_at, s.fetched_at, @run_id::uuid
FROM stage_profiles t
JOIN stage_statements s ON s.seq = t.seq
CROSS JOIN LATERAL (SELECT * FROM collector.billing_profiles p WHERE p.customer_key = s.customer_key OFFSET 0) b
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

-- name: NoteNames :exec
-- The new names in line items, for customers whose profile has no company name.
INSERT INTO collector.customer_names (customer_key, since, name)
SELECT s.customer_key, s.fetched_at, s.customer_name
FROM stage_statements s
LEFT JOIN LATERAL (SELECT p.company_name FROM collector.billing_profiles p WHERE p.customer_key = s.customer_key OFFSET 0) b ON true
WHERE s.customer_name IS NOT NULL AND b.company_name IS NULL
    AND s.customer_name IS DISTINCT FROM (SELECT n.name FROM collector.customer_names n
        WHERE n.customer_key = s.customer_key AND n.since <= s.fetched_at ORDER BY n.since DESC LIMIT 1)
ON CONFLICT (customer_key, since) DO UPDATE SET name = EXCLUDED.name;

-- name: KeepDetailHistory :exec
INSERT INTO collector.cost_detail_history (detail_id, revision, starts_at, ends_at, currency_symbol, pretax_total, tax, after_tax_total,
    origin, statement_id, run_id, valid_from, superseded_at, superseded_by_run)
SELECT c.detail_id, c.revisions, c.starts_at, c.ends_at, c.currency_symbol, c.pretax_total, c.tax, c.after_tax_total,
    c.origin, c.statement_id, c.run_id, c.last_changed_at, s.fetched_at, @run_id::uuid
FROM stage_details t
JOIN stage_statements s ON s.seq = t.seq
CROSS JOIN LATERAL (SELECT * FROM collector.cost_details d WHERE d.detail_id = t.detail_id OFFSET 0) c
WHERE t.action = 'restated';

-- name: RestateDetails :exec
UPDATE collector.cost_details c
SET starts_at = t.starts_at, ends_at = t.ends_at, currency_symbol = t.currency_symbol,
    pretax_total = t.pretax_total, tax = t.tax, after_tax_total = t.after_tax_total, origin = s.origin,
    statement_id = s.statement_id, run_id = @run_id::uuid, last_changed_at = s.fetched_at, revisions = c.revisions + 1
FROM stage_details t
JOIN stage_statements s ON s.seq = t.seq
WHERE t.action = 'restated' AND c.detail_id = t.detail_id
    AND c.detail_id = ANY (ARRAY(SELECT k.detail_id FROM stage_details k WHERE k.action = 'restated'));

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
WHERE action IN ('new', 'replaced', 'read');

-- name: NumberedSets :many
SELECT set_no, set_id::bigint AS set_id FROM stage_sets WHERE set_id IS NOT NULL ORDER BY set_no;

-- name: SupersedeSets :exec
UPDATE collector.line_item_sets c
SET superseded_at = s.fetched_at, superseded_by_run = @run_id::uuid
FROM stage_sets t
JOIN stage_statements s ON s.seq = t.seq
WHERE t.action = 'replaced' AND c.set_id = t.old_set_id
    AND c.set_id = ANY (ARRAY(SELECT k.old_set_id FROM stage_sets k WHERE k.action = 'replaced'));

-- name: InsertSets :exec
INSERT INTO collector.line_item_sets (set_id, customer_key, invoice_type, period_start, revision, content_hash, item_count, origin, statement_id, run_id, collected_at)
SELECT t.set_id, s.customer_key, t.invoice_type, t.period_start, t.revision, t.content_hash, t.item_count, s.origin, s.statement_id, @run_id::uuid, s.fetched_at
FROM stage_sets t
JOIN stage_statements s ON s.seq = t.seq
WHERE t.action IN ('new', 'replaced', 'read')
ORDER BY t.set_no;

-- name: StageVanished :exec
-- A stored detail is a finding if the newest answer no longer returns it and its
-- invoice type has not moved to a later period. A detail without the start of its
-- period is left out: the next answer may state it under another key, and its amounts
-- count in the month of its end.
WITH stored AS (
    SELECT s.seq, c.invoice_type, c.period_start, c.currency_code, c.ordinal,
        max(c.period_start) OVER (PARTITION BY s.seq, c.invoice_type) AS newest_start
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT * FROM collector.cost_details d WHERE d.customer_key = s.customer_key OFFSET 0) c
    WHERE s.has_costs
)
INSERT INTO stage_findings (seq, kind, severity, subject, detail)
SELECT c.seq, 'detail_vanished', 'warning',
    -- Spelt like billing.CostDetail.Subject.
    concat_ws(' ', coalesce(c.invoice_type, '(no type)'), coalesce(c.period_start::text, '(no period)'), coalesce(c.currency_code, '(no currency)'),
        CASE WHEN c.ordinal > 1 THEN '#' || c.ordinal END),
    format(CASE WHEN c.period_start IS NULL
            THEN 'The newest answer does not give the %s detail of the period from %s in %s any more. Its last value is kept; it may be counted a second time under the day on which its period starts.'
            ELSE 'The newest answer does not give the %s detail of the period from %s in %s any more, and no later period of that type has begun. Its last value is kept.' END,
        coalesce(c.invoice_type, 'untyped'), coalesce(c.period_start::text, 'an unstated day'), coalesce(c.currency_code, 'an unstated currency'))
FROM stored c
WHERE (c.period_start IS NULL OR c.period_start = c.newest_start)
    AND NOT EXISTS (SELECT 1 FROM stage_details t WHERE t.seq = c.seq AND t.ordinal = c.ordinal
        AND coalesce(t.invoice_type, '') = coalesce(c.invoice_type, '')
        AND coalesce(t.period_start, '-infinity') = coalesce(c.period_start, '-infinity')
        AND coalesce(t.currency_code, '') = coalesce(c.currency_code, ''));

-- name: ResolveFindings :exec
-- An answer resolves only findings that it could have shown again: findings about line
-- items, by kind or by subject, stay open when the line items were not read.
WITH gone AS MATERIALIZED (
    SELECT f.finding_id, s.fetched_at
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT o.finding_id, o.kind, o.subject FROM collector.findings o
        WHERE o.customer_key = s.customer_key AND o.resolved_at IS NULL OFFSET 0) f
    WHERE f.kind = ANY (@kinds::text[])
        AND s.has_costs AND (s.has_line_items OR s.no_costs OR f.kind NOT LIKE 'line\_items\_%' AND f.subject NOT LIKE 'line items %')
        AND NOT EXISTS (SELECT 1 FROM stage_findings t WHERE t.seq = s.seq AND t.kind = f.kind AND t.subject = f.subject)
)
UPDATE collector.findings f
SET resolved_at = g.fetched_at
FROM gone g
WHERE f.finding_id = g.finding_id AND f.finding_id = ANY (ARRAY(SELECT k.finding_id FROM gone k));

-- name: RewordFindings :exec
WITH reworded AS MATERIALIZED (
    SELECT f.finding_id, t.severity, t.detail, s.fetched_at
    FROM stage_findings t
    JOIN stage_statements s ON s.seq = t.seq
    CROSS JOIN LATERAL (SELECT o.finding_id, o.severity, o.detail FROM collector.findings o
        WHERE o.customer_key = s.customer_key AND o.kind = t.kind AND o.subject = t.subject AND o.resolved_at IS NULL OFFSET 0) f
    WHERE (f.severity, f.detail) IS DISTINCT FROM (t.severity, t.detail)
)
UPDATE collector.findings f
SET severity = r.severity, detail = r.detail, last_seen_at = r.fetched_at
FROM reworded r
WHERE f.finding_id = r.finding_id AND f.finding_id = ANY (ARRAY(SELECT k.finding_id FROM reworded k));

-- name: InsertFindings :exec
INSERT INTO collector.findings (partner, customer_key, kind, severity, subject, detail, first_seen_at, last_seen_at)
SELECT DISTINCT ON (s.customer_key, t.kind, t.subject)
    @partner::text, s.customer_key, t.kind, t.severity, t.subject, t.detail, s.fetched_at, s.fetched_at
FROM stage_findings t
JOIN stage_statements s ON s.seq = t.seq
LEFT JOIN LATERAL (SELECT o.finding_id FROM collector.findings o
    WHERE o.customer_key = s.customer_key AND o.kind = t.kind AND o.subject = t.subject AND o.resolved_at IS NULL OFFSET 0) open ON true
WHERE open.finding_id IS NULL
ORDER BY s.customer_key, t.kind, t.subject;

-- name: InsertFailures :exec
-- A run records one failure of a customer. The same batch may come again when the
-- connection broke during its COMMIT.
INSERT INTO collector.failures (run_id, customer_key, failed_at, class, resource, http_status, code, message, request_id, correlation_id, attempts)
SELECT @run_id::uuid, s.customer_key, s.fetched_at, s.failure_class, s.resource, s.http_status, s.code, concat_ws('; the service says: ', s.message, s.said), s.request_id, s.correlation_id, s.attempts
FROM stage_statements s
LEFT JOIN LATERAL (SELECT f.failure_id FROM collector.failures f
    WHERE f.customer_key = s.customer_key AND f.run_id = @run_id::uuid LIMIT 1) noted ON true
WHERE s.failure_class IS NOT NULL AND noted.failure_id IS NULL
ORDER BY s.seq;

-- name: StageResults :many
-- The planned result of each statement, in the order staged.
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
LEFT JOIN LATERAL (SELECT * FROM collector.cost_details d WHERE d.detail_id = t.detail_id OFFSET 0) c ON true
WHERE t.action IN ('new', 'restated')
ORDER BY t.seq, t.row_no;

-- name: SaveStates :exec
-- The costs count as derived when all bodies from which they derive were present. Sets
-- from earlier answers may now belong to a cost of this answer, and would be placed
-- otherwise when it is read again.
INSERT INTO collector.customer_states AS st (customer_key, statement_id, last_run_id, last_attempt_at, last_outcome, last_error,
    last_success_at, last_success_run_id, failures_in_a_row, profile_digest, summary_digest, line_items_digest, profile_rules, costs_rules)
SELECT s.customer_key, s.statement_id, @run_id::uuid, s.fetched_at, o.outcome, s.message,
    CASE WHEN s.failure_class IS NULL THEN s.fetched_at END,
    CASE WHEN s.failure_class IS NULL THEN @run_id::uuid END,
    CASE WHEN s.failure_class IS NULL THEN 0 ELSE 1 END,
    s.profile_digest, s.summary_digest, s.line_items_digest,
    CASE WHEN s.has_profile THEN @rules::integer END,
    CASE WHEN NOT s.has_costs THEN NULL
        WHEN s.whole AND NOT EXISTS (SELECT 1 FROM stage_findings t WHERE t.seq = s.seq AND t.subject = 'earlier answers') THEN @rules::integer
        ELSE 0 END
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
        ELSE st.failures_in_a_row + 1 END,
    profile_digest = excluded.profile_digest,
    summary_digest = excluded.summary_digest,
    line_items_digest = excluded.line_items_digest,
    profile_rules = coalesce(excluded.profile_rules, st.profile_rules),
    costs_rules = coalesce(excluded.costs_rules, st.costs_rules);

-- name: DeriveCostsAnew :exec
-- The last outcome of these customers is no longer that of their costs, because only
-- their profiles were read. The next collection of costs therefore derives them again.
UPDATE collector.customer_states st SET costs_rules = NULL
FROM collector.customers c
WHERE c.partner = @partner::text AND c.customer_id = ANY (@customer_ids::uuid[]) AND st.customer_key = c.customer_key AND st.costs_rules IS NOT NULL;

-- name: DeriveAnew :exec
-- The facts of these customers derive from more than their newest answers. The next
-- collection therefore derives all facts and findings again, although no body is new.
UPDATE collector.customer_states SET profile_rules = NULL, costs_rules = NULL
WHERE customer_key = ANY (ARRAY(SELECT s.customer_key FROM stage_statements s)) AND (profile_rules IS NOT NULL OR costs_rules IS NOT NULL);

-- name: NamedHashes :many
-- The bodies of the entries that were added to the log, and of imports, because the
-- bodies of an entry that is imported again may have been pruned. The bodies of all
-- other entries are stored.
SELECT DISTINCT h.hash
FROM (SELECT unnest(ARRAY[s.profile_hash, s.summary_hash, s.line_items_hash])::bytea AS hash FROM stage_statements s WHERE s.added OR s.origin = 'import') h
WHERE h.hash IS NOT NULL
ORDER BY h.hash;

-- name: LockKnownPayloads :many
-- Pruning skips locked bodies: a body that was found here still exists when the entry
-- that needs it becomes visible.
SELECT known.payload_hash
FROM (SELECT unnest(@hashes::bytea[]) AS hash) h
CROSS JOIN LATERAL (SELECT p.payload_hash FROM collector.payloads p WHERE p.payload_hash = h.hash OFFSET 0 FOR KEY SHARE) known
ORDER BY known.payload_hash;
