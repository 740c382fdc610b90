BEGIN;

CREATE TABLE collector.success_pings (
    tick      timestamptz PRIMARY KEY,
    machine   text NOT NULL,
    pinged_at timestamptz NOT NULL
);
COMMENT ON TABLE collector.success_pings IS 'The ticks of the schedule whose success was told to notify.success_url, so that one machine tells it once. A row is removed after 31 days.';
COMMENT ON COLUMN collector.success_pings.tick IS 'Since when every partner had succeeded.';
COMMENT ON COLUMN collector.success_pings.machine IS 'Host name of the machine that told it.';

COMMIT;
