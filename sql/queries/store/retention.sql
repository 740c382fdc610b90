-- Data that is not needed after its retention.

-- name: DispensablePayloads :many
-- Old bodies from which no current row was derived. An empty set of revision -1 does not
-- need its body.
WITH live AS (
    SELECT statement_id, false AS profile, true AS summary, false AS items FROM collector.cost_details
    UNION SELECT statement_id, false, true, true FROM collector.line_item_sets WHERE superseded_at IS NULL AND revision >= 0
    UNION SELECT statement_id, true, false, false FROM collector.billing_profiles
    UNION SELECT statement_id, true, true, true FROM collector.customer_states WHERE statement_id IS NOT NULL
), needed AS (
    SELECT unnest(ARRAY[CASE WHEN l.profile THEN s.profile_hash END, CASE WHEN l.summary THEN s.summary_hash END,
        CASE WHEN l.items THEN s.line_items_hash END])::bytea AS hash
    FROM live l
    JOIN collector.statements s USING (statement_id)
)
SELECT p.payload_hash
FROM collector.payloads p
WHERE p.first_seen_at < @before::timestamptz AND NOT EXISTS (SELECT 1 FROM needed n WHERE n.hash = p.payload_hash)
ORDER BY p.payload_hash
LIMIT @at_most::integer;

-- name: LockPayloads :many
-- The bodies that no transaction is about to need.
SELECT payload_hash FROM collector.payloads
WHERE payload_hash = ANY (@hashes::bytea[])
ORDER BY payload_hash
FOR UPDATE SKIP LOCKED;

-- name: NeededHashes :many
-- The bodies that a collection, an import or a replay has come to need meanwhile, by
-- the rules of DispensablePayloads.
WITH named AS MATERIALIZED (
    SELECT s.statement_id, s.profile_hash, s.summary_hash, s.line_items_hash FROM collector.statements s
    WHERE s.profile_hash = ANY (@hashes::bytea[]) OR s.summary_hash = ANY (@hashes::bytea[]) OR s.line_items_hash = ANY (@hashes::bytea[])
), live AS (
    SELECT statement_id, false AS profile, true AS summary, false AS items FROM collector.cost_details
    WHERE statement_id = ANY (SELECT n.statement_id FROM named n)
    UNION SELECT statement_id, false, true, true FROM collector.line_item_sets
    WHERE superseded_at IS NULL AND revision >= 0 AND statement_id = ANY (SELECT n.statement_id FROM named n)
    UNION SELECT statement_id, true, false, false FROM collector.billing_profiles WHERE statement_id = ANY (SELECT n.statement_id FROM named n)
    UNION SELECT statement_id, true, true, true FROM collector.customer_states WHERE statement_id = ANY (SELECT n.statement_id FROM named n)
), needed AS (
    SELECT unnest(ARRAY[CASE WHEN l.profile THEN n.profile_hash END, CASE WHEN l.summary THEN n.summary_hash END,
        CASE WHEN l.items THEN n.line_items_hash END])::bytea AS hash
    FROM live l
    JOIN named n USING (statement_id)
)
SELECT DISTINCT n.hash FROM needed n
WHERE n.hash = ANY (@hashes::bytea[])
ORDER BY n.hash;

-- name: DeletePayloads :execrows
DELETE FROM collector.payloads WHERE payload_hash = ANY (@hashes::bytea[]);

-- name: DeleteFailures :execrows
DELETE FROM collector.failures
WHERE failure_id = ANY (SELECT f.failure_id FROM collector.failures f WHERE f.failed_at < @before::timestamptz ORDER BY f.failure_id LIMIT @at_most::integer);

-- name: DeleteRuns :execrows
-- The newest run of each partner stays, whatever its age.
DELETE FROM collector.runs
WHERE run_id = ANY (SELECT r.run_id FROM collector.runs r
    WHERE r.started_at < @before::timestamptz AND r.status <> 'running'
        AND EXISTS (SELECT 1 FROM collector.runs n WHERE n.partner = r.partner AND n.started_at > r.started_at)
    ORDER BY r.started_at LIMIT @at_most::integer);
