BEGIN;

COMMENT ON TABLE collector.withdrawn_rows IS 'Cost details that are not current any more, with their history: a replay of the archive does not derive them, or they were imported and the service itself says something else of their type and period.';

COMMIT;
