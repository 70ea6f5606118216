-- name: create
-- description: Make the table of a build.
CREATE TABLE build.waiting_list (
    case_id         uuid        PRIMARY KEY,
    programme       text        NOT NULL,
    forum           text,
    neighbourhood   text,
    band            text        NOT NULL,
    joined_at       timestamptz NOT NULL,
    check_due_at    timestamptz,
    check_asked     boolean     NOT NULL,
    check_missed    boolean     NOT NULL,
    priority_due_at timestamptz,
    waits_too_long  boolean     NOT NULL,
    offered_worker  uuid
);

-- name: index
-- description: Make what only questions need.
ANALYZE build.waiting_list;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.waiting_list;
CREATE VIEW read.waiting_list AS SELECT * FROM build.waiting_list;

-- name: forget
-- description: Remove what the events of these cases have made.
DELETE FROM build.waiting_list WHERE case_id = ANY ($1::uuid[]);

-- name: waiting_list
-- description: Everybody who waits, forum by forum, first in line first. Parameters: programme, forum and band; each may
-- be null.
SELECT place, case_id, programme, forum, neighbourhood, band, joined_at, check_due_at, check_asked, check_missed,
       priority_due_at, waits_too_long, offered_worker
FROM (
    SELECT w.*,
           row_number() OVER (PARTITION BY programme, forum ORDER BY band, joined_at, case_id::text) AS place
    FROM read.waiting_list AS w
) AS line
WHERE ($1::text IS NULL OR programme = $1)
  AND ($2::text IS NULL OR forum = $2)
  AND ($3::text IS NULL OR band = $3)
ORDER BY programme, forum NULLS LAST, place;
