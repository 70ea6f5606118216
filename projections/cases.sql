-- name: create
-- description: Make the table and the view that the queries read; a change here needs the next version of the model.
CREATE TABLE IF NOT EXISTS read.cases_v1 (
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
    nhs_number         text        NOT NULL,
    search             text        NOT NULL
);
COMMENT ON COLUMN read.cases_v1.since IS 'when we learned of the step into the present stage';
COMMENT ON COLUMN read.cases_v1.opened_at IS 'when the referral was recorded: clocks start here';
COMMENT ON COLUMN read.cases_v1.received_at IS 'when the referral happened: reports count from here; null for a draft';
COMMENT ON COLUMN read.cases_v1.worker_name IS 'staff: a name, as at the allocation';
COMMENT ON COLUMN read.cases_v1.given_name IS 'personal';
COMMENT ON COLUMN read.cases_v1.family_name IS 'personal';
COMMENT ON COLUMN read.cases_v1.known_as IS 'personal';
COMMENT ON COLUMN read.cases_v1.nhs_number IS 'personal';
COMMENT ON COLUMN read.cases_v1.search IS 'personal: names, NHS number and reference in plain lower-case letters';
CREATE INDEX IF NOT EXISTS cases_v1_in_order ON read.cases_v1 (opened_at DESC, case_id DESC);
CREATE INDEX IF NOT EXISTS cases_v1_reference ON read.cases_v1 (lower(reference)) WHERE reference IS NOT NULL;
DROP VIEW IF EXISTS read.cases;
CREATE VIEW read.cases AS SELECT * FROM read.cases_v1;

-- name: clear
-- description: Forget every row, so that the model can be rebuilt from the log.
DELETE FROM read.cases_v1;

-- name: drop
-- description: Forget these cases, before they are written as the log has them now.
DELETE FROM read.cases_v1 WHERE case_id = ANY ($1::uuid[]);

-- name: put
-- description: Write one case as the log has it now.
INSERT INTO read.cases_v1 (
    case_id, person_id, programme, programme_version, stage, since, ward, neighbourhood, forum, referring_agency,
    urgency, reference, worker_id, worker_name, meeting_id, next_clock, next_due_at, opened_at, received_at, closed_at,
    closed_because, possible_duplicate, safeguarding_open, repeat, events, given_name, family_name, known_as,
    nhs_number, search
)
VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
    $26, $27, $28, $29, $30
);

-- name: page
-- description: The latest opened cases that pass the filters, after the cursor ($12, $13) of the page before, at most
-- $14. A draft is shown only to who asks for drafts. Search: $1 patterns that must all fit, or $2 to $3, the range of
-- ids with a prefix. Filters: $4 stages, $5 forum, $6 agency, $7 worker, $8 programme, $9 possible duplicate, $10
-- open, $11 the stages that are open.
SELECT case_id, person_id, programme, programme_version, stage, since, ward, neighbourhood, forum, referring_agency,
       urgency, reference, worker_id, worker_name, meeting_id, next_clock, next_due_at, opened_at, received_at,
       closed_at, closed_because, possible_duplicate, safeguarding_open, repeat, events, given_name, family_name,
       known_as, nhs_number
FROM read.cases
WHERE ($1::text[] IS NULL OR search LIKE ALL ($1) OR (case_id BETWEEN $2::uuid AND $3::uuid))
  AND ($4::text[] IS NULL OR stage = ANY ($4))
  AND (received_at IS NOT NULL OR 'Draft' = ANY (coalesce($4, '{}')))
  AND ($5::text IS NULL OR forum = $5)
  AND ($6::text IS NULL OR referring_agency = $6)
  AND ($7::uuid IS NULL OR worker_id = $7)
  AND ($8::text IS NULL OR programme = $8)
  AND ($9::boolean IS NULL OR possible_duplicate = $9)
  AND ($10::boolean IS NULL OR (stage = ANY ($11::text[])) = $10)
  AND ($12::timestamptz IS NULL OR (opened_at, case_id) < ($12, $13::uuid))
ORDER BY opened_at DESC, case_id DESC
LIMIT $14;

-- name: count
-- description: How many cases pass the filters of `page` ($1 to $11).
SELECT count(*)
FROM read.cases
WHERE ($1::text[] IS NULL OR search LIKE ALL ($1) OR (case_id BETWEEN $2::uuid AND $3::uuid))
  AND ($4::text[] IS NULL OR stage = ANY ($4))
  AND (received_at IS NOT NULL OR 'Draft' = ANY (coalesce($4, '{}')))
  AND ($5::text IS NULL OR forum = $5)
  AND ($6::text IS NULL OR referring_agency = $6)
  AND ($7::uuid IS NULL OR worker_id = $7)
  AND ($8::text IS NULL OR programme = $8)
  AND ($9::boolean IS NULL OR possible_duplicate = $9)
  AND ($10::boolean IS NULL OR (stage = ANY ($11::text[])) = $10);

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
