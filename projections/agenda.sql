-- name: create
-- description: Make the tables of a build.
CREATE TABLE build.agenda_meeting (
    meeting_id       uuid        PRIMARY KEY,
    forum            text        NOT NULL,
    programme        text        NOT NULL,
    stage            text        NOT NULL,
    starts_at        timestamptz NOT NULL,
    agenda_opens_at  timestamptz NOT NULL,
    agenda_closes_at timestamptz NOT NULL,
    returns_due_at   timestamptz NOT NULL,
    minutes_due_at   timestamptz,
    attendees        integer     NOT NULL,
    agencies_present text[]      NOT NULL
);
CREATE TABLE build.agenda_item (
    meeting_id       uuid    NOT NULL,
    place            integer NOT NULL,
    case_id          uuid    NOT NULL,
    kind             text    NOT NULL,
    urgent           boolean NOT NULL,
    referring_agency text    NOT NULL,
    agencies_asked   text[]  NOT NULL,
    outcome          text,
    PRIMARY KEY (meeting_id, place)
);
CREATE TABLE build.agenda_return (
    case_id          uuid        NOT NULL,
    meeting_id       uuid        NOT NULL,
    place            integer     NOT NULL,
    agency           text        NOT NULL,
    nothing_to_share boolean     NOT NULL,
    received_at      timestamptz NOT NULL,
    PRIMARY KEY (case_id, place)
);
CREATE TABLE build.agenda_decision (
    case_id    uuid        NOT NULL,
    meeting_id uuid        NOT NULL,
    decision   text        NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, meeting_id)
);

-- name: index
-- description: Make what only questions need.
CREATE INDEX ON build.agenda_meeting (starts_at, meeting_id);
CREATE INDEX ON build.agenda_meeting (forum, starts_at, meeting_id);
CREATE INDEX ON build.agenda_return (meeting_id);
ANALYZE build.agenda_meeting, build.agenda_item, build.agenda_return, build.agenda_decision;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.agenda_meeting, read.agenda_item, read.agenda_return, read.agenda_decision;
CREATE VIEW read.agenda_meeting AS SELECT * FROM build.agenda_meeting;
CREATE VIEW read.agenda_item AS SELECT * FROM build.agenda_item;
CREATE VIEW read.agenda_return AS SELECT * FROM build.agenda_return;
CREATE VIEW read.agenda_decision AS SELECT * FROM build.agenda_decision;

-- name: forget
-- description: Remove what the events of these meetings and cases have made.
WITH meeting AS (DELETE FROM build.agenda_meeting WHERE meeting_id = ANY ($1::uuid[])),
     item AS (DELETE FROM build.agenda_item WHERE meeting_id = ANY ($1::uuid[])),
     return AS (DELETE FROM build.agenda_return WHERE case_id = ANY ($1::uuid[]))
DELETE FROM build.agenda_decision WHERE case_id = ANY ($1::uuid[]);

-- name: drop_meetings
-- description: Remove these meetings with their items, before they are written as the log has them now.
WITH meeting AS (DELETE FROM build.agenda_meeting WHERE meeting_id = ANY ($1::uuid[]))
DELETE FROM build.agenda_item WHERE meeting_id = ANY ($1::uuid[]);

-- name: drop_decisions
-- description: Remove what meetings decided about cases, before their last word is written.
DELETE FROM build.agenda_decision AS d
USING unnest($1::uuid[], $2::uuid[]) AS gone (case_id, meeting_id)
WHERE d.case_id = gone.case_id AND d.meeting_id = gone.meeting_id;

-- name: meetings
-- description: Meetings in the order of time, after the cursor ($6, $7) of the page before, at most $8. Filters, each may
-- be null: $1 forum, $2 programme, $3 meeting, $4 from and $5 until an instant.
SELECT meeting_id, forum, programme, stage, starts_at, agenda_opens_at, agenda_closes_at, returns_due_at,
       minutes_due_at, attendees, agencies_present
FROM read.agenda_meeting
WHERE ($1::text IS NULL OR forum = $1)
  AND ($2::text IS NULL OR programme = $2)
  AND ($3::uuid IS NULL OR meeting_id = $3)
  AND ($4::timestamptz IS NULL OR starts_at >= $4)
  AND ($5::timestamptz IS NULL OR starts_at <= $5)
  AND ($6::timestamptz IS NULL OR (starts_at, meeting_id) > ($6, $7::uuid))
ORDER BY starts_at, meeting_id
LIMIT $8;

-- name: items
-- description: The items of these meetings in agenda order, with what was decided.
SELECT i.meeting_id, i.case_id, i.kind, i.urgent, i.referring_agency, i.agencies_asked, i.outcome, d.decision, d.decided_at
FROM read.agenda_item AS i
LEFT JOIN read.agenda_decision AS d ON d.case_id = i.case_id AND d.meeting_id = i.meeting_id
WHERE i.meeting_id = ANY ($1::uuid[])
ORDER BY i.meeting_id, i.place;

-- name: returns
-- description: The information returns for these meetings in the order of their arrival.
SELECT meeting_id, case_id, agency, nothing_to_share, received_at
FROM read.agenda_return
WHERE meeting_id = ANY ($1::uuid[])
ORDER BY meeting_id, case_id, place;
