-- name: create
-- description: Make the table of a build.
CREATE TABLE build.standstill (
    case_id         uuid        PRIMARY KEY,
    programme       text        NOT NULL,
    forum           text,
    neighbourhood   text,
    stage           text        NOT NULL,
    stage_since     timestamptz NOT NULL,
    opened_at       timestamptz NOT NULL,
    last_contact_at timestamptz,
    worked_at       timestamptz,
    arranged_until  timestamptz,
    role            text,
    agency          text,
    worker_id       uuid
);
COMMENT ON COLUMN build.standstill.arranged_until IS 'until then the case is not parked, whatever else';

-- name: index
-- description: Make what only questions need.
CREATE INDEX ON build.standstill (programme, (coalesce(last_contact_at, opened_at)));
ANALYZE build.standstill;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.standstill;
CREATE VIEW read.standstill AS SELECT * FROM build.standstill;

-- name: forget
-- description: Remove what the events of these cases have made.
DELETE FROM build.standstill WHERE case_id = ANY ($1::uuid[]);

-- name: page
-- description: The cases parked at $1, the longest parked first, after the cursor ($8, $9) of the page before, at most $10.
-- Of the programmes $2, those whose person nobody has reached since the instants $3. Filters, each may be null: $4 forum,
-- $5 programme, $6 role whose move it is, $7 key worker.
SELECT case_id, stage, stage_since, since, last_contact_at, role, agency, worker_id, programme, forum, neighbourhood
FROM (
    SELECT s.*, greatest(coalesce(s.last_contact_at, s.opened_at), s.worked_at, s.arranged_until) AS since
    FROM read.standstill AS s
    JOIN unnest($2::text[], $3::timestamptz[]) AS bound (programme, unreached_since) ON bound.programme = s.programme
    WHERE coalesce(s.last_contact_at, s.opened_at) <= bound.unreached_since
      AND (s.arranged_until IS NULL OR s.arranged_until <= $1::timestamptz)
) AS parked
WHERE ($4::text IS NULL OR forum = $4)
  AND ($5::text IS NULL OR programme = $5)
  AND ($6::text IS NULL OR role = $6)
  AND ($7::uuid IS NULL OR worker_id = $7)
  AND ($8::timestamptz IS NULL OR (since, case_id) > ($8, $9::uuid))
ORDER BY since, case_id
LIMIT $10;

-- name: count
-- description: How many cases pass the filters of `page`, counted up to $8.
SELECT count(*)
FROM (
    SELECT
    FROM read.standstill AS s
    JOIN unnest($2::text[], $3::timestamptz[]) AS bound (programme, unreached_since) ON bound.programme = s.programme
    WHERE coalesce(s.last_contact_at, s.opened_at) <= bound.unreached_since
      AND (s.arranged_until IS NULL OR s.arranged_until <= $1::timestamptz)
      AND ($4::text IS NULL OR s.forum = $4)
      AND ($5::text IS NULL OR s.programme = $5)
      AND ($6::text IS NULL OR s.role = $6)
      AND ($7::uuid IS NULL OR s.worker_id = $7)
    LIMIT $8
) AS counted;
