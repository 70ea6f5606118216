-- name: take_turn
-- description: Wait until nobody else makes tables; the turn ends with the transaction. $1 is the product's lock number.
SELECT pg_advisory_xact_lock($1::integer, 0);

-- name: exists
-- description: Whether the list of builds is there.
SELECT to_regclass('read.build') IS NOT NULL;

-- name: create
-- description: Make the list of builds and of what is parked, and the means to remove the tables of a build.
CREATE TABLE IF NOT EXISTS read.build (
    name       text        NOT NULL,
    build      integer     NOT NULL,
    version    integer     NOT NULL,
    stage      text        NOT NULL CHECK (stage IN ('building', 'serving', 'retired')),
    tables     text[]      NOT NULL,
    indexed    boolean     NOT NULL,
    position   bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    parked     integer     NOT NULL DEFAULT 0,
    begun_at   timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, build)
) WITH (fillfactor = 50);
COMMENT ON TABLE read.build IS 'Every set of tables of a read model, how far it has come, and which one answers questions.';
CREATE UNIQUE INDEX IF NOT EXISTS build_serving ON read.build (name) WHERE stage = 'serving';
CREATE TABLE IF NOT EXISTS read.dead_letter (
    projection     text        NOT NULL,
    build          integer     NOT NULL,
    version        integer     NOT NULL,
    stream_id      uuid        NOT NULL,
    first_position bigint      NOT NULL,
    reason         text        NOT NULL,
    since          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, build, stream_id)
);
COMMENT ON TABLE read.dead_letter IS 'Streams that a build could not apply from a position on; the others went on.';
CREATE OR REPLACE FUNCTION read.drop_tables(tables text[]) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY tables LOOP
        EXECUTE format('DROP TABLE IF EXISTS read.%I CASCADE', one);
    END LOOP;
END
$$;

-- name: all
-- description: Every build of every read model.
SELECT name, build, version, stage, tables, indexed, position, parked, begun_at, applied_at
FROM read.build
ORDER BY name, build;

-- name: of_model
-- description: The builds of one read model; nobody moves or changes them until the transaction ends.
SELECT name, build, version, stage, tables, indexed, position, parked, begun_at, applied_at
FROM read.build
WHERE name = $1
ORDER BY build
FOR UPDATE;

-- name: serving
-- description: How far the builds that answer questions have come.
SELECT name, position FROM read.build WHERE stage = 'serving';

-- name: enter
-- description: Enter a new build: $1 name, $2 build, $3 version, $4 stage, $5 tables, $6 whether it has its indexes.
INSERT INTO read.build (name, build, version, stage, tables, indexed) VALUES ($1, $2, $3, $4, $5, $6);

-- name: set_indexed
-- description: Write that a build has its indexes.
UPDATE read.build SET indexed = true WHERE name = $1 AND build = $2;

-- name: retire
-- description: Write that a build is not needed any more.
UPDATE read.build SET stage = 'retired' WHERE name = $1 AND build = $2;

-- name: serve
-- description: Write that a build answers questions from now on.
UPDATE read.build SET stage = 'serving' WHERE name = $1 AND build = $2;

-- name: retired
-- description: The builds whose tables can be removed.
SELECT name, build FROM read.build WHERE stage = 'retired' ORDER BY name, build;

-- name: remove
-- description: Remove a retired build with its tables and what was parked of it.
WITH gone AS (DELETE FROM read.build WHERE name = $1 AND build = $2 AND stage = 'retired' RETURNING tables),
     letters AS (DELETE FROM read.dead_letter WHERE projection = $1 AND build = $2)
SELECT read.drop_tables(gone.tables) FROM gone;

-- name: be_brief
-- description: Give up soon when others hold what this transaction wants, well before the server looks for deadlocks.
SET LOCAL lock_timeout = '200ms';
