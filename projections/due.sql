-- name: create
-- description: Make the tables of a build.
CREATE TABLE build.due (
    stream_id      uuid        NOT NULL,
    item           text        NOT NULL,
    case_id        uuid,
    meeting_id     uuid,
    action_id      uuid,
    clock          text        NOT NULL,
    what           text        NOT NULL,
    role           text,
    agency         text,
    worker_id      uuid,
    owner          text,
    programme      text        NOT NULL,
    forum          text,
    neighbourhood  text,
    stage          text        NOT NULL,
    urgency        text        NOT NULL,
    due_at         timestamptz NOT NULL,
    marked_overdue boolean     NOT NULL,
    PRIMARY KEY (stream_id, item)
);
COMMENT ON COLUMN build.due.owner IS 'staff: the owner of an action, may be a name';
COMMENT ON COLUMN build.due.marked_overdue IS 'the engine has recorded that the time ran out';
CREATE TABLE build.due_worker (
    worker_id    uuid PRIMARY KEY,
    staff_ref    text NOT NULL,
    display_name text NOT NULL,
    agency       text NOT NULL
);
COMMENT ON COLUMN build.due_worker.staff_ref IS 'staff: may be a name';
COMMENT ON COLUMN build.due_worker.display_name IS 'staff: a name';

-- name: index
-- description: Make what only questions need.
CREATE INDEX ON build.due (due_at, stream_id, item);
CREATE INDEX ON build.due (forum, due_at, stream_id, item);
CREATE INDEX ON build.due (worker_id, due_at, stream_id, item) WHERE worker_id IS NOT NULL;
ANALYZE build.due, build.due_worker;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.due, read.due_worker;
CREATE VIEW read.due AS SELECT * FROM build.due;
CREATE VIEW read.due_worker AS SELECT * FROM build.due_worker;

-- name: forget
-- description: Remove what the events of these cases, meetings and workers have made.
WITH worker AS (DELETE FROM build.due_worker WHERE worker_id = ANY ($1::uuid[]))
DELETE FROM build.due WHERE stream_id = ANY ($1::uuid[]);

-- name: drop
-- description: Forget what is due for these cases and meetings.
DELETE FROM build.due WHERE stream_id = ANY ($1::uuid[]);

-- name: drop_workers
-- description: Remove who these key workers are, before it is written anew.
DELETE FROM build.due_worker WHERE worker_id = ANY ($1::uuid[]);

-- name: page
-- description: What is due, soonest first, after the cursor ($9, $10, $11) of the page before, at most $12. Overdue is
-- what ran out by $1. Filters, each may be null: $2 forum, $3 role, $4 agency, $5 key worker, $6 until an instant, $7
-- programme, $8 case.
SELECT d.stream_id, d.item, d.case_id, d.meeting_id, d.action_id, d.clock, d.what, d.role,
       coalesce(d.agency, w.agency) AS agency, d.worker_id, w.display_name AS worker_name, d.owner, d.programme,
       d.forum, d.neighbourhood, d.stage, d.urgency, d.due_at, d.due_at <= $1::timestamptz AS overdue, d.marked_overdue
FROM read.due AS d
LEFT JOIN read.due_worker AS w ON w.worker_id = d.worker_id
WHERE ($2::text IS NULL OR d.forum = $2)
  AND ($3::text IS NULL OR d.role = $3)
  AND ($4::text IS NULL OR coalesce(d.agency, w.agency) = $4)
  AND (
      $5::uuid IS NULL
      OR d.worker_id = $5
      OR d.owner = (SELECT me.staff_ref FROM read.due_worker AS me WHERE me.worker_id = $5)
  )
  AND ($6::timestamptz IS NULL OR d.due_at <= $6)
  AND ($7::text IS NULL OR d.programme = $7)
  AND ($8::uuid IS NULL OR d.stream_id = $8)
  AND ($9::timestamptz IS NULL OR (d.due_at, d.stream_id, d.item) > ($9, $10::uuid, $11::text))
ORDER BY d.due_at, d.stream_id, d.item
LIMIT $12;

-- name: count
-- description: How many things are due under the filters of `page`, counted up to $8: $1 forum, $2 role, $3 agency, $4 key
-- worker, $5 until an instant, $6 programme, $7 case.
SELECT count(*)
FROM (
    SELECT
    FROM read.due AS d
    LEFT JOIN read.due_worker AS w ON w.worker_id = d.worker_id
    WHERE ($1::text IS NULL OR d.forum = $1)
      AND ($2::text IS NULL OR d.role = $2)
      AND ($3::text IS NULL OR coalesce(d.agency, w.agency) = $3)
      AND (
          $4::uuid IS NULL
          OR d.worker_id = $4
          OR d.owner = (SELECT me.staff_ref FROM read.due_worker AS me WHERE me.worker_id = $4)
      )
      AND ($5::timestamptz IS NULL OR d.due_at <= $5)
      AND ($6::text IS NULL OR d.programme = $6)
      AND ($7::uuid IS NULL OR d.stream_id = $7)
    LIMIT $8
) AS counted;
