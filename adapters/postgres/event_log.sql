-- name: answer_to
-- What a command wrote.
SELECT notification_id AS position, originator_id AS stream_id, originator_version AS version,
       topic, event_id, metadata ->> 'command' AS command, (metadata ->> 'recorded_at')::timestamptz AS recorded_at,
       metadata ->> 'body_digest' AS body_digest
FROM log.event
WHERE command_id = $1
ORDER BY notification_id;

-- name: digest_key
-- By which the digests of commands' bodies are made.
SELECT key FROM log.digest_key;

-- name: load
-- What a decision needs of one stream: the first four columns are what the codec reads, in its order.
SELECT topic, state, metadata, notification_id, originator_version
FROM log.event
WHERE originator_id = $1
ORDER BY originator_version;

-- name: load_all
-- The same of several streams, one after the other, each with its id; stream by stream for the reason of `read_streams`.
SELECT event.*, wanted.stream_id
FROM unnest($1::uuid[]) AS wanted (stream_id)
CROSS JOIN LATERAL (
    SELECT topic, state, metadata, notification_id
    FROM log.event
    WHERE originator_id = wanted.stream_id
    ORDER BY originator_version
    OFFSET 0
) AS event;

-- name: read_stream
-- One stream from after a version, up to a position of the log; so many of it, or all.
SELECT originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
FROM log.event
WHERE originator_id = $1 AND originator_version > $2 AND notification_id <= $3
ORDER BY originator_version
LIMIT $4;

-- name: read_all
-- The whole log from after a position.
SELECT originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
FROM log.event
WHERE notification_id > $1
ORDER BY notification_id
LIMIT $2;

-- name: head
-- The last position.
SELECT coalesce(max(notification_id), 0) FROM log.event;

-- name: people_with
-- Who holds at least one of the identity keys.
SELECT DISTINCT held.person_id
FROM unnest($1::text[], $2::text[]) AS wanted (kind, value)
JOIN log.identity_key AS held ON held.kind = wanted.kind AND held.value = wanted.value;

-- name: key_workers_registered
-- Every registration of a key worker.
SELECT originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
FROM log.event
WHERE topic = 'KeyWorkerRegistered'
ORDER BY notification_id;

-- name: may_be_waiting
-- Cases that joined the waiting list, or were opened again, and did not leave the list since by an event of its own.
SELECT originator_id AS case_id
FROM log.event
WHERE topic IN ('WaitingListJoined', 'WaitingListLeft', 'CaseReopened', 'MergeReversed')
GROUP BY originator_id
HAVING (array_agg(topic ORDER BY notification_id DESC))[1] <> 'WaitingListLeft'
ORDER BY max(notification_id);

-- name: read_stored
-- The whole log from after a position, with the events of the topics $3 and the envelopes of the topics $4; null is all.
-- The first five columns are those of `load`; an envelope is sent once, as the last where it is wanted itself.
SELECT topic,
       CASE WHEN $3::text[] IS NULL OR topic = ANY ($3) THEN state END AS state,
       CASE WHEN ($3::text[] IS NULL OR topic = ANY ($3)) AND topic <> ALL ($4) THEN metadata END AS of_event,
       notification_id, originator_version, originator_id, event_id, command_id,
       CASE WHEN $4::text[] IS NULL OR topic = ANY ($4) THEN metadata END AS metadata
FROM log.event
WHERE notification_id > $1
ORDER BY notification_id
LIMIT $2;

-- name: read_streams
-- Whole streams up to a position of the log, each in its order; the columns are those of `read_stored`. Stream by stream,
-- because a plan for an unknown number of them might go through the whole log.
SELECT event.*
FROM unnest($1::uuid[]) AS wanted (stream_id)
CROSS JOIN LATERAL (
    SELECT topic, state, NULL::json AS of_event, notification_id,
           originator_version, originator_id, event_id, command_id, metadata
    FROM log.event
    WHERE originator_id = wanted.stream_id AND notification_id <= $2
    ORDER BY originator_version
    OFFSET 0
) AS event;
