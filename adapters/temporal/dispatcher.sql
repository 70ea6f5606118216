-- How far the dispatcher has told Temporal of the log. Names and positions; no event is read here.

-- name: do_not_wait_for_the_disk
-- description: Saving is quick: what a crash loses of the position is told again.
SELECT set_config('synchronous_commit', 'off', false);

-- name: begin
-- description: Makes sure that there is a position to move.
INSERT INTO dispatch.position (name, "position") VALUES ($1, 0) ON CONFLICT DO NOTHING;

-- name: position
-- description: The last position that was told under this name.
SELECT "position" FROM dispatch.position WHERE name = $1;

-- name: advance
-- description: Keeps how far this dispatcher has come, if the position is where this dispatcher left it ($2).
UPDATE dispatch.position SET "position" = $3 WHERE name = $1 AND "position" = $2 RETURNING "position";

-- name: untold
-- description: The cases that could not be told of.
SELECT case_id, after_position, reason FROM dispatch.untold WHERE name = $1;

-- name: set_aside
-- description: Notes a case that could not be told of.
INSERT INTO dispatch.untold (name, case_id, after_position, reason) VALUES ($1, $2, $3, $4)
ON CONFLICT (name, case_id) DO UPDATE SET reason = excluded.reason;

-- name: make_good
-- description: Notes that a case was told of after all.
DELETE FROM dispatch.untold WHERE name = $1 AND case_id = $2;
