-- name: create
-- description: Make the table of a build.
CREATE TABLE build.actions (
    action_id      uuid        NOT NULL,
    case_id        uuid        NOT NULL,
    agency         text        NOT NULL,
    owner          text        NOT NULL,
    state          text        NOT NULL,
    open           boolean     NOT NULL,
    due_at         timestamptz NOT NULL,
    marked_overdue boolean     NOT NULL,
    escalated_to   integer     NOT NULL,
    blocker_id     uuid,
    stage          text        NOT NULL,
    programme      text        NOT NULL,
    forum          text,
    neighbourhood  text,
    PRIMARY KEY (case_id, action_id)
);
COMMENT ON COLUMN build.actions.owner IS 'staff: may be a name';
COMMENT ON COLUMN build.actions.marked_overdue IS 'the engine has recorded that the time ran out';

-- name: index
-- description: Make what only questions need.
CREATE INDEX ON build.actions (due_at, case_id, action_id) WHERE open;
CREATE INDEX ON build.actions (agency, due_at, case_id, action_id);
CREATE INDEX ON build.actions (owner, due_at, case_id, action_id);
ANALYZE build.actions;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.actions;
CREATE VIEW read.actions AS SELECT * FROM build.actions;

-- name: forget
-- description: Remove what the events of these cases have made.
DELETE FROM build.actions WHERE case_id = ANY ($1::uuid[]);

-- name: page
-- description: Actions, those due first at the top, after the cursor ($11, $12, $13) of the page before, at most $14.
-- Overdue is an open one whose date has passed by $1. Filters, each may be null: $2 open, $3 overdue, $4 escalated,
-- $5 blocked, $6 agency, $7 owner, $8 forum, $9 programme, $10 case.
SELECT action_id, case_id, agency, owner, state, open, due_at, open AND due_at <= $1::timestamptz AS overdue,
       marked_overdue, escalated_to, blocker_id, stage, programme, forum, neighbourhood
FROM read.actions
WHERE ($2::boolean IS NULL OR open = $2)
  AND ($3::boolean IS NULL OR (open AND due_at <= $1) = $3)
  AND ($4::boolean IS NULL OR (escalated_to > 0) = $4)
  AND ($5::boolean IS NULL OR (blocker_id IS NOT NULL) = $5)
  AND ($6::text IS NULL OR agency = $6)
  AND ($7::text IS NULL OR owner = $7)
  AND ($8::text IS NULL OR forum = $8)
  AND ($9::text IS NULL OR programme = $9)
  AND ($10::uuid IS NULL OR case_id = $10)
  AND ($11::timestamptz IS NULL OR (due_at, case_id, action_id) > ($11, $12::uuid, $13::uuid))
ORDER BY due_at, case_id, action_id
LIMIT $14;

-- name: count
-- description: How many actions pass the filters of `page`, counted up to $11.
SELECT count(*)
FROM (
    SELECT
    FROM read.actions
    WHERE ($2::boolean IS NULL OR open = $2)
      AND ($3::boolean IS NULL OR (open AND due_at <= $1::timestamptz) = $3)
      AND ($4::boolean IS NULL OR (escalated_to > 0) = $4)
      AND ($5::boolean IS NULL OR (blocker_id IS NOT NULL) = $5)
      AND ($6::text IS NULL OR agency = $6)
      AND ($7::text IS NULL OR owner = $7)
      AND ($8::text IS NULL OR forum = $8)
      AND ($9::text IS NULL OR programme = $9)
      AND ($10::uuid IS NULL OR case_id = $10)
    LIMIT $11
) AS counted;
