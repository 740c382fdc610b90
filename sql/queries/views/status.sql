-- name: LastRuns :many
SELECT run_id, partner, kind, status, started_at, finished_at, customers_total, customers_ok, customers_unchanged,
    customers_no_costs, customers_failed, rows_changed, coalesce(error, '')::text AS error, coalesce(machine, '')::text AS machine
FROM finance.runs
ORDER BY started_at DESC, run_id
LIMIT @at_most::integer;

-- name: RunningRuns :many
-- The runs that are recorded as running, and the machine of the run that each goes on
-- with.
SELECT r.run_id, r.partner, r.kind, r.started_at, coalesce(r.machine, '')::text AS machine,
    coalesce(former.machine, '')::text AS taken_over_from
FROM finance.runs r
LEFT JOIN finance.runs former ON former.run_id = r.resumes AND former.machine <> r.machine
WHERE r.status = 'running'
ORDER BY r.partner, r.started_at, r.run_id;

-- name: PartnerCoverage :many
SELECT partner,
    count(*)::integer AS customers,
    count(*) FILTER (WHERE last_success_at >= @since::timestamptz AND waits_for IS NULL)::integer AS covered,
    count(*) FILTER (WHERE last_success_at IS NULL)::integer AS never_collected,
    count(*) FILTER (WHERE waits_for IS NOT NULL AND last_success_at IS NOT NULL)::integer AS waiting,
    coalesce(min(least(profile_as_of, line_items_as_of)), '0001-01-01 00:00:00+00')::timestamptz AS oldest_part_at
FROM finance.coverage
GROUP BY partner
ORDER BY partner;

-- name: OldestUnseen :many
-- For each partner, the active customer whose last success is longest ago. A customer
-- that was never collected counts from when it was first seen.
SELECT DISTINCT ON (partner) partner, customer_id, coalesce(last_collected_at, first_seen_at)::timestamptz AS unseen_since
FROM finance.customers
WHERE active
ORDER BY partner, coalesce(last_collected_at, first_seen_at), customer_id;

-- name: OpenFindings :many
SELECT partner, severity, count(*)::integer AS findings
FROM finance.findings
WHERE resolved_at IS NULL
GROUP BY partner, severity
ORDER BY partner, severity;

-- name: InvoiceStates :many
SELECT partner, state, count(*)::integer AS invoices
FROM finance.invoices
GROUP BY partner, state
ORDER BY partner, state;

-- name: Machines :many
SELECT machine, version, started_at, seen_at, partners_at_once, partners_now::integer AS partners_now
FROM finance.machines
ORDER BY machine, started_at;

-- name: WaitingNights :many
SELECT partner::text AS partner, due_since::timestamptz AS due_since, waits_since, waits_for::text AS waits_for
FROM finance.waiting_nights
ORDER BY due_since, partner;
