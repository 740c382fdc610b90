BEGIN;

CREATE TABLE collector.machines (
    process_id       uuid PRIMARY KEY,
    machine          text NOT NULL,
    version          text NOT NULL,
    partners_at_once integer NOT NULL,
    started_at       timestamptz NOT NULL,
    seen_at          timestamptz NOT NULL
);
COMMENT ON TABLE collector.machines IS 'The daemons that take part. Each writes its row every half minute and removes it when it stops; one that is dead is forgotten after a day. Nothing is decided by it.';
COMMENT ON COLUMN collector.machines.process_id IS 'Id of the process, as in river.river_job.attempted_by.';
COMMENT ON COLUMN collector.machines.machine IS 'Host name.';
COMMENT ON COLUMN collector.machines.partners_at_once IS 'How many partners the daemon collects at the same time.';
COMMENT ON COLUMN collector.machines.seen_at IS 'When the daemon wrote this row last, by the clock of the database.';

CREATE VIEW finance.machines AS
SELECT m.machine, m.version, m.started_at, m.seen_at, m.partners_at_once,
    (SELECT count(*) FROM collector.runs r WHERE r.status = 'running' AND r.machine = m.machine) AS partners_now
FROM collector.machines m;
COMMENT ON VIEW finance.machines IS 'The machines that collect: one row for each daemon.';
COMMENT ON COLUMN finance.machines.machine IS 'Host name of the machine.';
COMMENT ON COLUMN finance.machines.version IS 'Version of the collector.';
COMMENT ON COLUMN finance.machines.started_at IS 'When the daemon started.';
COMMENT ON COLUMN finance.machines.seen_at IS 'When the daemon was seen last; more than two minutes ago, it is dead or cut off.';
COMMENT ON COLUMN finance.machines.partners_at_once IS 'How many partners the daemon collects at the same time.';
COMMENT ON COLUMN finance.machines.partners_now IS 'How many partners are being collected on the machine.';

CREATE VIEW finance.waiting_nights AS
SELECT j.args->>'partner' AS partner, (j.args->>'tick')::timestamptz AS due_since, j.created_at AS waits_since,
    CASE j.state WHEN 'retryable' THEN 'another attempt' ELSE 'a free machine' END AS waits_for
FROM river.river_job j
WHERE j.kind = 'night' AND j.state IN ('available', 'pending', 'retryable', 'scheduled');
COMMENT ON VIEW finance.waiting_nights IS 'The partners that are due and wait for a machine to collect them. Those that are being collected are in runs.';
COMMENT ON COLUMN finance.waiting_nights.partner IS 'Name of the partner in the configuration.';
COMMENT ON COLUMN finance.waiting_nights.due_since IS 'Since which time of the schedule the partner has been due.';
COMMENT ON COLUMN finance.waiting_nights.waits_since IS 'When the partner entered the queue.';
COMMENT ON COLUMN finance.waiting_nights.waits_for IS 'a free machine, or another attempt (the database was unavailable).';

COMMIT;
