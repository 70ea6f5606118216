-- name: of_build
-- description: The streams that a build leaves out, each with the position from which on.
SELECT stream_id, first_position FROM read.dead_letter WHERE projection = $1 AND build = $2;

-- name: park
-- description: Leave streams out of a build: $1 name, $2 build, $3 version, then streams, first positions and reasons.
WITH parked AS (
    INSERT INTO read.dead_letter (projection, build, version, stream_id, first_position, reason)
    SELECT $1, $2, $3, stream_id, first_position, reason
    FROM unnest($4::uuid[], $5::bigint[], $6::text[]) AS new (stream_id, first_position, reason)
    ON CONFLICT DO NOTHING
    RETURNING stream_id
)
UPDATE read.build SET parked = parked + (SELECT count(*) FROM parked) WHERE name = $1 AND build = $2;

-- name: all
-- description: What is parked, of one read model ($1) or of all, and one stream ($2) or all, the longest parked first.
SELECT l.projection, l.build, l.version, l.stream_id, l.first_position, l.reason, l.since
FROM read.dead_letter AS l
JOIN read.build AS b ON b.name = l.projection AND b.build = l.build AND b.stage <> 'retired'
WHERE ($1::text IS NULL OR l.projection = $1) AND ($2::uuid IS NULL OR l.stream_id = $2)
ORDER BY l.since, l.first_position;

-- name: hold
-- description: Keep a build where it is until the transaction ends, and say where that is.
SELECT position FROM read.build WHERE name = $1 AND build = $2 AND stage <> 'retired' FOR UPDATE;

-- name: release
-- description: Write that a stream is not left out any more: $1 name, $2 build, $3 stream.
WITH released AS (
    DELETE FROM read.dead_letter WHERE projection = $1 AND build = $2 AND stream_id = $3 RETURNING stream_id
)
UPDATE read.build SET parked = parked - (SELECT count(*) FROM released) WHERE name = $1 AND build = $2;

-- name: give_reason
-- description: Write why a stream is still left out: $1 name, $2 build, $3 stream, $4 the reason.
UPDATE read.dead_letter SET reason = $4 WHERE projection = $1 AND build = $2 AND stream_id = $3;
