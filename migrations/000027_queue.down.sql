BEGIN;

DROP TABLE river.river_notification, river.river_queue, river.river_leader, river.river_job;
DROP FUNCTION river.river_job_state_in_bitmask;
DROP TYPE river.river_job_state;
DROP SCHEMA river;

COMMIT;
