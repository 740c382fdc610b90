BEGIN;

COMMENT ON TABLE collector.withdrawn_rows IS 'Cost details that a replay of the archive does not derive any more, because an error in their derivation was mended; with their history.';

COMMIT;
