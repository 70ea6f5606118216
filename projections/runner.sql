-- name: take_turn
-- description: Wait until nobody else makes tables; the turn ends with the transaction. $1 is the product's lock number.
SELECT pg_advisory_xact_lock($1::integer, 0);

-- name: exists
-- description: Whether the table of positions is there.
SELECT to_regclass('read.position') IS NOT NULL;

-- name: create
-- description: Make the table of positions: how far each version of each read model has come.
CREATE TABLE IF NOT EXISTS read.position (
    name       text        NOT NULL,
    version    integer     NOT NULL,
    position   bigint      NOT NULL CHECK (position >= 0),
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version)
);

-- name: enter
-- description: Begin a version of a read model at the beginning of the log, unless it has begun.
INSERT INTO read.position (name, version, position) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING;

-- name: positions
-- description: How far every version of every read model has come.
SELECT name, version, position FROM read.position;

-- name: advance
-- description: Move a read model from the position where it was to the next; nothing if it is not there any more.
UPDATE read.position
SET position = $4, applied_at = now()
WHERE name = $1 AND version = $2 AND position = $3
RETURNING position;

-- name: restart
-- description: Put a read model back to the beginning of the log.
UPDATE read.position SET position = 0, applied_at = now() WHERE name = $1 AND version = $2;

-- name: claim
-- description: Try to become the one who keeps a read model, for as long as this session lasts. $1 is the product's lock
-- number, $2 the model's name with its version.
SELECT pg_try_advisory_lock($1::integer, hashtext($2));

-- name: release
-- description: Let somebody else keep a read model.
SELECT pg_advisory_unlock($1::integer, hashtext($2));

-- name: announce
-- description: Tell whoever waits, once this transaction is done, that a read model moved.
SELECT pg_notify('ccp_read', $1 || ' ' || $2::bigint);
