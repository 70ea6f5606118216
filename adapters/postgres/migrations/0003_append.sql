-- The one way into the log. The application role may call it, and has no other right to write there.

CREATE FUNCTION log.append(
    this_command       uuid,
    stream_ids         uuid[],   -- every stream that was read,
    expected_versions  bigint[], -- and where it must still stand: 0 for a new one, -1 for wherever it stands
    event_stream_ids   uuid[],   -- the events in their order: stream, topic, state, id and envelope of each
    event_topics       text[],
    event_states       bytea[],
    event_ids          uuid[],
    event_metadata     jsonb[],
    key_kinds          text[],   -- identity keys,
    key_values         text[],
    people_seen        uuid[],   -- whose holders must all be among these,
    registers          uuid      -- and who holds them from now on, if anybody
) RETURNS TABLE (
    outcome     text,            -- 'written', 'repeated', or 'conflict' with nothing else in its single row
    "position"  bigint,
    stream_id   uuid,
    version     bigint,
    topic       text,
    event_id    uuid,
    command     text,
    recorded_at timestamptz
)
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
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

COMMENT ON FUNCTION log.append IS
    'Write one command''s events, all or none; or answer what it wrote before; or answer that there is a conflict.';
REVOKE ALL ON FUNCTION log.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO ccp_app;
