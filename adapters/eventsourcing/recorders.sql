-- name: stream
-- One stream upwards, from after a version, up to another.
SELECT originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
FROM log.event
WHERE originator_id = $1 AND originator_version > $2 AND originator_version <= $3
ORDER BY originator_version
LIMIT $4;

-- name: stream_downwards
-- The same from its end.
SELECT originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
FROM log.event
WHERE originator_id = $1 AND originator_version > $2 AND originator_version <= $3
ORDER BY originator_version DESC
LIMIT $4;

-- name: notifications
-- The whole log from after a position, up to another, of some topics if any are named.
SELECT originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
FROM log.event
WHERE notification_id > $1 AND notification_id <= $2 AND ($3::text[] IS NULL OR topic = ANY ($3))
ORDER BY notification_id
LIMIT $4;

-- name: last_position
-- The last position of the log, if anything is in it.
SELECT max(notification_id) FROM log.event;

-- name: positions_of_command
-- Where the events of a command stand.
SELECT notification_id FROM log.event WHERE command_id = $1 ORDER BY notification_id;

-- name: snapshots
-- The snapshots of one stream upwards, from after a version, up to another.
SELECT originator_id, originator_version, topic, state
FROM log.snapshot
WHERE originator_id = $1 AND originator_version > $2 AND originator_version <= $3
ORDER BY originator_version
LIMIT $4;

-- name: snapshots_downwards
-- The same from the latest.
SELECT originator_id, originator_version, topic, state
FROM log.snapshot
WHERE originator_id = $1 AND originator_version > $2 AND originator_version <= $3
ORDER BY originator_version DESC
LIMIT $4;

-- name: keep_snapshots
-- Keep snapshots, all or, when one of them is there already, none.
INSERT INTO log.snapshot (originator_id, originator_version, topic, state)
SELECT new.originator_id, new.originator_version, new.topic, new.state
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[])
    AS new (originator_id, originator_version, topic, state);

-- name: track
-- Move the position in another application's log; forwards only, else there is no row.
INSERT INTO log.tracking AS known (application_name, notification_id)
VALUES ($1, $2)
ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id
WHERE known.notification_id < excluded.notification_id
RETURNING notification_id;

-- name: tracked
-- The position in another application's log, if any was kept.
SELECT max(notification_id) FROM log.tracking WHERE application_name = $1;
