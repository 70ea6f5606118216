-- The schema as all migrations make it, for readers; nothing executes this file.
-- A test compares it with the migrations. Written by: python -m tests.log.present_schema

CREATE SCHEMA dispatch;

CREATE SCHEMA log;

CREATE SCHEMA migration;

CREATE SCHEMA outbox;

CREATE SCHEMA read;

CREATE FUNCTION log.append(command_ids uuid[], stream_commands integer[], stream_ids uuid[], stream_versions bigint[], event_streams integer[], event_topics text[], event_states bytea[], event_ids uuid[], event_metadata json[], one_each boolean, identity_keys jsonb, reservations jsonb, OUT outcomes smallint[], OUT "position" bigint, OUT versions bigint[]) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    plain   boolean;
    refused integer[] := '{}';
    written integer;
BEGIN
    -- A snapshot from before our turn would not show what was written until then.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'log.append needs the isolation level read committed'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;

    -- From here to the end of the transaction nobody else writes: positions are taken in the order of commits, and
    -- one that is rolled back is taken again.
    LOCK TABLE log.turn IN EXCLUSIVE MODE;

    -- Few statements are quick statements, so what can be looked up at once is.
    SELECT coalesce((SELECT max(event.notification_id) FROM log.event AS event), 0),
           ARRAY(
               SELECT coalesce(
                   (
                       SELECT event.originator_version
                       FROM log.event AS event
                       WHERE event.originator_id = stream.id
                       ORDER BY event.originator_version DESC
                       LIMIT 1
                   ),
                   -- A new stream stands at 0, or at -1 if it is to begin with version 0.
                   least(stream.version, 0)
               )
               FROM unnest(stream_ids, stream_versions) WITH ORDINALITY AS stream (id, version, place)
               ORDER BY stream.place
           ),
           NOT EXISTS (SELECT FROM log.event AS done WHERE done.command_id = ANY (command_ids))
    INTO append."position", append.versions, plain;

    IF identity_keys IS NOT NULL THEN
        refused := ARRAY(
            SELECT (wanted.one ->> 0)::integer
            FROM jsonb_array_elements(identity_keys) AS wanted (one)
            JOIN log.identity_key AS held ON held.kind = wanted.one ->> 1 AND held.value = wanted.one ->> 2
            WHERE NOT wanted.one -> 3 ? held.person_id::text
        );
    END IF;
    IF reservations IS NOT NULL THEN
        refused := refused || ARRAY(
            SELECT wanted.command
            FROM (
                SELECT (place.one ->> 0)::integer AS command, place.one ->> 1 AS scope, place.one ->> 2 AS key,
                       array_agg((place.one ->> 3)::uuid) AS touched,
                       count(place.one ->> 4) AS taken, min((place.one ->> 4)::integer) AS most
                FROM jsonb_array_elements(reservations) AS place (one)
                GROUP BY 1, 2, 3
            ) AS wanted
            WHERE wanted.taken > 0
              AND wanted.most < wanted.taken + (
                  SELECT count(*)
                  FROM log.reservation AS held
                  WHERE held.scope = wanted.scope AND held.key = wanted.key AND held.holder <> ALL (wanted.touched)
              )
        );
    END IF;

    -- Nearly always every command is carried out, and then there is nothing to find out of each.
    plain := plain AND cardinality(refused) = 0 AND append.versions = stream_versions;
    IF plain THEN
        append.outcomes := array_fill(0::smallint, ARRAY[cardinality(command_ids)]);
    END IF;
    IF plain AND one_each THEN
        INSERT INTO log.event (
            originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
        )
        SELECT stream_ids[new.stream],
               append.versions[new.stream] + 1,
               event_topics[new.place],
               event_states[new.place],
               append."position" + new.place,
               event_ids[new.place],
               command_ids[stream_commands[new.stream]],
               event_metadata[new.place]
        FROM unnest(event_streams) WITH ORDINALITY AS new (stream, place);
    ELSIF plain THEN
        INSERT INTO log.event (
            originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
        )
        SELECT stream_ids[new.stream],
               append.versions[new.stream] + row_number() OVER (PARTITION BY new.stream ORDER BY new.place),
               event_topics[new.place],
               event_states[new.place],
               append."position" + new.place,
               event_ids[new.place],
               command_ids[stream_commands[new.stream]],
               event_metadata[new.place]
        FROM unnest(event_streams) WITH ORDINALITY AS new (stream, place);
    ELSE
        append.outcomes := ARRAY(
            SELECT CASE
                       WHEN EXISTS (
                           SELECT FROM log.event AS done WHERE done.command_id = command.id OFFSET 0
                       ) THEN 1
                       WHEN command.place = ANY (refused) OR command.place IN (
                           SELECT stream.command
                           FROM unnest(stream_commands, stream_versions, append.versions) AS stream (command, expected, version)
                           WHERE stream.expected <> stream.version
                       ) THEN 2
                       ELSE 0
                   END::smallint
            FROM unnest(command_ids) WITH ORDINALITY AS command (id, place)
            ORDER BY command.place
        );

        INSERT INTO log.event (
            originator_id, originator_version, topic, state, notification_id, event_id, command_id, metadata
        )
        SELECT stream_ids[new.stream],
               append.versions[new.stream] + new.step,
               event_topics[new.place],
               event_states[new.place],
               append."position" + row_number() OVER (ORDER BY new.place),
               event_ids[new.place],
               command_ids[stream_commands[new.stream]],
               event_metadata[new.place]
        FROM (
            SELECT given.stream, given.place, row_number() OVER (PARTITION BY given.stream ORDER BY given.place) AS step
            FROM unnest(event_streams) WITH ORDINALITY AS given (stream, place)
            WHERE append.outcomes[stream_commands[given.stream]] = 0
        ) AS new;
    END IF;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written = 0 THEN
        RETURN;
    END IF;

    IF identity_keys IS NOT NULL THEN
        INSERT INTO log.identity_key (kind, value, person_id)
        SELECT key.one ->> 1, key.one ->> 2, (key.one ->> 4)::uuid
        FROM jsonb_array_elements(identity_keys) AS key (one)
        WHERE append.outcomes[(key.one ->> 0)::integer] = 0 AND key.one ->> 4 IS NOT NULL
        ON CONFLICT DO NOTHING;
    END IF;
    IF reservations IS NOT NULL THEN
        DELETE FROM log.reservation AS held
        USING jsonb_array_elements(reservations) AS free (one)
        WHERE free.one ->> 4 IS NULL AND append.outcomes[(free.one ->> 0)::integer] = 0
          AND held.scope = free.one ->> 1 AND held.key = free.one ->> 2 AND held.holder = (free.one ->> 3)::uuid;
        INSERT INTO log.reservation (scope, key, holder)
        SELECT place.one ->> 1, place.one ->> 2, (place.one ->> 3)::uuid
        FROM jsonb_array_elements(reservations) AS place (one)
        WHERE place.one ->> 4 IS NOT NULL AND append.outcomes[(place.one ->> 0)::integer] = 0
        ON CONFLICT DO NOTHING;
    END IF;

    PERFORM pg_notify('ccp_log', (append."position" + written)::text);
END
$$;

COMMENT ON FUNCTION log.append(command_ids uuid[], stream_commands integer[], stream_ids uuid[], stream_versions bigint[], event_streams integer[], event_topics text[], event_states bytea[], event_ids uuid[], event_metadata json[], one_each boolean, identity_keys jsonb, reservations jsonb, OUT outcomes smallint[], OUT "position" bigint, OUT versions bigint[]) IS 'Write the events of each command, all or none of them; or say that the command was carried out before, or that there is a conflict.';

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

CREATE TABLE dispatch.untold (
    name text NOT NULL,
    case_id uuid NOT NULL,
    after_position bigint NOT NULL,
    reason text NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE dispatch.untold IS 'Cases whose processes could not be told of what came after a position, and the kind of error that was met. The dispatcher went on without them, and tries them again.';

CREATE TABLE log.digest_key (
    only_one boolean DEFAULT true NOT NULL,
    key bytea NOT NULL,
    CONSTRAINT digest_key_only_one_check CHECK (only_one)
);

COMMENT ON TABLE log.digest_key IS 'One row, made by the migration. Without it, no digest of a command''s body (in the envelope) can be made or tried.';

CREATE TABLE log.event (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint NOT NULL,
    event_id uuid NOT NULL,
    command_id uuid NOT NULL,
    metadata json NOT NULL,
    CONSTRAINT event_notification_id_check CHECK ((notification_id >= 1)),
    CONSTRAINT event_originator_version_check CHECK ((originator_version >= 0))
);

COMMENT ON TABLE log.event IS 'What happened, for ever. Written by log.append alone, changed by nobody.';

COMMENT ON COLUMN log.event.originator_id IS 'The stream: a case, person, meeting or key worker.';

COMMENT ON COLUMN log.event.originator_version IS 'Place in the stream, without gaps: from 1 in our streams.';

COMMENT ON COLUMN log.event.state IS 'The event as JSON in UTF-8.';

COMMENT ON COLUMN log.event.notification_id IS 'Place in the whole log, from 1, without gaps, in the order of commits.';

CREATE TABLE log.identity_key (
    kind text NOT NULL,
    value text NOT NULL,
    person_id uuid NOT NULL
);

COMMENT ON TABLE log.identity_key IS 'By what a person may be found again. Derived from the log, written beside it by log.append, deletable.';

CREATE TABLE log.reservation (
    scope text NOT NULL,
    key text NOT NULL,
    holder uuid NOT NULL
);

COMMENT ON TABLE log.reservation IS 'Who holds one of a limited number of places: a person''s one open case in a programme (scope open_case), a key worker''s cases (scope place). Derived from the log, written beside it by log.append, deletable.';

CREATE TABLE log.turn (
);

COMMENT ON TABLE log.turn IS 'Always empty: its lock is the right to append.';

CREATE TABLE migration.applied (
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE outbox.message (
    message_id uuid NOT NULL,
    "position" bigint NOT NULL,
    event_id uuid NOT NULL,
    recipient text NOT NULL,
    agency text,
    worker_id uuid,
    about text NOT NULL,
    case_id uuid,
    meeting_id uuid,
    at timestamp with time zone NOT NULL,
    correlation_id uuid NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    tries_left integer NOT NULL,
    last_error text,
    next_attempt_at timestamp with time zone,
    delivered_at timestamp with time zone
);

COMMENT ON COLUMN outbox.message.message_id IS 'made of event, recipient and what it is about, so that there is one of each';

COMMENT ON COLUMN outbox.message.last_error IS 'the kind of the last error, never its words';

COMMENT ON COLUMN outbox.message.next_attempt_at IS 'null when it was delivered, or was given up until somebody retries it';

CREATE TABLE outbox."position" (
    name text NOT NULL,
    "position" bigint NOT NULL
);

COMMENT ON TABLE outbox."position" IS 'Up to where in the log everybody has a message who is to be told.';

CREATE TABLE outbox.unread (
    "position" bigint NOT NULL,
    reason text NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL
);

COMMENT ON TABLE outbox.unread IS 'Events that could not be read, and the kind of error: who is to be told of them is not known yet. Tried again.';

ALTER TABLE ONLY dispatch."position"
    ADD CONSTRAINT position_pkey PRIMARY KEY (name);

ALTER TABLE ONLY dispatch.untold
    ADD CONSTRAINT untold_pkey PRIMARY KEY (name, case_id);

ALTER TABLE ONLY log.digest_key
    ADD CONSTRAINT digest_key_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY log.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (originator_id, originator_version);

ALTER TABLE ONLY log.identity_key
    ADD CONSTRAINT identity_key_pkey PRIMARY KEY (kind, value, person_id);

ALTER TABLE ONLY log.reservation
    ADD CONSTRAINT reservation_pkey PRIMARY KEY (scope, key, holder);

ALTER TABLE ONLY migration.applied
    ADD CONSTRAINT applied_pkey PRIMARY KEY (number);

ALTER TABLE ONLY outbox.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (message_id);

ALTER TABLE ONLY outbox."position"
    ADD CONSTRAINT position_pkey PRIMARY KEY (name);

ALTER TABLE ONLY outbox.unread
    ADD CONSTRAINT unread_pkey PRIMARY KEY ("position");

CREATE UNIQUE INDEX event_command_id_event_id ON log.event USING btree (command_id, event_id);

CREATE INDEX event_key_worker_registered ON log.event USING btree (notification_id) WHERE (topic = 'KeyWorkerRegistered'::text);

CREATE UNIQUE INDEX event_notification_id ON log.event USING btree (notification_id);

CREATE INDEX event_waiting_list ON log.event USING btree (originator_id, notification_id, topic) WHERE (topic = ANY (ARRAY['WaitingListJoined'::text, 'WaitingListLeft'::text, 'CaseReopened'::text, 'MergeReversed'::text]));

CREATE INDEX identity_key_person_id ON log.identity_key USING btree (person_id);

CREATE INDEX message_position ON outbox.message USING btree ("position", message_id);

CREATE INDEX message_undelivered ON outbox.message USING btree ("position", message_id) WHERE (delivered_at IS NULL);

CREATE INDEX message_waiting ON outbox.message USING btree (next_attempt_at) WHERE (next_attempt_at IS NOT NULL);

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE OR TRUNCATE ON log.event FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

ALTER TABLE log.event ENABLE ALWAYS TRIGGER refuse_change;

GRANT USAGE ON SCHEMA dispatch TO ccp_app;

GRANT USAGE ON SCHEMA log TO ccp_app;

GRANT USAGE ON SCHEMA outbox TO ccp_app;

GRANT ALL ON SCHEMA read TO ccp_app;

REVOKE ALL ON FUNCTION log.append(command_ids uuid[], stream_commands integer[], stream_ids uuid[], stream_versions bigint[], event_streams integer[], event_topics text[], event_states bytea[], event_ids uuid[], event_metadata json[], one_each boolean, identity_keys jsonb, reservations jsonb, OUT outcomes smallint[], OUT "position" bigint, OUT versions bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION log.append(command_ids uuid[], stream_commands integer[], stream_ids uuid[], stream_versions bigint[], event_streams integer[], event_topics text[], event_states bytea[], event_ids uuid[], event_metadata json[], one_each boolean, identity_keys jsonb, reservations jsonb, OUT outcomes smallint[], OUT "position" bigint, OUT versions bigint[]) TO ccp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE dispatch."position" TO ccp_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE dispatch.untold TO ccp_app;

GRANT SELECT ON TABLE log.digest_key TO ccp_app;

GRANT SELECT ON TABLE log.event TO ccp_app;

GRANT SELECT ON TABLE log.identity_key TO ccp_app;

GRANT SELECT ON TABLE log.reservation TO ccp_app;

GRANT SELECT,INSERT,UPDATE ON TABLE outbox.message TO ccp_app;

GRANT SELECT,UPDATE ON TABLE outbox."position" TO ccp_app;

GRANT SELECT,INSERT,DELETE ON TABLE outbox.unread TO ccp_app;
