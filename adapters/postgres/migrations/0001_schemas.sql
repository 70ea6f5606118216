-- What the product keeps in a database, and what its application role ccp_app may do there.
-- The role itself belongs to the whole server, not to this database: migrate.sql makes it.

-- The event log: the only truth.
CREATE SCHEMA log;
GRANT USAGE ON SCHEMA log TO ccp_app;

-- Read models: derived, made and remade by the application itself.
CREATE SCHEMA read;
GRANT USAGE, CREATE ON SCHEMA read TO ccp_app;

-- How far the dispatcher has told Temporal.
CREATE SCHEMA dispatch;
GRANT USAGE ON SCHEMA dispatch TO ccp_app;
