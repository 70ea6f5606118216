-- The rest of an envelope is kept as the JSON that was written, not taken apart: that was a tenth of what an append cost the
-- database, and nobody asks for more of it than a field of a row found by other means. The rows there are are written anew.
--
-- log.append, as before but for that and for two things more. No two commands of a batch may share an id or a stream: that
-- is no longer looked for, because the primary key and the index by command find it, and then nothing of the batch is
-- written; nor whether each has an event, without which there is nothing to write. And where no stream gets more than one
-- event there are no places in a stream to be counted.

ALTER TABLE log.event ALTER COLUMN metadata TYPE json USING metadata::text::json;

DROP FUNCTION log.append;
CREATE FUNCTION log.append(
    command_ids      uuid[],

    stream_commands  integer[],-- every stream that was read, with its command's place in command_ids (from 1),
    stream_ids       uuid[],
    stream_versions  bigint[], -- and where it must still stand: 0 for a new one, NULL for wherever it stands

    event_streams    integer[],-- the events in their order: the place of the stream in stream_ids (from 1),
    event_topics     text[],   -- topic, state, id and envelope
    event_states     bytea[],
    event_ids        uuid[],
    event_metadata   json[],
    one_each         boolean,  -- no stream gets more than one event

    identity_keys    jsonb,    -- of [command, kind, value, people_seen, person_id]: all who hold the key must be among
                               -- the people seen, and person_id holds it from now on, if it is not null
    reservations     jsonb,    -- of [command, scope, key, holder, limit]: a place is taken while fewer than the limit
                               -- are, and given back where the limit is null; both lists are NULL when they are empty

    OUT outcomes     smallint[],-- of each command: 0 written, 1 repeated, 2 conflict
    OUT "position"   bigint,    -- after this one come the written events in their order
    OUT versions     bigint[]   -- of each stream: where it stood before
)
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- The plans are kept for as long as a connection lives, and must suit a log that was empty when they were made.
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
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

COMMENT ON FUNCTION log.append IS
    'Write the events of each command, all or none of them; or say that the command was carried out before, or that '
    'there is a conflict.';
REVOKE ALL ON FUNCTION log.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO ccp_app;
