BEGIN;

DROP TABLE collector.refresh_tokens;

COMMIT;
