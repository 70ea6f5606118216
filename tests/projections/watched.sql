-- name: create
-- description: A table for the read model of a test.
CREATE TABLE IF NOT EXISTS read.watched_v1 (position bigint PRIMARY KEY);

-- name: clear
-- description: Forget every row.
DELETE FROM read.watched_v1;

-- name: put
-- description: Write that an event was seen.
INSERT INTO read.watched_v1 (position) VALUES ($1);
