-- name: create
-- description: Make the tables and the views that the queries read; a change here needs the next version of the model.
CREATE TABLE IF NOT EXISTS read.audit_v1 (
    position          bigint      PRIMARY KEY,
    event_id          uuid        NOT NULL,
    stream_id         uuid        NOT NULL,
    version           bigint      NOT NULL,
    about             text        NOT NULL,
    cases             uuid[]      NOT NULL,
    topic             text        NOT NULL,
    what              text        NOT NULL,
    effective_at      timestamptz NOT NULL,
    recorded_at       timestamptz NOT NULL,
    person            text        NOT NULL,
    role              text        NOT NULL,
    agency            text        NOT NULL,
    on_behalf_of      text,
    channel           text        NOT NULL,
    reason            text,
    command           text        NOT NULL,
    command_id        uuid        NOT NULL,
    correlation_id    uuid        NOT NULL,
    causation_id      uuid,
    programme_version text
);
COMMENT ON COLUMN read.audit_v1.person IS 'staff: may be a name';
COMMENT ON COLUMN read.audit_v1.on_behalf_of IS 'staff: may be a name';
COMMENT ON COLUMN read.audit_v1.reason IS 'staff: free text';
CREATE INDEX IF NOT EXISTS audit_v1_person ON read.audit_v1 (person, position);
CREATE INDEX IF NOT EXISTS audit_v1_on_behalf_of ON read.audit_v1 (on_behalf_of, position) WHERE on_behalf_of IS NOT NULL;
CREATE TABLE IF NOT EXISTS read.audit_case_v1 (
    case_id  uuid   NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (case_id, position)
);
DROP VIEW IF EXISTS read.audit, read.audit_case;
CREATE VIEW read.audit AS SELECT * FROM read.audit_v1;
CREATE VIEW read.audit_case AS SELECT * FROM read.audit_case_v1;

-- name: clear
-- description: Forget every row, so that the model can be rebuilt from the log.
WITH linked AS (DELETE FROM read.audit_case_v1)
DELETE FROM read.audit_v1;

-- name: put
-- description: Write one event.
INSERT INTO read.audit_v1 (
    position, event_id, stream_id, version, about, cases, topic, what, effective_at, recorded_at, person, role, agency,
    on_behalf_of, channel, reason, command, command_id, correlation_id, causation_id, programme_version
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21);

-- name: put_case
-- description: Write that an event concerns a case.
INSERT INTO read.audit_case_v1 (case_id, position) VALUES ($1, $2);

-- name: of_case
-- description: The story of a case ($1) in the order of the log, after position $4, at most $5 events; $2 and $3, which may
-- be null, bound when they were recorded.
SELECT a.position, a.event_id, a.stream_id, a.version, a.about, a.cases, a.topic, a.what, a.effective_at, a.recorded_at,
       a.person, a.role, a.agency, a.on_behalf_of, a.channel, a.reason, a.command, a.command_id, a.correlation_id,
       a.causation_id, a.programme_version
FROM read.audit_case AS c
JOIN read.audit AS a ON a.position = c.position
WHERE c.case_id = $1
  AND ($2::timestamptz IS NULL OR a.recorded_at >= $2)
  AND ($3::timestamptz IS NULL OR a.recorded_at <= $3)
  AND c.position > $4
ORDER BY c.position
LIMIT $5;

-- name: of_person
-- description: What somebody ($1) did, or what was done on their behalf, in the order of the log, after position $4, at
-- most $5 events; $2 and $3, which may be null, bound when it was recorded.
SELECT position, event_id, stream_id, version, about, cases, topic, what, effective_at, recorded_at, person, role,
       agency, on_behalf_of, channel, reason, command, command_id, correlation_id, causation_id, programme_version
FROM read.audit
WHERE (person = $1 OR on_behalf_of = $1)
  AND ($2::timestamptz IS NULL OR recorded_at >= $2)
  AND ($3::timestamptz IS NULL OR recorded_at <= $3)
  AND position > $4
ORDER BY position
LIMIT $5;
