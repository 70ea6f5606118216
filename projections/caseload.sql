-- name: create
-- description: Make the tables and the views that the queries read; a change here needs the next version of the model.
CREATE TABLE IF NOT EXISTS read.caseload_worker_v1 (
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
    capacity_points double precision NOT NULL
);
COMMENT ON COLUMN read.caseload_worker_v1.staff_ref IS 'staff: may be a name';
COMMENT ON COLUMN read.caseload_worker_v1.display_name IS 'staff: a name';
CREATE TABLE IF NOT EXISTS read.caseload_carried_v1 (
    worker_id uuid    NOT NULL,
    case_id   uuid    NOT NULL,
    points    integer NOT NULL,
    PRIMARY KEY (worker_id, case_id)
);
CREATE TABLE IF NOT EXISTS read.caseload_stage_v1 (
    case_id uuid PRIMARY KEY,
    stage   text NOT NULL
);
DROP VIEW IF EXISTS read.caseload_worker, read.caseload_carried, read.caseload_stage;
CREATE VIEW read.caseload_worker AS SELECT * FROM read.caseload_worker_v1;
CREATE VIEW read.caseload_carried AS SELECT * FROM read.caseload_carried_v1;
CREATE VIEW read.caseload_stage AS SELECT * FROM read.caseload_stage_v1;

-- name: clear
-- description: Forget every row, so that the model can be rebuilt from the log.
WITH worker AS (DELETE FROM read.caseload_worker_v1), carried AS (DELETE FROM read.caseload_carried_v1)
DELETE FROM read.caseload_stage_v1;

-- name: put_worker
-- description: Write one key worker as the log has them now.
INSERT INTO read.caseload_worker_v1 (
    worker_id, staff_ref, display_name, agency, programme, forums, grade, active_from, active_until,
    soft_limit, hard_limit, capacity_points
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (worker_id) DO UPDATE SET
    (staff_ref, display_name, agency, programme, forums, grade, active_from, active_until, soft_limit, hard_limit,
     capacity_points)
    = (excluded.staff_ref, excluded.display_name, excluded.agency, excluded.programme, excluded.forums, excluded.grade,
       excluded.active_from, excluded.active_until, excluded.soft_limit, excluded.hard_limit, excluded.capacity_points);

-- name: drop_carried
-- description: Forget which cases these workers carry.
DELETE FROM read.caseload_carried_v1 WHERE worker_id = ANY ($1::uuid[]);

-- name: put_carried
-- description: Write one case on a worker's caseload, with its points.
INSERT INTO read.caseload_carried_v1 (worker_id, case_id, points) VALUES ($1, $2, $3);

-- name: put_stage
-- description: Write the stage of one case.
INSERT INTO read.caseload_stage_v1 (case_id, stage) VALUES ($1, $2)
ON CONFLICT (case_id) DO UPDATE SET stage = excluded.stage;

-- name: caseloads
-- description: Every key worker, and per stage how many cases they carry and what these weigh. Parameters: programme,
-- forum, agency, worker, and a day on which the worker is active or still carries cases; each may be null.
SELECT w.worker_id, w.staff_ref, w.display_name, w.agency, w.programme, w.forums, w.grade, w.active_from,
       w.active_until, w.soft_limit, w.hard_limit, w.capacity_points,
       s.stage, count(c.case_id) AS cases, coalesce(sum(c.points), 0) AS points
FROM read.caseload_worker AS w
LEFT JOIN read.caseload_carried AS c ON c.worker_id = w.worker_id
LEFT JOIN read.caseload_stage AS s ON s.case_id = c.case_id
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
         w.active_until, w.soft_limit, w.hard_limit, w.capacity_points, s.stage
ORDER BY w.display_name, w.worker_id, s.stage;
