-- Messages to people: written from the log, delivered, retried and asked for. Codes, identifiers and instants only.

-- name: position
-- description: Up to where in the log messages are written.
SELECT "position" FROM outbox.position WHERE name = $1;

-- name: advance
-- description: Moves the position, if it is where this sender left it ($2).
UPDATE outbox.position SET "position" = $3 WHERE name = $1 AND "position" = $2 RETURNING "position";

-- name: write
-- description: Adds messages that are to be delivered at once; one that is there already stays as it is.
INSERT INTO outbox.message (message_id, "position", event_id, recipient, agency, worker_id, about, case_id, meeting_id, at,
                            correlation_id, tries_left, next_attempt_at)
SELECT *, $12::integer, now()
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::uuid[], $9::uuid[],
            $10::timestamptz[], $11::uuid[])
ON CONFLICT (message_id) DO NOTHING;

-- name: retry
-- description: Lets messages that were not delivered be tried anew; to one that was delivered nothing happens.
UPDATE outbox.message SET tries_left = $2, next_attempt_at = now()
WHERE message_id = ANY ($1::uuid[]) AND delivered_at IS NULL;

-- name: set_aside
-- description: Notes events that cannot be read.
INSERT INTO outbox.unread ("position", reason) SELECT * FROM unnest($1::bigint[], $2::text[]) ON CONFLICT DO NOTHING;

-- name: unread
-- description: The events that could not be read, at most $1.
SELECT "position" FROM outbox.unread ORDER BY "position" LIMIT $1;

-- name: make_good
-- description: Notes that an event could be read after all; says whether it had been noted.
DELETE FROM outbox.unread WHERE "position" = $1 RETURNING "position";

-- name: waiting
-- description: What is to be delivered now, in the order of the log, at most $1.
SELECT message_id, recipient, about, agency, worker_id, case_id, meeting_id, at, correlation_id, attempts, tries_left
FROM outbox.message
WHERE next_attempt_at <= now()
ORDER BY "position", message_id
LIMIT $1;

-- name: next_attempt
-- description: In how many seconds the next attempt is due; null when nothing waits.
SELECT extract(epoch FROM min(next_attempt_at) - now())::double precision
FROM outbox.message
WHERE next_attempt_at IS NOT NULL;

-- name: delivered
-- description: Notes that messages have arrived.
UPDATE outbox.message SET delivered_at = now(), next_attempt_at = NULL, attempts = attempts + 1
WHERE message_id = ANY ($1::uuid[]) AND delivered_at IS NULL;

-- name: failed
-- description: Notes that an attempt failed with a kind of error ($2), and when the next is due, in $3 seconds; null gives it up.
UPDATE outbox.message
SET attempts = attempts + 1, tries_left = tries_left - 1, last_error = $2,
    next_attempt_at = now() + $3::double precision * interval '1 second'
WHERE message_id = $1 AND delivered_at IS NULL;

-- name: page
-- description: Messages after a place in the order of the log ($1, $2), at most $3. Filters, each may be null: $4 state, $5
-- recipient: a role, an agency or a key worker's id; $6 case.
SELECT *
FROM (
    SELECT message_id, "position", recipient AS "to", about, agency, worker_id, case_id, meeting_id, at, correlation_id,
           attempts, last_error, next_attempt_at, delivered_at,
           CASE WHEN delivered_at IS NOT NULL THEN 'delivered' WHEN next_attempt_at IS NULL THEN 'failed' ELSE 'waiting' END
           AS state
    FROM outbox.message
) AS message
WHERE ("position", message_id) > ($1, $2::uuid)
  AND ($4::text IS NULL OR state = $4)
  AND ($5::text IS NULL OR "to" = $5 OR agency = $5 OR worker_id::text = $5)
  AND ($6::uuid IS NULL OR case_id = $6)
ORDER BY "position", message_id
LIMIT $3;

-- name: one
-- description: Messages whose id begins with $1, at most two.
SELECT message_id, "position", recipient AS "to", about, agency, worker_id, case_id, meeting_id, at, correlation_id,
       attempts, last_error, next_attempt_at, delivered_at,
       CASE WHEN delivered_at IS NOT NULL THEN 'delivered' WHEN next_attempt_at IS NULL THEN 'failed' ELSE 'waiting' END
       AS state
FROM outbox.message
WHERE message_id::text LIKE $1 || '%'
LIMIT 2;
