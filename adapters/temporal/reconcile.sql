-- Which cases there are; their events are read through the log.

-- name: cases
-- description: The cases after an id, in the order of their ids. A stream is a case's if its first event is ($1).
SELECT originator_id FROM log.event
WHERE originator_version = 1 AND originator_id > $2 AND topic = ANY ($1)
ORDER BY originator_id
LIMIT $3;

-- name: dispatched
-- description: How far the dispatcher has told Temporal.
SELECT coalesce(max("position"), 0) FROM dispatch.position WHERE name = $1;
