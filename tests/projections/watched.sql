-- name: create
-- description: A table for the read model of a test.
CREATE TABLE build.watched (position bigint PRIMARY KEY, stream_id uuid NOT NULL);

-- name: index
-- description: Nothing is asked of it that needs an index.
ANALYZE build.watched;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.watched;
CREATE VIEW read.watched AS SELECT * FROM build.watched;

-- name: forget
-- description: Remove what the events of these streams have made.
DELETE FROM build.watched WHERE stream_id = ANY ($1::uuid[]);
