-- Roles with no more rights than their work needs. Run once as a superuser, connected to the books'
-- database, before the first "tradesync db upgrade"; again is harmless.
--
--   psql -d tradesync -f roles.sql
--   psql -d tradesync -c '\password tradesync_owner'     -- and the others, each with its own
--
-- tradesync_owner   owns the tables: "tradesync db upgrade", backups
-- tradesync_app     syncs, Dagster's code server and runs: every organization, no change of tables
-- tradesync_api     HTTP API and pages: one organization a transaction, few tables to write
-- tradesync_reader  people who look with SQL: every organization, nothing secret, no writing

DO $roles$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tradesync_owner', 'tradesync_app', 'tradesync_api', 'tradesync_reader']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
        EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', name);
    END LOOP;
    -- TEMPORARY: bulk writes go through a temporary table.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO tradesync_owner, tradesync_app, '
        'tradesync_api', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO tradesync_reader', current_database());
END
$roles$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO tradesync_owner;
GRANT USAGE ON SCHEMA public TO tradesync_app, tradesync_api, tradesync_reader;

-- Syncs and readers see every organization; the API says whose rows it may see.
ALTER ROLE tradesync_app SET tradesync.organization = '*';
ALTER ROLE tradesync_reader SET tradesync.organization = '*';
ALTER ROLE tradesync_reader SET default_transaction_read_only = on;
ALTER ROLE tradesync_reader SET statement_timeout = '60s';
ALTER ROLE tradesync_api SET statement_timeout = '60s';
