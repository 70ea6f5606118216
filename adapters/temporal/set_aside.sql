-- What the dispatcher could not tell Temporal of, for whoever repairs it. Nothing is changed here.

-- name: set_aside
-- description: The cases and meetings that were set aside, the longest first.
SELECT case_id, after_position, reason, since FROM dispatch.untold ORDER BY since, case_id;
