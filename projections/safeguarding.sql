-- name: create
-- description: Make the tables of a build.
CREATE TABLE build.safeguarding (
    case_id            uuid        NOT NULL,
    concern_id         uuid        NOT NULL,
    about              text        NOT NULL,
    category           text        NOT NULL,
    state              text        NOT NULL,
    immediate_danger   boolean     NOT NULL,
    emergency_services boolean     NOT NULL,
    screening_due_at   timestamptz NOT NULL,
    screening_overdue  boolean     NOT NULL,
    referred_to        text[]      NOT NULL,
    earlier_concerns   integer     NOT NULL,
    programme          text        NOT NULL,
    forum              text,
    neighbourhood      text,
    PRIMARY KEY (case_id, concern_id)
);
COMMENT ON TABLE build.safeguarding IS 'restricted: for safeguarding leads alone';

-- name: index
-- description: Make what only questions need.
CREATE INDEX ON build.safeguarding (screening_due_at, concern_id);
ANALYZE build.safeguarding;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.safeguarding;
CREATE VIEW read.safeguarding AS SELECT * FROM build.safeguarding;

-- name: forget
-- description: Remove what the events of these cases have made.
DELETE FROM build.safeguarding WHERE case_id = ANY ($1::uuid[]);

-- name: page
-- description: Concerns in the order in which they are, or were, to be screened, after the cursor ($5, $6) of the page before,
-- at most $7. Filters, each may be null: $1 state, $2 only open ones, $3 forum, $4 case.
SELECT case_id, concern_id, about, category, state, immediate_danger, emergency_services, screening_due_at,
       screening_overdue, referred_to, earlier_concerns, programme, forum, neighbourhood
FROM read.safeguarding
WHERE ($1::text IS NULL OR state = $1)
  AND ($2::boolean IS NULL OR (state <> 'closed') = $2)
  AND ($3::text IS NULL OR forum = $3)
  AND ($4::uuid IS NULL OR case_id = $4)
  AND ($5::timestamptz IS NULL OR (screening_due_at, concern_id) > ($5, $6::uuid))
ORDER BY screening_due_at, concern_id
LIMIT $7;
