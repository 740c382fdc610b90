BEGIN;

ALTER TABLE collector.payloads ADD COLUMN encoding smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN collector.payloads.encoding IS 'How the body is kept: 0 as it was answered, 1 compressed by zstd with the dictionary internal/persist/bodies-1.dict. The program reads all of them.';
COMMENT ON COLUMN collector.payloads.body IS 'The body, in its encoding.';
COMMENT ON COLUMN collector.payloads.payload_hash IS 'SHA-256 of the body as it was answered, whatever its encoding.';
COMMENT ON TABLE collector.payloads IS 'The body of every answer, stored once per content. Holds personal data.';

-- What is compressed already is not worth a second try.
ALTER TABLE collector.payloads ALTER COLUMN body SET STORAGE EXTERNAL;

COMMIT;
