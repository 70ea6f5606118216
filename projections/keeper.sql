-- name: begin_session
-- description: Set up the session of whoever keeps builds. A commit does not wait for the disk: rows and position are lost
-- together, if at all. Rows are found by index, since plans are made while a table is empty and kept while it grows.
SELECT set_config('synchronous_commit', 'off', false), set_config('enable_seqscan', 'off', false),
       set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false);

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
-- not there any more. Whoever waits for those that answer is told once this transaction is done.
WITH advanced AS (
    UPDATE read.build AS b
    SET position = $4, applied_at = now()
    FROM unnest($1::text[], $2::integer[]) AS moved (name, build)
    WHERE b.name = moved.name AND b.build = moved.build AND b.position = $3 AND b.stage <> 'retired'
    RETURNING b.name, b.parked, b.stage
)
SELECT name, parked, CASE WHEN stage = 'serving' THEN pg_notify('ccp_read', name || ' ' || $4::bigint) END AS told
FROM advanced;
