-- The event log. Columns, primary key and the index on notification_id are those of the library `eventsourcing`;
-- event_id, command_id and metadata (the rest of the envelope) are ours.

CREATE TABLE log.event (
    originator_id      uuid   NOT NULL,
    originator_version bigint NOT NULL CHECK (originator_version >= 0),
    topic              text   NOT NULL,
    state              bytea  NOT NULL,
    notification_id    bigint NOT NULL CHECK (notification_id >= 1),
    event_id           uuid   NOT NULL UNIQUE,
    command_id         uuid   NOT NULL,
    metadata           jsonb  NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
);
COMMENT ON TABLE log.event IS 'What happened, for ever. Written by log.append alone, changed by nobody.';
COMMENT ON COLUMN log.event.originator_id IS 'The stream: a case, person, meeting or key worker.';
COMMENT ON COLUMN log.event.originator_version IS 'Place in the stream, without gaps: from 1 in our streams.';
COMMENT ON COLUMN log.event.notification_id IS 'Place in the whole log, from 1, without gaps, in the order of commits.';
COMMENT ON COLUMN log.event.state IS 'The event as JSON in UTF-8.';

CREATE UNIQUE INDEX event_notification_id ON log.event (notification_id);
-- Which events a command made: that is its first answer, if its id comes again.
CREATE INDEX event_command_id ON log.event (command_id, notification_id);
-- The pool of key workers is a handful among all events.
CREATE INDEX event_key_worker_registered ON log.event (notification_id) WHERE topic = 'KeyWorkerRegistered';

-- Whoever holds this table's lock writes next. It stays empty. It is not log.event that is locked, because vacuuming
-- that one would hold up every command; and not an advisory lock, because anybody may take those.
CREATE TABLE log.turn ();
COMMENT ON TABLE log.turn IS 'Always empty: its lock is the right to append.';

CREATE TABLE log.identity_key (
    kind      text NOT NULL,
    value     text NOT NULL,
    person_id uuid NOT NULL,
    PRIMARY KEY (kind, value, person_id)
);
COMMENT ON TABLE log.identity_key IS
    'By what a person may be found again. Derived from the log, written beside it by log.append, deletable.';
CREATE INDEX identity_key_person_id ON log.identity_key (person_id);

CREATE TABLE log.reservation (
    scope  text NOT NULL,
    key    text NOT NULL,
    holder uuid NOT NULL,
    PRIMARY KEY (scope, key, holder)
);
COMMENT ON TABLE log.reservation IS
    'Who holds one of a limited number of places: a person''s one open case in a programme (scope open_case), a key '
    'worker''s cases (scope place). Derived from the log, written beside it by log.append, deletable.';

GRANT SELECT ON log.event, log.identity_key, log.reservation TO ccp_app;

CREATE FUNCTION log.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % of %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON log.event
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
-- Also for a session that replays a replica's changes, where triggers are normally silent.
ALTER TABLE log.event ENABLE ALWAYS TRIGGER refuse_change;
