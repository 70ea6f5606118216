-- How far the dispatcher has told Temporal of the log. Names and positions; no event is read here.

-- name: lead
-- description: Becomes the one dispatcher of this database, if there is no other; ends with the connection.
SELECT pg_try_advisory_lock(hashtext('ccp-dispatcher'), hashtext($1));

-- name: position
-- description: The last position that was told under this name.
SELECT "position" FROM dispatch.position WHERE name = $1;

-- name: save_position
-- description: Keeps how far this dispatcher has come.
INSERT INTO dispatch.position (name, "position") VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET "position" = excluded."position";
