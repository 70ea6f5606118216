-- name: take_turn
-- One migration at a time in a database; held until the connection ends.
SELECT pg_advisory_lock(7226420741);

-- name: ensure_role
-- The application role belongs to the whole server, so another database's migration may make it at the same moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ccp_app') THEN
        CREATE ROLE ccp_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
END
$$;

-- name: may_act_as_app
-- Whether this login may do SET ROLE ccp_app.
SELECT pg_has_role(current_user, 'ccp_app', 'SET');

-- name: join_role
-- The application may connect as the owner of the database; it then acts as ccp_app.
GRANT ccp_app TO CURRENT_USER;

-- name: ensure_record
-- The record of what was applied.
DO $$
BEGIN
    IF to_regclass('migration.applied') IS NULL THEN
        CREATE SCHEMA migration;
        CREATE TABLE migration.applied (
            number     integer     PRIMARY KEY,
            name       text        NOT NULL,
            checksum   text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
    END IF;
END
$$;

-- name: applied
-- What was applied, in order.
SELECT number, name, checksum FROM migration.applied ORDER BY number;

-- name: record
-- Record one migration, in the transaction that applies it.
INSERT INTO migration.applied (number, name, checksum) VALUES ($1, $2, $3);
