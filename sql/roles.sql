-- The two group roles of the collector, and what they may do. "collector migrate up"
-- runs this when it may create roles; else an administrator runs it, connected to the
-- collector's database. Running it again is harmless.
--   finance_reader    reads the views of schema finance, and nothing else
--   collector_writer  collects: reads and writes rows, changes no schema; its members may
--                     become finance_reader, as whom the console reads
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

-- The console reads as finance_reader, whether the collector's login is a member of
-- collector_writer or the owner of the schemas.
DO $members$
DECLARE
    member text;
    -- Since version 16 the creator of a role is its member, but may not become it.
    kind text := CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOR member IN SELECT 'collector_writer' UNION SELECT pg_catalog.pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace WHERE nspname = 'finance' LOOP
        IF NOT pg_catalog.pg_has_role(member, 'finance_reader', kind) THEN
            EXECUTE pg_catalog.format('GRANT finance_reader TO %I', member);
        END IF;
    END LOOP;
EXCEPTION WHEN unique_violation THEN
    -- As above: it was granted from another database meanwhile.
    NULL;
END
$members$;

GRANT USAGE ON SCHEMA finance TO finance_reader, collector_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA finance TO finance_reader, collector_writer;
GRANT USAGE ON SCHEMA collector TO collector_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA collector TO collector_writer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA collector TO collector_writer;
-- The queue of the daemon. River's other table is for other databases.
GRANT USAGE ON SCHEMA river TO collector_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE river.river_job, river.river_leader, river.river_queue TO collector_writer;
GRANT USAGE ON SEQUENCE river.river_job_id_seq TO collector_writer;
GRANT SELECT ON TABLE public.collector_schema_migrations TO collector_writer;
DO $temporary$
BEGIN
    EXECUTE pg_catalog.format('GRANT TEMPORARY ON DATABASE %I TO collector_writer', pg_catalog.current_database());
END
$temporary$;
