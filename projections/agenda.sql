-- name: create
-- description: Make the tables and the views that the queries read; a change here needs the next version of the model.
CREATE TABLE IF NOT EXISTS read.agenda_meeting_v1 (
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
CREATE INDEX IF NOT EXISTS agenda_meeting_v1_in_order ON read.agenda_meeting_v1 (starts_at, meeting_id);
CREATE TABLE IF NOT EXISTS read.agenda_item_v1 (
    meeting_id       uuid    NOT NULL,
    place            integer NOT NULL,
    case_id          uuid    NOT NULL,
    urgent           boolean NOT NULL,
    referring_agency text    NOT NULL,
    agencies_asked   text[]  NOT NULL,
    outcome          text,
    PRIMARY KEY (meeting_id, place)
);
CREATE TABLE IF NOT EXISTS read.agenda_return_v1 (
    case_id          uuid        NOT NULL,
    meeting_id       uuid        NOT NULL,
    place            integer     NOT NULL,
    agency           text        NOT NULL,
    nothing_to_share boolean     NOT NULL,
    received_at      timestamptz NOT NULL,
    PRIMARY KEY (case_id, place)
);
CREATE INDEX IF NOT EXISTS agenda_return_v1_meeting ON read.agenda_return_v1 (meeting_id);
CREATE TABLE IF NOT EXISTS read.agenda_decision_v1 (
    case_id    uuid        NOT NULL,
    meeting_id uuid        NOT NULL,
    decision   text        NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, meeting_id)
);
DROP VIEW IF EXISTS read.agenda_meeting, read.agenda_item, read.agenda_return, read.agenda_decision;
CREATE VIEW read.agenda_meeting AS SELECT * FROM read.agenda_meeting_v1;
CREATE VIEW read.agenda_item AS SELECT * FROM read.agenda_item_v1;
CREATE VIEW read.agenda_return AS SELECT * FROM read.agenda_return_v1;
CREATE VIEW read.agenda_decision AS SELECT * FROM read.agenda_decision_v1;

-- name: clear
-- description: Forget every row, so that the model can be rebuilt from the log.
WITH meeting AS (DELETE FROM read.agenda_meeting_v1),
     item AS (DELETE FROM read.agenda_item_v1),
     return AS (DELETE FROM read.agenda_return_v1)
DELETE FROM read.agenda_decision_v1;

-- name: put_meeting
-- description: Write one meeting as the log has it now.
INSERT INTO read.agenda_meeting_v1 (
    meeting_id, forum, programme, stage, starts_at, agenda_opens_at, agenda_closes_at, returns_due_at, minutes_due_at,
    attendees, agencies_present
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (meeting_id) DO UPDATE SET
    (forum, programme, stage, starts_at, agenda_opens_at, agenda_closes_at, returns_due_at, minutes_due_at, attendees,
     agencies_present)
    = (excluded.forum, excluded.programme, excluded.stage, excluded.starts_at, excluded.agenda_opens_at,
       excluded.agenda_closes_at, excluded.returns_due_at, excluded.minutes_due_at, excluded.attendees,
       excluded.agencies_present);

-- name: drop_items
-- description: Forget the items of these meetings.
DELETE FROM read.agenda_item_v1 WHERE meeting_id = ANY ($1::uuid[]);

-- name: put_item
-- description: Write one item of an agenda.
INSERT INTO read.agenda_item_v1 (meeting_id, place, case_id, urgent, referring_agency, agencies_asked, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: drop_of_cases
-- description: Forget the information returns and the decisions of these cases.
WITH return AS (DELETE FROM read.agenda_return_v1 WHERE case_id = ANY ($1::uuid[]))
DELETE FROM read.agenda_decision_v1 WHERE case_id = ANY ($1::uuid[]);

-- name: put_return
-- description: Write that an agency returned what it knows about a case, or that it may share nothing.
INSERT INTO read.agenda_return_v1 (case_id, meeting_id, place, agency, nothing_to_share, received_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: put_decision
-- description: Write what a meeting decided about a case; the last word counts.
INSERT INTO read.agenda_decision_v1 (case_id, meeting_id, decision, decided_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (case_id, meeting_id) DO UPDATE SET (decision, decided_at) = (excluded.decision, excluded.decided_at);

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
SELECT i.meeting_id, i.case_id, i.urgent, i.referring_agency, i.agencies_asked, i.outcome, d.decision, d.decided_at
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
