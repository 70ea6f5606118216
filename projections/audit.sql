-- name: create
-- description: Make the tables of a build.
CREATE TABLE build.audit (
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
COMMENT ON COLUMN build.audit.person IS 'staff: may be a name';
COMMENT ON COLUMN build.audit.on_behalf_of IS 'staff: may be a name';
COMMENT ON COLUMN build.audit.reason IS 'staff: free text';
CREATE TABLE build.audit_case (
    case_id  uuid   NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (case_id, position)
);

-- name: index
-- description: Make what only questions need.
CREATE INDEX ON build.audit (person, position);
CREATE INDEX ON build.audit (on_behalf_of, position) WHERE on_behalf_of IS NOT NULL;
ANALYZE build.audit, build.audit_case;

-- name: views
-- description: Let questions go to this build.
DROP VIEW IF EXISTS read.audit, read.audit_case;
CREATE VIEW read.audit AS SELECT * FROM build.audit;
CREATE VIEW read.audit_case AS SELECT * FROM build.audit_case;

-- name: forget
-- description: Remove what the events of these streams have made; streams are not indexed, this is done as good as never.
WITH gone AS (DELETE FROM build.audit WHERE stream_id = ANY ($1::uuid[]) RETURNING position)
DELETE FROM build.audit_case WHERE position IN (SELECT position FROM gone);

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
