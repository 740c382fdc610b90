-- Deriving the facts again from the archive.

-- name: ArchivedCustomers :many
SELECT c.customer_key, c.customer_id
FROM collector.customers c
WHERE c.partner = @partner AND c.customer_key > @after::bigint
    AND EXISTS (SELECT 1 FROM collector.statements q WHERE q.customer_key = c.customer_key)
ORDER BY c.customer_key
LIMIT @at_most::integer;

-- name: ArchivedStatements :many
-- The log of a customer's answers, in its order.
SELECT q.statement_id, q.origin, q.summary_status,
    q.profile_hash, p.body AS profile, coalesce(p.encoding, 0)::smallint AS profile_encoding,
    q.summary_hash, s.body AS summary, coalesce(s.encoding, 0)::smallint AS summary_encoding,
    q.line_items_hash, l.body AS line_items, coalesce(l.encoding, 0)::smallint AS line_items_encoding
FROM collector.statements q
LEFT JOIN collector.payloads p ON p.payload_hash = q.profile_hash
LEFT JOIN collector.payloads s ON s.payload_hash = q.summary_hash
LEFT JOIN collector.payloads l ON l.payload_hash = q.line_items_hash
WHERE q.customer_key = @customer_key
ORDER BY q.statement_id;

-- name: NameStatements :exec
-- The staged rows come from existing entries of the log.
UPDATE stage_statements s
SET statement_id = q.statement_id, origin = q.origin
FROM (SELECT unnest(@seqs::integer[]) AS seq, unnest(@statement_ids::bigint[]) AS statement_id) n
CROSS JOIN LATERAL (SELECT k.statement_id, k.origin FROM collector.statements k WHERE k.statement_id = n.statement_id OFFSET 0) q
WHERE s.seq = n.seq;

-- name: KeepUnderivable :exec
-- Removes from the plan what would replace an answer whose body is no longer stored by
-- an earlier one: the rows of such an answer stay, and only a later answer may override
-- them.
WITH lost AS MATERIALIZED (
    SELECT k.* FROM (
        SELECT q.statement_id, q.origin,
            q.profile_hash IS NOT NULL AND NOT EXISTS (SELECT 1 FROM collector.payloads p WHERE p.payload_hash = q.profile_hash OFFSET 0) AS profile,
            q.summary_hash IS NOT NULL AND NOT EXISTS (SELECT 1 FROM collector.payloads p WHERE p.payload_hash = q.summary_hash OFFSET 0) AS summary,
            q.line_items_hash IS NOT NULL AND NOT EXISTS (SELECT 1 FROM collector.payloads p WHERE p.payload_hash = q.line_items_hash OFFSET 0) AS items
        FROM (SELECT DISTINCT customer_key FROM stage_statements) s
        CROSS JOIN LATERAL (SELECT * FROM collector.statements c WHERE c.customer_key = s.customer_key OFFSET 0) q
    ) k
    WHERE k.profile OR k.summary OR k.items
), details AS (
    UPDATE stage_details t SET action = 'kept'
    FROM stage_details k
    JOIN stage_statements s ON s.seq = k.seq
    CROSS JOIN LATERAL (SELECT d.statement_id FROM collector.cost_details d WHERE d.detail_id = k.detail_id OFFSET 0) c
    JOIN lost l ON l.statement_id = c.statement_id
    WHERE t.row_no = k.row_no AND k.action = 'restated' AND l.summary
        AND (l.origin = 'servicecosts', l.statement_id) > (s.origin = 'servicecosts', s.statement_id)
), sets AS (
    UPDATE stage_sets t SET action = 'kept'
    FROM stage_sets k
    JOIN stage_statements s ON s.seq = k.seq
    CROSS JOIN LATERAL (SELECT i.statement_id FROM collector.line_item_sets i WHERE i.set_id = k.old_set_id OFFSET 0) c
    JOIN lost l ON l.statement_id = c.statement_id
    WHERE t.set_no = k.set_no AND k.action = 'replaced' AND (l.summary OR l.items)
        AND (l.origin = 'servicecosts', l.statement_id) > (s.origin = 'servicecosts', s.statement_id)
)
UPDATE stage_profiles t SET action = 'kept'
FROM stage_statements s
CROSS JOIN LATERAL (SELECT p.statement_id FROM collector.billing_profiles p WHERE p.customer_key = s.customer_key OFFSET 0) b
JOIN lost l ON l.statement_id = b.statement_id
WHERE t.action = 'changed' AND s.seq = t.seq AND l.profile
    AND (l.origin = 'servicecosts', l.statement_id) > (s.origin = 'servicecosts', s.statement_id);

-- name: DerivedHashes :many
-- The bodies of the entries from which facts are now derived differently.
SELECT DISTINCT h.hash
FROM (
    SELECT unnest(ARRAY[q.profile_hash, q.summary_hash, q.line_items_hash])::bytea AS hash
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT * FROM collector.statements k WHERE k.statement_id = s.statement_id OFFSET 0) q
    WHERE s.seq = ANY (SELECT p.seq FROM stage_profiles p WHERE p.action NOT IN ('same', 'kept')
        UNION ALL SELECT d.seq FROM stage_details d WHERE d.action NOT IN ('same', 'kept')
        UNION ALL SELECT l.seq FROM stage_sets l WHERE l.action NOT IN ('same', 'kept'))
) h
WHERE h.hash IS NOT NULL
ORDER BY h.hash;

-- name: RederiveRoots :exec
UPDATE collector.statements q
SET root_starts_at = s.root_starts_at, root_ends_at = s.root_ends_at, root_currency = s.root_currency, root_pretax = s.root_pretax,
    root_tax = s.root_tax, root_after_tax = s.root_after_tax, body_customer_id = s.body_customer_id
FROM stage_statements s
WHERE q.statement_id = s.statement_id AND s.has_costs
    AND q.statement_id = ANY (ARRAY(SELECT n.statement_id FROM stage_statements n))
    AND (q.root_starts_at, q.root_ends_at, q.root_currency, q.root_pretax, q.root_tax, q.root_after_tax, q.body_customer_id)
        IS DISTINCT FROM (s.root_starts_at, s.root_ends_at, s.root_currency, s.root_pretax, s.root_tax, s.root_after_tax, s.body_customer_id);

-- name: WithdrawDetails :many
-- Removes details that the archive no longer yields, and sets them aside.
WITH gone AS (
    INSERT INTO collector.withdrawn_rows (customer_key, run_id, withdrawn_at, detail, history)
    SELECT d.customer_key, @run_id::uuid, @now::timestamptz, to_jsonb(d),
        coalesce((SELECT jsonb_agg(to_jsonb(h) ORDER BY h.revision) FROM collector.cost_detail_history h WHERE h.detail_id = d.detail_id), '[]')
    FROM collector.cost_details d
    WHERE d.customer_key = ANY (ARRAY(SELECT s.customer_key FROM stage_statements s WHERE s.seq = ANY (@seqs::integer[])))
        AND NOT EXISTS (SELECT 1 FROM stage_details t WHERE t.detail_id = d.detail_id)
    ORDER BY d.detail_id
    RETURNING customer_key, (detail ->> 'detail_id')::bigint AS detail_id
)
SELECT c.customer_id, g.detail_id
FROM gone g
JOIN collector.customers c USING (customer_key)
ORDER BY g.detail_id;

-- name: DeleteDetailHistory :exec
DELETE FROM collector.cost_detail_history WHERE detail_id = ANY (@detail_ids::bigint[]);

-- name: DeleteDetails :exec
DELETE FROM collector.cost_details WHERE detail_id = ANY (@detail_ids::bigint[]);

-- name: WithdrawSets :many
-- An empty set cannot be wrong, so it stays.
WITH gone AS (
    UPDATE collector.line_item_sets l
    SET superseded_at = @now::timestamptz, superseded_by_run = @run_id::uuid
    WHERE l.superseded_at IS NULL AND l.item_count > 0
        AND l.customer_key = ANY (ARRAY(SELECT s.customer_key FROM stage_statements s WHERE s.seq = ANY (@seqs::integer[])))
        AND NOT EXISTS (SELECT 1 FROM stage_sets t JOIN stage_statements s ON s.seq = t.seq
            WHERE s.customer_key = l.customer_key AND t.invoice_type IS NOT DISTINCT FROM l.invoice_type AND t.period_start IS NOT DISTINCT FROM l.period_start)
    RETURNING l.customer_key
)
SELECT c.customer_id
FROM gone g
JOIN collector.customers c USING (customer_key)
ORDER BY c.customer_id;
