-- name: SeeMachine :exec
-- By the clock of the database, because those of the machines may differ.
INSERT INTO collector.machines (process_id, machine, version, partners_at_once, started_at, seen_at)
VALUES (@process_id, @machine, @version, @partners_at_once, now(), now())
ON CONFLICT (process_id) DO UPDATE SET seen_at = now();

-- name: ForgetMachine :exec
DELETE FROM collector.machines WHERE process_id = @process_id OR seen_at < now() - interval '1 day';

-- name: CountMachines :one
SELECT count(DISTINCT machine)::integer FROM collector.machines WHERE seen_at > now() - interval '2 minutes';

-- name: RunningNights :many
SELECT r.partner, r.started_at, coalesce(r.machine, '')::text AS machine, coalesce(former.machine, '')::text AS taken_over_from
FROM collector.runs r
LEFT JOIN collector.runs former ON former.run_id = r.resumes AND former.machine <> r.machine
WHERE r.status = 'running'
ORDER BY r.partner, r.started_at;

-- name: WaitingNights :many
SELECT partner::text AS partner, min(waits_since)::timestamptz AS waits_since
FROM finance.waiting_nights
GROUP BY partner
ORDER BY partner;
