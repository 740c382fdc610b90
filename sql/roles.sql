-- The two group roles of the collector, and what they may do. "collector migrate up"
-- runs this when it may create roles; else an administrator runs it, connected to the
-- collector's database. Running it again is harmless.
--   finance_reader    reads the views of schema finance, and nothing else
--   collector_writer  collects: reads and writes rows, changes no schema
DO $roles$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'finance_reader') THEN
        CREATE ROLE finance_reader NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'collector_writer') THEN
        CREATE ROLE collector_writer NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    -- Another database of this server was migrated at the same moment.
    NULL;
END
$roles$;

GRANT USAGE ON SCHEMA finance TO finance_reader, collector_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA finance TO finance_reader, collector_writer;
GRANT USAGE ON SCHEMA collector TO collector_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA collector TO collector_writer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA collector TO collector_writer;
GRANT SELECT ON TABLE public.collector_schema_migrations TO collector_writer;
DO $temporary$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO collector_writer', current_database());
END
$temporary$;
