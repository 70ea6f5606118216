-- name: take_turn
-- Nobody appends until this transaction ends.
LOCK TABLE log.turn IN EXCLUSIVE MODE;

-- name: held
-- Every place that is taken.
SELECT scope, key, holder FROM log.reservation;

-- name: events
-- The events of some topics after a position, with what the codec reads of an event.
SELECT topic, state, metadata, notification_id, originator_version
FROM log.event
WHERE topic = ANY ($1::text[]) AND notification_id > $2
ORDER BY notification_id
LIMIT $3;

-- name: forget
-- No place is taken.
DELETE FROM log.reservation;

-- name: hold
-- One place is taken.
INSERT INTO log.reservation (scope, key, holder) VALUES ($1, $2, $3);
