-- name: light_commits
-- description: Do not wait for the disk at each commit of this session. Rows and position are lost together, if at all.
SET synchronous_commit = off;

-- name: claim
-- description: Try to become the one who keeps these builds, for as long as this session lasts, and say which it got. $1 is
-- the product's lock number, $2 the builds' names.
SELECT wanted.name
FROM unnest($2::text[]) AS wanted (name)
WHERE pg_try_advisory_lock($1::integer, hashtext(wanted.name));

-- name: release
-- description: Let somebody else keep a build.
SELECT pg_advisory_unlock($1::integer, hashtext($2));

-- name: advance
-- description: Move builds (names $1, numbers $2) from the position $3 where they were to $4; nothing of a build that is
-- not there any more.
UPDATE read.build AS b
SET position = $4, applied_at = now()
FROM unnest($1::text[], $2::integer[]) AS moved (name, build)
WHERE b.name = moved.name AND b.build = moved.build AND b.position = $3 AND b.stage <> 'retired'
RETURNING b.name, b.parked;

-- name: announce
-- description: Tell whoever waits, once this transaction is done, where read models are now.
SELECT pg_notify('ccp_read', moved.name || ' ' || $2::bigint) FROM unnest($1::text[]) AS moved (name);
