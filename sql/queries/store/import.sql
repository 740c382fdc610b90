-- Saved answers are merged like others with two exceptions: their date is unknown, so
-- collected values stay, and they do not change the customer's current state.

-- name: InsertImportedCustomers :exec
-- The next collection makes them active, if they are the partner's customers.
INSERT INTO collector.customers (partner, customer_id, first_seen_at, active)
SELECT @partner::text, s.customer_id, min(s.fetched_at), false
FROM stage_statements s
LEFT JOIN LATERAL (SELECT c.customer_key FROM collector.customers c
    WHERE c.partner = @partner::text AND c.customer_id = s.customer_id OFFSET 0) known ON true
WHERE known.customer_key IS NULL
GROUP BY s.customer_id
ON CONFLICT DO NOTHING;

-- name: KeepCollected :exec
-- Removes from the plan what would replace collected values or add to them. A type and
-- period that was collected takes no detail of any currency, and no items where items were
-- read and not set aside: a collected set, possibly an empty one, exists then. Items
-- without a cost of their own are those that a collection would empty (EmptySets); they may
-- not be added to a collected cost of their period or type. An empty set of that kind does
-- not show what was read. A replay decides in the same way: replayed.add.
WITH collected AS MATERIALIZED (
    SELECT DISTINCT s.seq, coalesce(d.invoice_type, '') AS invoice_type, coalesce(d.period_start, '-infinity') AS period_start
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT * FROM collector.cost_details k WHERE k.customer_key = s.customer_key AND k.origin = 'servicecosts' OFFSET 0) d
), details AS (
    UPDATE stage_details t SET action = 'kept'
    FROM collected c
    WHERE t.action IN ('new', 'restated') AND c.seq = t.seq
        AND c.invoice_type = coalesce(t.invoice_type, '') AND c.period_start = coalesce(t.period_start, '-infinity')
), costs AS MATERIALIZED (
    SELECT s.seq, coalesce(d.invoice_type, '') AS invoice_type, coalesce(d.period_start, '-infinity') AS period_start
    FROM stage_statements s
    CROSS JOIN LATERAL (SELECT k.invoice_type, k.period_start FROM collector.cost_details k WHERE k.customer_key = s.customer_key OFFSET 0) d
    UNION
    SELECT d.seq, coalesce(d.invoice_type, ''), coalesce(d.period_start, '-infinity') FROM stage_details d
), planned AS (
    SELECT l.set_no, l.seq, l.old_set_id, l.action, coalesce(l.invoice_type, '') AS invoice_type, coalesce(l.period_start, '-infinity') AS period_start,
        c.seq IS NULL AS is_stray
    FROM stage_sets l
    LEFT JOIN costs c ON c.seq = l.seq AND c.invoice_type = coalesce(l.invoice_type, '') AND c.period_start = coalesce(l.period_start, '-infinity')
    WHERE l.action IN ('new', 'replaced', 'read')
), sets AS (
    UPDATE stage_sets t SET action = CASE WHEN p.action = 'read' THEN 'same' ELSE 'kept' END
    FROM planned p
    WHERE t.set_no = p.set_no
        AND (p.action = 'read'
            OR EXISTS (SELECT 1 FROM collector.line_item_sets c WHERE c.set_id = p.old_set_id AND c.origin = 'servicecosts' OFFSET 0)
            OR EXISTS (SELECT 1 FROM collected c WHERE c.seq = p.seq
                AND p.is_stray AND (c.period_start = p.period_start OR c.invoice_type = p.invoice_type AND p.invoice_type <> '' OR p.period_start = '-infinity')))
)
UPDATE stage_profiles t SET action = 'kept'
FROM stage_statements s
CROSS JOIN LATERAL (SELECT q.origin FROM collector.billing_profiles b JOIN collector.statements q USING (statement_id)
    WHERE b.customer_key = s.customer_key OFFSET 0) known
WHERE t.action = 'changed' AND s.seq = t.seq AND known.origin = 'servicecosts';

-- name: ApplyImports :exec
-- The same bodies are one entry of the log, however often they are imported, unless
-- another entry has come in between: a replay repeats what was done in the same order.
WITH known AS (
    SELECT s.seq, s.customer_key, q.statement_id
    FROM stage_statements s
    LEFT JOIN LATERAL (SELECT l.* FROM collector.statements l
        WHERE l.customer_key = s.customer_key ORDER BY l.statement_id DESC LIMIT 1) q ON q.origin = 'import'
            AND (q.profile_hash, q.summary_hash, q.line_items_hash, q.summary_status)
                IS NOT DISTINCT FROM (s.profile_hash, s.summary_hash, s.line_items_hash, s.summary_status)
), added AS (
    INSERT INTO collector.statements (customer_key, run_id, collected_at, origin, profile_hash, summary_hash, line_items_hash,
        summary_status, root_starts_at, root_ends_at, root_currency, root_pretax, root_tax, root_after_tax, body_customer_id)
    SELECT s.customer_key, @run_id::uuid, s.fetched_at, 'import', s.profile_hash, s.summary_hash, s.line_items_hash,
        s.summary_status, s.root_starts_at, s.root_ends_at, s.root_currency, s.root_pretax, s.root_tax, s.root_after_tax, s.body_customer_id
    FROM known k JOIN stage_statements s ON s.seq = k.seq
    WHERE k.statement_id IS NULL
    ORDER BY k.seq
    RETURNING statement_id, customer_key
)
UPDATE stage_statements s
SET statement_id = coalesce(a.statement_id, k.statement_id), origin = 'import', added = a.statement_id IS NOT NULL
FROM known k LEFT JOIN added a ON a.customer_key = k.customer_key
WHERE s.seq = k.seq;

-- name: StageKept :many
-- Which parts of each statement were not imported because they were collected.
SELECT s.seq,
    (SELECT count(*) FROM stage_profiles p WHERE p.seq = s.seq AND p.action = 'kept')::integer AS profiles,
    (SELECT count(*) FROM stage_details d WHERE d.seq = s.seq AND d.action = 'kept')::integer AS details,
    (SELECT count(*) FROM stage_sets l WHERE l.seq = s.seq AND l.action = 'kept')::integer AS sets
FROM stage_statements s
ORDER BY s.seq;
