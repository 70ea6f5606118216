-- The schema as all migrations make it, for readers; nothing executes this file.
-- A test compares it with the migrations. Written by: python -m tests.log.present_schema

CREATE SCHEMA dispatch;

CREATE SCHEMA log;

CREATE SCHEMA migration;

CREATE SCHEMA read;

CREATE FUNCTION log.append(this_command uuid, stream_ids uuid[], expected_versions bigint[], event_stream_ids uuid[], event_topics text[], event_states bytea[], event_ids uuid[], event_metadata jsonb[], key_kinds text[], key_values text[], people_seen uuid[], registers uuid) RETURNS TABLE(outcome text, "position" bigint, stream_id uuid, version bigint, topic text, event_id uuid, command text, recorded_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    last_position bigint;
BEGIN
    IF cardinality(event_ids) = 0 OR NOT event_stream_ids <@ stream_ids THEN
        RAISE EXCEPTION 'log.append needs at least one event, and the expected version of every stream'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- A snapshot from before our turn would not show what was written until then.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'log.append needs the isolation level read committed'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;

    -- From here to the end of the transaction nobody else writes: positions are taken in the order of commits, and
    -- one that is rolled back is taken again.
    LOCK TABLE log.turn IN EXCLUSIVE MODE;

    RETURN QUERY
        SELECT 'repeated', done.notification_id, done.originator_id, done.originator_version, done.topic, done.event_id,
               done.metadata ->> 'command', (done.metadata ->> 'recorded_at')::timestamptz
        FROM log.event AS done
        WHERE done.command_id = this_command
        ORDER BY done.notification_id;
    IF FOUND THEN
        RETURN;
    END IF;

    IF EXISTS (
        SELECT
        FROM unnest(stream_ids, expected_versions) AS known (stream_id, version)
        WHERE known.version IS DISTINCT FROM -1
          AND known.version IS DISTINCT FROM (
              SELECT coalesce(max(event.originator_version), 0)
              FROM log.event AS event
              WHERE event.originator_id = known.stream_id
          )
    ) OR EXISTS (
        SELECT
        FROM unnest(key_kinds, key_values) AS wanted (kind, value)
        JOIN log.identity_key AS held ON held.kind = wanted.kind AND held.value = wanted.value
        WHERE held.person_id <> ALL (people_seen)
    ) THEN
        RETURN QUERY
            SELECT 'conflict', NULL::bigint, NULL::uuid, NULL::bigint, NULL, NULL::uuid, NULL, NULL::timestamptz;
        RETURN;
    END IF;

    SELECT coalesce(max(event.notification_id), 0) INTO last_position FROM log.event AS event;

    RETURN QUERY
        WITH written AS (
            INSERT INTO log.event AS event (
                originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
            )
            SELECT new.stream_id,
                   (
                       SELECT coalesce(max(earlier.originator_version), 0)
                       FROM log.event AS earlier
                       WHERE earlier.originator_id = new.stream_id
                   ) + row_number() OVER (PARTITION BY new.stream_id ORDER BY new.place),
                   new.topic,
                   new.state,
                   last_position + new.place,
                   new.event_id,
                   this_command,
                   new.metadata
            FROM unnest(event_stream_ids, event_topics, event_states, event_ids, event_metadata)
                WITH ORDINALITY AS new (stream_id, topic, state, event_id, metadata, place)
            RETURNING event.notification_id, event.originator_id, event.originator_version, event.topic,
                      event.event_id, event.metadata
        )
        SELECT 'written', written.notification_id, written.originator_id, written.originator_version, written.topic,
               written.event_id, written.metadata ->> 'command', (written.metadata ->> 'recorded_at')::timestamptz
        FROM written
        ORDER BY written.notification_id;

    IF registers IS NOT NULL THEN
        INSERT INTO log.identity_key (kind, value, person_id)
        SELECT DISTINCT new.kind, new.value, registers
        FROM unnest(key_kinds, key_values) AS new (kind, value)
        ON CONFLICT DO NOTHING;
    END IF;

    PERFORM pg_notify('ccp_log', (last_position + cardinality(event_ids))::text);
END
$$;

COMMENT ON FUNCTION log.append(this_command uuid, stream_ids uuid[], expected_versions bigint[], event_stream_ids uuid[], event_topics text[], event_states bytea[], event_ids uuid[], event_metadata jsonb[], key_kinds text[], key_values text[], people_seen uuid[], registers uuid) IS 'Write one command''s events, all or none; or answer what it wrote before; or answer that there is a conflict.';

CREATE FUNCTION log.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % of %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE dispatch."position" (
    name text NOT NULL,
    "position" bigint NOT NULL
);

CREATE TABLE log.event (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint NOT NULL,
    event_id uuid NOT NULL,
    command_id uuid NOT NULL,
    metadata jsonb NOT NULL,
    CONSTRAINT event_notification_id_check CHECK ((notification_id >= 1)),
    CONSTRAINT event_originator_version_check CHECK ((originator_version >= 1))
);

COMMENT ON TABLE log.event IS 'What happened, for ever. Written by log.append alone, changed by nobody.';

COMMENT ON COLUMN log.event.originator_id IS 'The stream: a case, person, meeting or key worker.';

COMMENT ON COLUMN log.event.originator_version IS 'Place in the stream, from 1, without gaps.';

COMMENT ON COLUMN log.event.state IS 'The event as JSON in UTF-8.';

COMMENT ON COLUMN log.event.notification_id IS 'Place in the whole log, from 1, without gaps, in the order of commits.';

CREATE TABLE log.identity_key (
    kind text NOT NULL,
    value text NOT NULL,
    person_id uuid NOT NULL
);

COMMENT ON TABLE log.identity_key IS 'By what a person may be found again. Derived from the log, written beside it by log.append, deletable.';

CREATE TABLE log.turn (
);

COMMENT ON TABLE log.turn IS 'Always empty: its lock is the right to append.';

CREATE TABLE migration.applied (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY dispatch."position"
    ADD CONSTRAINT position_pkey PRIMARY KEY (name);

ALTER TABLE ONLY log.event
    ADD CONSTRAINT event_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY log.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (originator_id, originator_version);

ALTER TABLE ONLY log.identity_key
    ADD CONSTRAINT identity_key_pkey PRIMARY KEY (kind, value, person_id);

ALTER TABLE ONLY migration.applied
    ADD CONSTRAINT applied_pkey PRIMARY KEY (number);

CREATE INDEX event_command_id ON log.event USING btree (command_id, notification_id);

CREATE INDEX event_key_worker_registered ON log.event USING btree (notification_id) WHERE (topic = 'KeyWorkerRegistered'::text);

CREATE UNIQUE INDEX event_notification_id ON log.event USING btree (notification_id);

CREATE INDEX identity_key_person_id ON log.identity_key USING btree (person_id);

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON log.event FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

ALTER TABLE log.event ENABLE ALWAYS TRIGGER refuse_change;

GRANT USAGE ON SCHEMA dispatch TO ccp_app;

GRANT USAGE ON SCHEMA log TO ccp_app;

GRANT ALL ON SCHEMA read TO ccp_app;

REVOKE ALL ON FUNCTION log.append(this_command uuid, stream_ids uuid[], expected_versions bigint[], event_stream_ids uuid[], event_topics text[], event_states bytea[], event_ids uuid[], event_metadata jsonb[], key_kinds text[], key_values text[], people_seen uuid[], registers uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION log.append(this_command uuid, stream_ids uuid[], expected_versions bigint[], event_stream_ids uuid[], event_topics text[], event_states bytea[], event_ids uuid[], event_metadata jsonb[], key_kinds text[], key_values text[], people_seen uuid[], registers uuid) TO ccp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE dispatch."position" TO ccp_app;

GRANT SELECT ON TABLE log.event TO ccp_app;

GRANT SELECT ON TABLE log.identity_key TO ccp_app;
