-- When the parts of customers were read, and the order in which a run reads them.

-- name: SaveReads :exec
-- The parts that a batch has read. Line items count for the costs with which they were
-- read: if the newest costs differ, their line items have not been read.
INSERT INTO collector.customer_reads AS r (customer_key, costs_at, costs_hash, next_end_at, profile_at, line_items_at, refused)
SELECT c.customer_key, CASE WHEN b.costs THEN b.read_at END, b.costs_hash,
    nullif(b.next_end_at, '0001-01-01 00:00:00+00'), CASE WHEN b.profile THEN b.read_at END, CASE WHEN b.line_items THEN b.read_at END, b.refused
FROM (SELECT unnest(@customer_ids::uuid[]) AS customer_id, unnest(@read_at::timestamptz[]) AS read_at, unnest(@costs::boolean[]) AS costs,
    unnest(@costs_hashes::bytea[]) AS costs_hash, unnest(@next_end_at::timestamptz[]) AS next_end_at, unnest(@profiles::boolean[]) AS profile,
    unnest(@line_items::boolean[]) AS line_items, unnest(@refused::boolean[]) AS refused) b
CROSS JOIN LATERAL (SELECT k.customer_key FROM collector.customers k
    WHERE k.partner = @partner::text AND k.customer_id = b.customer_id OFFSET 0) c
ORDER BY c.customer_key
ON CONFLICT (customer_key) DO UPDATE SET
    costs_at = coalesce(excluded.costs_at, r.costs_at),
    costs_hash = coalesce(excluded.costs_hash, r.costs_hash),
    next_end_at = CASE WHEN excluded.costs_at IS NULL THEN r.next_end_at ELSE excluded.next_end_at END,
    profile_at = coalesce(excluded.profile_at, r.profile_at),
    line_items_at = CASE WHEN excluded.line_items_at IS NOT NULL THEN excluded.line_items_at
        WHEN excluded.costs_hash IS NULL OR excluded.costs_hash = r.costs_hash THEN r.line_items_at END,
    refused = excluded.refused;

-- name: ForgetTurns :exec
DELETE FROM collector.turns WHERE partner = @partner;

-- name: PlanTurns :exec
-- Customers with the most to lose come first (collector.risks).
INSERT INTO collector.turns (partner, page, customer_keys)
SELECT @partner::text, o.page, array_agg(o.customer_key ORDER BY o.place)
FROM (SELECT r.customer_key, row_number() OVER most_at_risk AS place, ((row_number() OVER most_at_risk - 1) / @page_size::bigint)::integer AS page
    FROM collector.risks r
    WHERE r.partner = @partner::text AND r.active
    WINDOW most_at_risk AS (ORDER BY r.class, r.next_end_at, r.seen_at NULLS FIRST, r.customer_key)) o
GROUP BY o.page
ORDER BY o.page;

-- name: PlanRest :one
-- The customers of these runs with a part that was not read since the first of the runs
-- began, in the order of the oldest part. A customer that failed in this run was
-- already read as far as possible.
WITH rest AS (
    SELECT r.customer_key, least(coalesce(r.profile_at, '-infinity'), CASE WHEN @line_items::boolean THEN coalesce(r.line_items_at, '-infinity') ELSE 'infinity' END) AS oldest_at
    FROM collector.customers c
    JOIN collector.customer_states st ON st.customer_key = c.customer_key
    JOIN collector.customer_reads r ON r.customer_key = c.customer_key
    WHERE c.partner = @partner::text AND c.active
        AND (st.last_run_id = ANY (@run_ids::uuid[]) OR st.last_success_run_id = ANY (@run_ids::uuid[]))
        AND NOT (st.failures_in_a_row > 0 AND st.last_run_id = @run_id::uuid)
), numbered AS (
    SELECT t.customer_key, row_number() OVER oldest AS place, ((row_number() OVER oldest - 1) / @page_size::bigint)::integer AS page
    FROM rest t
    WHERE t.oldest_at < (SELECT min(w.started_at) FROM collector.runs w WHERE w.run_id = ANY (@run_ids::uuid[]))
    WINDOW oldest AS (ORDER BY t.oldest_at, t.customer_key)
), planned AS (
    INSERT INTO collector.turns (partner, page, customer_keys)
    SELECT @partner::text, n.page, array_agg(n.customer_key ORDER BY n.place)
    FROM numbered n
    GROUP BY n.page
    ORDER BY n.page
    RETURNING customer_keys
)
SELECT coalesce(sum(cardinality(p.customer_keys)), 0)::bigint AS customers FROM planned p;

-- name: Turns :many
-- A page of the order.
SELECT k.customer_key::bigint AS customer_key
FROM (SELECT unnest(t.customer_keys) AS customer_key, generate_subscripts(t.customer_keys, 1) AS place
    FROM collector.turns t WHERE t.partner = @partner AND t.page = @page) k
ORDER BY k.place;

-- name: TurnsOf :many
-- Some customers of the list, those with the most to lose first.
SELECT r.customer_key
FROM (SELECT unnest(@customer_ids::uuid[]) AS customer_id) l
CROSS JOIN LATERAL (SELECT o.customer_key, o.class, o.next_end_at, o.seen_at FROM collector.risks o
    WHERE o.partner = @partner::text AND o.customer_id = l.customer_id OFFSET 0) r
ORDER BY r.class, r.next_end_at, r.seen_at NULLS FIRST, r.customer_key;

-- name: KnownOf :many
-- The stored values that decide what a run reads of customers. The costs of a customer
-- that failed last are treated as unknown, so that it is read completely.
SELECT k.customer_key::bigint AS customer_key, c.customer_id,
    (CASE WHEN w.is_whole AND (r.line_items_at IS NOT NULL OR NOT @line_items::boolean) THEN r.costs_hash END)::bytea AS costs_hash,
    (w.is_whole AND r.profile_at IS NOT NULL)::boolean AS has_profile,
    coalesce(st.last_success_run_id = ANY (@done_in::uuid[]) OR w.is_whole AND st.last_success_at >= @done_since::timestamptz, false)::boolean AS is_done,
    coalesce(w.is_whole AND c.active AND r.customer_key IS NOT NULL AND st.profile_rules = @rules::integer AND st.costs_rules = @rules::integer, false)::boolean AS is_known,
    st.profile_digest, st.summary_digest, st.line_items_digest, coalesce(st.last_outcome = 'no_costs', false)::boolean AS no_costs, r.next_end_at,
    (r.line_items_at IS NOT NULL AND st.line_items_digest IS NULL)::boolean AS no_items
FROM (SELECT unnest(@customer_keys::bigint[]) AS customer_key, generate_subscripts(@customer_keys::bigint[], 1) AS place) k
CROSS JOIN LATERAL (SELECT o.customer_id, o.active FROM collector.customers o WHERE o.customer_key = k.customer_key OFFSET 0) c
LEFT JOIN LATERAL (SELECT o.* FROM collector.customer_states o WHERE o.customer_key = k.customer_key OFFSET 0) st ON true
LEFT JOIN LATERAL (SELECT o.* FROM collector.customer_reads o WHERE o.customer_key = k.customer_key OFFSET 0) r ON true
CROSS JOIN LATERAL (SELECT coalesce(st.failures_in_a_row = 0, false) AS is_whole) w
ORDER BY k.place;

-- name: RestOf :many
-- The parts of customers that are left to read, and what the runs have already read of
-- them.
SELECT k.customer_key::bigint AS customer_key, c.customer_id, r.profile_at, r.line_items_at,
    CASE WHEN st.last_run_id = @run_id::uuid THEN st.last_outcome ELSE '' END::text AS earlier,
    coalesce(encode(q.summary_hash, 'hex'), '')::text AS summary_hash, coalesce(q.summary_status, 0)::smallint AS summary_status,
    coalesce(st.failures_in_a_row = 0 AND c.active AND st.profile_rules = @rules::integer AND st.costs_rules = @rules::integer, false)::boolean AS is_known,
    st.profile_digest, st.summary_digest, st.line_items_digest, coalesce(st.last_outcome = 'no_costs', false)::boolean AS no_costs, r.next_end_at,
    (r.line_items_at IS NOT NULL AND st.line_items_digest IS NULL)::boolean AS no_items
FROM (SELECT unnest(@customer_keys::bigint[]) AS customer_key, generate_subscripts(@customer_keys::bigint[], 1) AS place) k
CROSS JOIN LATERAL (SELECT o.customer_id, o.active FROM collector.customers o WHERE o.customer_key = k.customer_key OFFSET 0) c
CROSS JOIN LATERAL (SELECT o.* FROM collector.customer_states o WHERE o.customer_key = k.customer_key OFFSET 0) st
CROSS JOIN LATERAL (SELECT o.* FROM collector.customer_reads o WHERE o.customer_key = k.customer_key OFFSET 0) r
LEFT JOIN LATERAL (SELECT o.summary_hash, o.summary_status FROM collector.statements o WHERE o.statement_id = st.statement_id OFFSET 0) q ON true
ORDER BY k.place;

-- name: FirstBegan :one
-- The beginning of the first of some runs.
SELECT coalesce(min(r.started_at), 'epoch')::timestamptz AS began FROM collector.runs r WHERE r.run_id = ANY (@run_ids::uuid[]);

-- name: Overdue :one
-- How many active customers have a part that is older than allowed, and the time of the
-- oldest such part.
SELECT count(*)::bigint AS customers, coalesce(min(least(r.profile_at, CASE WHEN n.line_items THEN r.line_items_at END)), 'epoch')::timestamptz AS oldest_at
FROM collector.partners n
JOIN collector.customers c ON c.partner = n.partner
JOIN collector.customer_reads r ON r.customer_key = c.customer_key
WHERE n.partner = @partner AND c.active
    AND (r.profile_at < sqlc.arg(now)::timestamptz - n.refresh OR n.line_items AND r.line_items_at < sqlc.arg(now)::timestamptz - n.refresh);

-- name: OpenPartnerFinding :exec
INSERT INTO collector.findings AS f (partner, customer_key, kind, severity, subject, detail, first_seen_at, last_seen_at)
VALUES (@partner, NULL, @kind, @severity, '', @detail, @now::timestamptz, @now::timestamptz)
ON CONFLICT (customer_key, kind, subject, partner) WHERE resolved_at IS NULL DO UPDATE
SET severity = excluded.severity, detail = excluded.detail, last_seen_at = excluded.last_seen_at;

-- name: ResolvePartnerFinding :exec
UPDATE collector.findings SET resolved_at = @now::timestamptz
WHERE partner = @partner AND kind = @kind AND resolved_at IS NULL;
