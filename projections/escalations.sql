-- name: create
-- description: Make the tables of a build.
CREATE TABLE build.escalations (
    case_id          uuid    NOT NULL,
    escalation_id    uuid    NOT NULL,
    subject          text    NOT NULL,
    subject_id       uuid,
    level            integer NOT NULL,
    level_owner      text    NOT NULL,
    state            text    NOT NULL,
    raised_by_agency text,
    answer_due_at    timestamptz,
    reminders        integer NOT NULL,
    programme        text    NOT NULL,
    forum            text,
    PRIMARY KEY (case_id, escalation_id)
);
COMMENT ON COLUMN build.escalations.raised_by_agency IS 'null when a deadline raised it';

-- name: index
-- description: Make what only questions need.
CREATE INDEX ON build.escalations (answer_due_at, escalation_id);
ANALYZE build.escalations;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.escalations;
CREATE VIEW read.escalations AS SELECT * FROM build.escalations;

-- name: forget
-- description: Remove what the events of these cases have made.
DELETE FROM build.escalations WHERE case_id = ANY ($1::uuid[]);

-- name: page
-- description: Escalations, those to be answered first at the top and those that nobody has to answer at the end, after the
-- cursor ($6, $7) of the page before, at most $8. Filters, each may be null: $1 state, $2 level, $3 forum, $4 case; $5 leaves
-- out those about safeguarding.
SELECT case_id, escalation_id, subject, subject_id, level, level_owner, state, raised_by_agency, answer_due_at, reminders,
       programme, forum
FROM read.escalations
WHERE ($1::text IS NULL OR state = $1)
  AND ($2::integer IS NULL OR level = $2)
  AND ($3::text IS NULL OR forum = $3)
  AND ($4::uuid IS NULL OR case_id = $4)
  AND (NOT coalesce($5::boolean, true) OR subject <> 'safeguarding')
  AND ($6::timestamptz IS NULL OR (coalesce(answer_due_at, '9999-12-31 23:59:59.999999+00'), escalation_id) > ($6, $7::uuid))
ORDER BY coalesce(answer_due_at, '9999-12-31 23:59:59.999999+00'), escalation_id
LIMIT $8;
