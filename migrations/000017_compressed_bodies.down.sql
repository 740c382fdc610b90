BEGIN;

-- Only the program can unpack bodies; collector migrate down does so first.
DO $unpacked$
BEGIN
    IF EXISTS (SELECT 1 FROM collector.payloads WHERE encoding <> 0) THEN
        RAISE EXCEPTION 'collector.payloads holds compressed bodies; take this migration back with collector migrate down, which unpacks them';
    END IF;
END
$unpacked$;

ALTER TABLE collector.payloads ALTER COLUMN body SET STORAGE EXTENDED;
ALTER TABLE collector.payloads DROP COLUMN encoding;
COMMENT ON TABLE collector.payloads IS 'The body of every answer, byte for byte, stored once per content. Holds personal data.';
COMMENT ON COLUMN collector.payloads.body IS NULL;
COMMENT ON COLUMN collector.payloads.payload_hash IS 'SHA-256 of the body.';

COMMIT;
