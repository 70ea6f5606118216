-- name: create
-- description: Make the tables of a build.
CREATE TABLE build.caseload_worker (
    worker_id       uuid             PRIMARY KEY,
    staff_ref       text             NOT NULL,
    display_name    text             NOT NULL,
    agency          text             NOT NULL,
    programme       text             NOT NULL,
    forums          text[]           NOT NULL,
    grade           text             NOT NULL,
    active_from     date             NOT NULL,
    active_until    date,
    soft_limit      integer          NOT NULL,
    hard_limit      integer          NOT NULL,
    capacity_points double precision NOT NULL,
    absent_from     date,
    absent_until    date
);
COMMENT ON COLUMN build.caseload_worker.staff_ref IS 'staff: may be a name';
COMMENT ON COLUMN build.caseload_worker.display_name IS 'staff: a name';
CREATE TABLE build.caseload_carried (
    worker_id uuid    NOT NULL,
    case_id   uuid    NOT NULL,
    points    integer NOT NULL,
    PRIMARY KEY (worker_id, case_id)
);
-- The cases that are not closed. Every step of one changes its row: room for that without touching the index.
CREATE TABLE build.caseload_stage (
    case_id uuid PRIMARY KEY,
    stage   text NOT NULL
) WITH (fillfactor = 60);

CREATE TABLE build.caseload_cover (
    case_id   uuid PRIMARY KEY,
    worker_id uuid NOT NULL,
    until     date NOT NULL
);
COMMENT ON COLUMN build.caseload_cover.worker_id IS 'who answers for the case while its key worker is away';

-- name: index
-- description: Make what only questions need.
CREATE INDEX ON build.caseload_cover (worker_id);
ANALYZE build.caseload_worker, build.caseload_carried, build.caseload_stage, build.caseload_cover;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.caseload_worker, read.caseload_carried, read.caseload_stage, read.caseload_cover;
CREATE VIEW read.caseload_worker AS SELECT * FROM build.caseload_worker;
CREATE VIEW read.caseload_carried AS SELECT * FROM build.caseload_carried;
CREATE VIEW read.caseload_stage AS SELECT * FROM build.caseload_stage;
CREATE VIEW read.caseload_cover AS SELECT * FROM build.caseload_cover;

-- name: forget
-- description: Remove what the events of these workers and cases have made.
WITH worker AS (DELETE FROM build.caseload_worker WHERE worker_id = ANY ($1::uuid[])),
     carried AS (DELETE FROM build.caseload_carried WHERE worker_id = ANY ($1::uuid[])),
     cover AS (DELETE FROM build.caseload_cover WHERE case_id = ANY ($1::uuid[]))
DELETE FROM build.caseload_stage WHERE case_id = ANY ($1::uuid[]);

-- name: stages
-- description: The stages that these cases are in.
SELECT case_id, stage FROM build.caseload_stage WHERE case_id = ANY ($1::uuid[]);

-- name: put_stages
-- description: Write the stages of cases.
INSERT INTO build.caseload_stage (case_id, stage)
SELECT case_id, stage FROM unnest($1::uuid[], $2::text[]) AS new (case_id, stage)
ON CONFLICT (case_id) DO UPDATE SET stage = excluded.stage;

-- name: drop_stages
-- description: Remove cases that are closed.
DELETE FROM build.caseload_stage WHERE case_id = ANY ($1::uuid[]);

-- name: drop_covers
-- description: Forget who covers for these cases, before it is written anew.
DELETE FROM build.caseload_cover WHERE case_id = ANY ($1::uuid[]);

-- name: drop_workers
-- description: Remove these workers, before they are written as they registered.
DELETE FROM build.caseload_worker WHERE worker_id = ANY ($1::uuid[]);

-- name: put_last_days
-- description: Write on which day workers leave the pool.
UPDATE build.caseload_worker AS worker
SET active_until = new.last_day
FROM unnest($1::uuid[], $2::date[]) AS new (worker_id, last_day)
WHERE worker.worker_id = new.worker_id;

-- name: put_absences
-- description: Write from which day workers are away, and until which if that is known; nothing for those who are back.
UPDATE build.caseload_worker AS worker
SET absent_from = new.first_day, absent_until = new.last_day
FROM unnest($1::uuid[], $2::date[], $3::date[]) AS new (worker_id, first_day, last_day)
WHERE worker.worker_id = new.worker_id;

-- name: put_carried
-- description: Write which cases workers carry, with their points.
INSERT INTO build.caseload_carried (worker_id, case_id, points)
SELECT worker_id, case_id, points FROM unnest($1::uuid[], $2::uuid[], $3::integer[]) AS new (worker_id, case_id, points)
ON CONFLICT (worker_id, case_id) DO UPDATE SET points = excluded.points;

-- name: drop_carried
-- description: Remove cases from the workers who carried them.
DELETE FROM build.caseload_carried AS carried
USING unnest($1::uuid[], $2::uuid[]) AS gone (worker_id, case_id)
WHERE carried.worker_id = gone.worker_id AND carried.case_id = gone.case_id;

-- name: caseloads
-- description: Every key worker, and per stage how many cases they carry and what these weigh. Parameters: programme,
-- forum, agency, worker, and a day on which the worker is active or still carries cases; each may be null. The stages
-- are looked up case by case, among those that are not closed: how many there have ever been does not matter.
SELECT w.worker_id, w.staff_ref, w.display_name, w.agency, w.programme, w.forums, w.grade, w.active_from,
       w.active_until, w.soft_limit, w.hard_limit, w.capacity_points, w.absent_from, w.absent_until,
       (SELECT count(*) FROM read.caseload_cover AS v WHERE v.worker_id = w.worker_id) AS covering,
       c.stage, count(c.case_id) AS cases, coalesce(sum(c.points), 0) AS points
FROM read.caseload_worker AS w
LEFT JOIN LATERAL (
    SELECT carried.case_id, carried.points,
           (SELECT s.stage FROM read.caseload_stage AS s WHERE s.case_id = carried.case_id) AS stage
    FROM read.caseload_carried AS carried
    WHERE carried.worker_id = w.worker_id
    OFFSET 0
) AS c ON true
WHERE ($1::text IS NULL OR w.programme = $1)
  AND ($2::text IS NULL OR $2 = ANY (w.forums))
  AND ($3::text IS NULL OR w.agency = $3)
  AND ($4::uuid IS NULL OR w.worker_id = $4)
  AND (
      $5::date IS NULL
      OR c.case_id IS NOT NULL
      OR (w.active_from <= $5 AND (w.active_until IS NULL OR w.active_until >= $5))
  )
GROUP BY w.worker_id, w.staff_ref, w.display_name, w.agency, w.programme, w.forums, w.grade, w.active_from,
         w.active_until, w.soft_limit, w.hard_limit, w.capacity_points, w.absent_from, w.absent_until, c.stage
ORDER BY w.display_name, w.worker_id, c.stage;

-- name: workload
-- description: What each case on each caseload weighs, the heaviest first. Parameters: programme, forum and worker; each
-- may be null.
SELECT w.worker_id, w.display_name, carried.case_id, carried.points, w.capacity_points,
       (SELECT s.stage FROM read.caseload_stage AS s WHERE s.case_id = carried.case_id) AS stage,
       sum(carried.points) OVER (PARTITION BY w.worker_id) AS points_in_all,
       cover.worker_id AS covered_by, cover.until AS covered_until
FROM read.caseload_worker AS w
JOIN read.caseload_carried AS carried ON carried.worker_id = w.worker_id
LEFT JOIN read.caseload_cover AS cover ON cover.case_id = carried.case_id
WHERE ($1::text IS NULL OR w.programme = $1)
  AND ($2::text IS NULL OR $2 = ANY (w.forums))
  AND ($3::uuid IS NULL OR w.worker_id = $3)
ORDER BY w.display_name, w.worker_id, carried.points DESC, carried.case_id;
