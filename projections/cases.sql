-- name: create
-- description: Make the tables of a build. What a case is found by stands apart: it changes once, and its index is dear.
CREATE TABLE build.cases (
    case_id            uuid        PRIMARY KEY,
    person_id          uuid        NOT NULL,
    programme          text        NOT NULL,
    programme_version  text        NOT NULL,
    stage              text        NOT NULL,
    since              timestamptz NOT NULL,
    ward               text,
    neighbourhood      text,
    forum              text,
    referring_agency   text        NOT NULL,
    urgency            text        NOT NULL,
    reference          text,
    worker_id          uuid,
    worker_name        text,
    meeting_id         uuid,
    next_clock         text,
    next_due_at        timestamptz,
    opened_at          timestamptz NOT NULL,
    received_at        timestamptz,
    closed_at          timestamptz,
    closed_because     text,
    possible_duplicate boolean     NOT NULL,
    safeguarding_open  boolean     NOT NULL,
    repeat             boolean     NOT NULL,
    events             bigint      NOT NULL,
    given_name         text        NOT NULL,
    family_name        text        NOT NULL,
    known_as           text        NOT NULL,
    nhs_number         text        NOT NULL
);
COMMENT ON COLUMN build.cases.since IS 'when we learned of the step into the present stage';
COMMENT ON COLUMN build.cases.opened_at IS 'when the referral was recorded: clocks start here';
COMMENT ON COLUMN build.cases.received_at IS 'when the referral happened: reports count from here; null for a draft';
COMMENT ON COLUMN build.cases.worker_name IS 'staff: a name, as at the allocation';
COMMENT ON COLUMN build.cases.given_name IS 'personal';
COMMENT ON COLUMN build.cases.family_name IS 'personal';
COMMENT ON COLUMN build.cases.known_as IS 'personal';
COMMENT ON COLUMN build.cases.nhs_number IS 'personal';
CREATE TABLE build.cases_search (
    case_id uuid   PRIMARY KEY,
    text    text   NOT NULL,
    pieces  text[] NOT NULL
);
COMMENT ON COLUMN build.cases_search.text IS 'personal: names, NHS number and reference in plain lower-case letters';
COMMENT ON COLUMN build.cases_search.pieces IS 'personal: every three letters in a row of a word, and the first one and two';

-- name: index
-- description: Make what only questions need.
CREATE INDEX ON build.cases (opened_at DESC, case_id DESC);
CREATE INDEX ON build.cases (stage, opened_at DESC, case_id DESC);
CREATE INDEX ON build.cases (forum, opened_at DESC, case_id DESC);
CREATE INDEX ON build.cases (referring_agency, opened_at DESC, case_id DESC);
CREATE INDEX ON build.cases (worker_id, opened_at DESC, case_id DESC) WHERE worker_id IS NOT NULL;
CREATE INDEX ON build.cases (opened_at DESC, case_id DESC) WHERE possible_duplicate;
CREATE INDEX ON build.cases (lower(reference)) WHERE reference IS NOT NULL;
-- Without the list of what is still to be entered, which every search would have to read through.
CREATE INDEX ON build.cases_search USING gin (pieces) WITH (fastupdate = off);
ANALYZE build.cases, build.cases_search;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.cases, read.cases_search;
CREATE VIEW read.cases AS SELECT * FROM build.cases;
CREATE VIEW read.cases_search AS SELECT * FROM build.cases_search;

-- name: forget
-- description: Remove what the events of these cases have made.
WITH search AS (DELETE FROM build.cases_search WHERE case_id = ANY ($1::uuid[]))
DELETE FROM build.cases WHERE case_id = ANY ($1::uuid[]);

-- name: drop
-- description: Remove these cases, before they are written as the log has them now.
DELETE FROM build.cases WHERE case_id = ANY ($1::uuid[]);

-- name: drop_search
-- description: Remove what these cases are found by, before it is written anew.
DELETE FROM build.cases_search WHERE case_id = ANY ($1::uuid[]);

-- name: found_by
-- description: The cases with all the pieces $1 that look like all the patterns $2, and those with ids from $3 to $4; at
-- most $5, whichever they are.
SELECT case_id FROM read.cases_search WHERE pieces @> $1::text[] AND text LIKE ALL ($2::text[])
UNION
SELECT case_id FROM read.cases WHERE case_id BETWEEN $3::uuid AND $4::uuid
LIMIT $5;

-- name: page
-- description: The latest opened cases that pass the filters, after the cursor ($11, $12) of the page before, at most
-- $13. A draft is shown only to who asks for drafts. Filters, each may be null: $1 among these cases, $2 patterns of what
-- they are found by, $3 stages, $4 forum, $5 agency, $6 worker, $7 programme, $8 possible duplicate, $9 open, which
-- $10 says the stages of.
SELECT case_id, person_id, programme, programme_version, stage, since, ward, neighbourhood, forum, referring_agency,
       urgency, reference, worker_id, worker_name, meeting_id, next_clock, next_due_at, opened_at, received_at,
       closed_at, closed_because, possible_duplicate, safeguarding_open, repeat, events, given_name, family_name,
       known_as, nhs_number
FROM read.cases AS c
WHERE ($1::uuid[] IS NULL OR case_id = ANY ($1))
  AND (
      $2::text[] IS NULL
      OR EXISTS (SELECT FROM read.cases_search AS s WHERE s.case_id = c.case_id AND s.text LIKE ALL ($2))
  )
  AND ($3::text[] IS NULL OR stage = ANY ($3))
  AND (received_at IS NOT NULL OR 'Draft' = ANY (coalesce($3, '{}')))
  AND ($4::text IS NULL OR forum = $4)
  AND ($5::text IS NULL OR referring_agency = $5)
  AND ($6::uuid IS NULL OR worker_id = $6)
  AND ($7::text IS NULL OR programme = $7)
  AND ($8::boolean IS NULL OR possible_duplicate = $8)
  AND ($9::boolean IS NULL OR (stage = ANY ($10::text[])) = $9)
  AND ($11::timestamptz IS NULL OR (opened_at, case_id) < ($11, $12::uuid))
ORDER BY opened_at DESC, case_id DESC
LIMIT $13;

-- name: count
-- description: How many cases pass the filters of `page` ($1 to $10), counted up to $11.
SELECT count(*)
FROM (
    SELECT
    FROM read.cases AS c
    WHERE ($1::uuid[] IS NULL OR case_id = ANY ($1))
      AND (
          $2::text[] IS NULL
          OR EXISTS (SELECT FROM read.cases_search AS s WHERE s.case_id = c.case_id AND s.text LIKE ALL ($2))
      )
      AND ($3::text[] IS NULL OR stage = ANY ($3))
      AND (received_at IS NOT NULL OR 'Draft' = ANY (coalesce($3, '{}')))
      AND ($4::text IS NULL OR forum = $4)
      AND ($5::text IS NULL OR referring_agency = $5)
      AND ($6::uuid IS NULL OR worker_id = $6)
      AND ($7::text IS NULL OR programme = $7)
      AND ($8::boolean IS NULL OR possible_duplicate = $8)
      AND ($9::boolean IS NULL OR (stage = ANY ($10::text[])) = $9)
    LIMIT $11
) AS counted;

-- name: one
-- description: One case by its id.
SELECT case_id, person_id, programme, programme_version, stage, since, ward, neighbourhood, forum, referring_agency,
       urgency, reference, worker_id, worker_name, meeting_id, next_clock, next_due_at, opened_at, received_at,
       closed_at, closed_because, possible_duplicate, safeguarding_open, repeat, events, given_name, family_name,
       known_as, nhs_number
FROM read.cases
WHERE case_id = $1;

-- name: with_id_between
-- description: The ids of cases from $1 to $2: those with a prefix. Two are enough to know that it is not unique.
SELECT case_id FROM read.cases WHERE case_id BETWEEN $1::uuid AND $2::uuid ORDER BY case_id LIMIT 2;

-- name: with_reference
-- description: The ids of cases whose referral carries this reference, whatever its case. Two are enough to know that
-- it is not unique.
SELECT case_id FROM read.cases WHERE lower(reference) = lower($1) ORDER BY case_id LIMIT 2;
