-- name: InsertRun :exec
-- The statement may come again when the connection broke during its COMMIT.
INSERT INTO collector.runs (run_id, partner, kind, scope, status, started_at, version, machine, resumes)
VALUES (@run_id, @partner, @kind, @scope, 'running', @started_at, @version, sqlc.narg(machine), sqlc.narg(resumes))
ON CONFLICT (run_id) DO NOTHING;

-- name: CloseStaleRuns :execrows
-- The caller holds the partner's lock, so a run that is recorded as running belongs to
-- a dead process.
UPDATE collector.runs
SET status = 'interrupted', finished_at = @now::timestamptz, error = 'the process ended without closing the run'
WHERE partner = @partner AND status = 'running' AND run_id <> @run_id;

-- name: FinishRun :exec
UPDATE collector.runs
SET status = @status, finished_at = @finished_at::timestamptz, customers_total = @customers_total, customers_ok = @customers_ok,
    customers_unchanged = @customers_unchanged, customers_no_costs = @customers_no_costs, customers_failed = @customers_failed,
    rows_changed = @rows_changed, error = sqlc.narg(error)
WHERE run_id = @run_id;

-- name: EnrolCustomers :many
-- Customers on the partner's list, before they are collected, and their keys. Customers
-- that a run does not reach are then known to be missing.
WITH listed AS (
    SELECT DISTINCT unnest(@customer_ids::uuid[]) AS customer_id
), known AS MATERIALIZED (
    SELECT l.customer_id, c.customer_key, c.active
    FROM listed l
    LEFT JOIN LATERAL (SELECT k.customer_key, k.active FROM collector.customers k
        WHERE k.partner = @partner::text AND k.customer_id = l.customer_id OFFSET 0) c ON true
), added AS (
    INSERT INTO collector.customers (partner, customer_id, first_seen_at)
    SELECT @partner::text, n.customer_id, @now::timestamptz FROM known n WHERE n.customer_key IS NULL
    ORDER BY n.customer_id
    RETURNING customer_key
), reactivated AS (
    UPDATE collector.customers SET active = true
    WHERE customer_key = ANY (ARRAY(SELECT n.customer_key FROM known n WHERE NOT n.active))
)
SELECT n.customer_key::bigint AS customer_key FROM known n WHERE n.customer_key IS NOT NULL
UNION ALL
SELECT a.customer_key FROM added a;

-- name: CountUnlisted :one
-- Counts, after a complete run, the customers that neither it nor the runs that it
-- resumed collected, the excluded ones of them, and all active customers. A customer
-- left out as done counts as collected, whatever a run of some customers has recorded
-- since.
SELECT count(*) FILTER (WHERE NOT a.asked)::integer AS unlisted,
    count(*) FILTER (WHERE NOT a.asked AND a.customer_id = ANY (@excluded::uuid[]))::integer AS excluded,
    count(*)::integer AS active
FROM (
    SELECT c.customer_id, coalesce(st.last_run_id = ANY (@run_ids::uuid[]) OR st.last_success_run_id = ANY (@run_ids::uuid[]), false) AS asked
    FROM collector.customers c
    LEFT JOIN collector.customer_states st USING (customer_key)
    WHERE c.partner = @partner AND c.active
) a;

-- name: RetireUnlisted :execrows
UPDATE collector.customers c
SET active = false
WHERE c.partner = @partner AND c.active
    AND NOT EXISTS (SELECT 1 FROM collector.customer_states st
        WHERE st.customer_key = c.customer_key AND (st.last_run_id = ANY (@run_ids::uuid[]) OR st.last_success_run_id = ANY (@run_ids::uuid[])));

-- name: CountWithoutCosts :one
-- Counts the active customers that these runs collected and whose stored costs for a
-- recently ended period are not zero: all of them, and those that have no costs now.
SELECT count(*) FILTER (WHERE st.last_outcome = 'no_costs')::integer AS without_costs, count(*)::integer AS customers
FROM collector.customers c
JOIN collector.customer_states st USING (customer_key)
WHERE c.partner = @partner AND c.active AND st.last_run_id = ANY (@run_ids::uuid[])
    AND EXISTS (SELECT 1 FROM collector.cost_details d
        WHERE d.customer_key = c.customer_key AND d.origin = 'servicecosts' AND d.ends_at > @ended_since::timestamptz AND d.after_tax_total <> 0);

-- name: CorrectFutureRuns :execrows
-- A run that began in the future was recorded with a wrong clock. Uncorrected it could
-- be mistaken for the run of a later night. Its true beginning is unknown, so it counts
-- as begun with the run before it, and satisfies no later night.
UPDATE collector.runs r
SET started_at = coalesce((SELECT max(o.started_at) FROM collector.runs o WHERE o.partner = r.partner AND o.started_at <= @latest::timestamptz), 'epoch'),
    finished_at = least(r.finished_at, @now::timestamptz)
WHERE r.partner = @partner AND r.started_at > @latest::timestamptz;

-- name: CollectionsSinceNewest :many
-- The newest run of all customers, and the runs of its rest. Runs that lie in the
-- future were recorded with a wrong clock.
SELECT r.run_id, r.started_at, r.status
FROM collector.runs r
WHERE r.partner = @partner AND r.kind IN ('daily', 'once') AND r.scope IN ('all', 'rest')
    AND r.started_at <= @latest::timestamptz
    AND r.started_at >= (SELECT max(w.started_at) FROM collector.runs w
        WHERE w.partner = @partner AND w.kind IN ('daily', 'once') AND w.scope = 'all' AND w.started_at <= @latest::timestamptz)
ORDER BY r.started_at, r.run_id;

-- name: LastCollection :one
-- When the newest completed collection of all customers began; later runs may have
-- completed it.
SELECT (SELECT max(w.started_at) FROM collector.runs w
        WHERE w.partner = r.partner AND w.kind IN ('daily', 'once') AND w.scope = 'all' AND w.started_at <= r.started_at)::timestamptz AS began,
    r.status
FROM collector.runs r
WHERE r.partner = @partner AND r.kind IN ('daily', 'once') AND r.scope IN ('all', 'rest') AND r.status IN ('succeeded', 'partial')
    AND r.started_at <= @latest::timestamptz
ORDER BY began DESC, r.started_at DESC
LIMIT 1;

-- name: CustomersDoneIn :many
-- The customers whose newest success belongs to one of these runs.
SELECT c.customer_id
FROM collector.customers c
JOIN collector.customer_states st USING (customer_key)
WHERE c.partner = @partner AND st.last_success_run_id = ANY (@run_ids::uuid[])
ORDER BY c.customer_id;

-- name: PartnerCoverage :many
SELECT c.partner,
    count(*)::integer AS customers,
    count(*) FILTER (WHERE st.last_success_at >= @since::timestamptz AND NOT w.waits)::integer AS covered,
    count(*) FILTER (WHERE w.waits AND st.last_success_at IS NOT NULL)::integer AS waiting
FROM collector.customers c
LEFT JOIN collector.customer_states st USING (customer_key)
LEFT JOIN collector.customer_reads r USING (customer_key)
LEFT JOIN collector.partners n ON n.partner = c.partner
CROSS JOIN LATERAL (SELECT coalesce(r.profile_at IS NULL OR r.profile_at < sqlc.arg(now)::timestamptz - n.refresh
    OR n.line_items AND (r.line_items_at IS NULL OR r.line_items_at < sqlc.arg(now)::timestamptz - n.refresh), false) AS waits) w
WHERE c.active
GROUP BY c.partner
ORDER BY c.partner;

-- name: OpenFindings :many
SELECT partner, severity, count(*)::integer AS findings
FROM collector.findings
WHERE resolved_at IS NULL
GROUP BY partner, severity
ORDER BY partner, severity;

-- name: OpenInvoiceFindings :many
SELECT partner, kind, count(*)::integer AS findings
FROM collector.findings
WHERE resolved_at IS NULL AND kind = ANY (@kinds::text[])
GROUP BY partner, kind
ORDER BY partner, kind;

-- name: NewestCollections :many
-- How the newest ended collection of all customers, or of its rest, ended; and when one
-- last completed, which is Go's zero time if none did.
SELECT DISTINCT ON (r.partner) r.partner, r.status, r.customers_total, r.customers_ok, r.customers_unchanged, r.customers_no_costs,
    r.customers_failed, r.rows_changed,
    coalesce((SELECT max(w.finished_at) FROM collector.runs w WHERE w.partner = r.partner AND w.kind IN ('daily', 'once')
        AND w.scope IN ('all', 'rest') AND w.status IN ('succeeded', 'partial')), '0001-01-01 00:00:00+00')::timestamptz AS last_success_at
FROM collector.runs r
WHERE r.kind IN ('daily', 'once') AND r.scope IN ('all', 'rest') AND r.status <> 'running'
ORDER BY r.partner, r.started_at DESC;

-- name: SuccessPinged :one
SELECT EXISTS (SELECT 1 FROM collector.success_pings WHERE tick = @tick::timestamptz);

-- name: NoteSuccessPing :exec
INSERT INTO collector.success_pings (tick, machine, pinged_at)
VALUES (@tick, @machine, @now)
ON CONFLICT DO NOTHING;

-- name: ForgetSuccessPings :exec
DELETE FROM collector.success_pings WHERE pinged_at < @before::timestamptz;
