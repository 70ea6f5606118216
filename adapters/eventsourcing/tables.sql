-- name: take_turn
-- One process at a time makes an application's tables; held to the end of the transaction.
SELECT pg_advisory_xact_lock(7226420742);

-- name: have_events
-- Whether the application's log was made.
SELECT to_regclass('log.event') IS NOT NULL;

-- name: make_schema
-- A schema for the application, which may look into it; its name is taken from that of a table, as where the schema
-- stands before a name it is replaced by the application's.
DO $$
DECLARE
    schema text := split_part('log.event', '.', 1);
BEGIN
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', schema);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ccp_app', schema);
END
$$;

-- name: make_beside
-- What an application keeps beside its events: snapshots, which are no events but copies that may be deleted, and how
-- far it has come in the logs of others. The columns are those of the library `eventsourcing`.
CREATE TABLE IF NOT EXISTS log.snapshot (
    originator_id      uuid   NOT NULL,
    originator_version bigint NOT NULL,
    topic              text   NOT NULL,
    state              bytea  NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
);
CREATE TABLE IF NOT EXISTS log.tracking (
    application_name text   PRIMARY KEY,
    notification_id  bigint NOT NULL
);
GRANT SELECT, INSERT, DELETE ON log.snapshot TO ccp_app;
GRANT SELECT, INSERT, UPDATE ON log.tracking TO ccp_app;
