-- What the product tells people: each message once. Kept apart from the read models, so that these can be made anew
-- without telling anybody anything again.
CREATE SCHEMA outbox;
GRANT USAGE ON SCHEMA outbox TO ccp_app;

CREATE TABLE outbox.position (
    name       text   PRIMARY KEY,
    "position" bigint NOT NULL
);
COMMENT ON TABLE outbox.position IS 'Up to where in the log everybody has a message who is to be told.';
GRANT SELECT, UPDATE ON outbox.position TO ccp_app;
-- What happened before there was an outbox is not told afterwards.
INSERT INTO outbox.position (name, "position")
SELECT 'outbox', coalesce(max(notification_id), 0) FROM log.event;

CREATE TABLE outbox.message (
    message_id      uuid        PRIMARY KEY,
    "position"      bigint      NOT NULL,
    event_id        uuid        NOT NULL,
    recipient       text        NOT NULL,
    agency          text,
    worker_id       uuid,
    about           text        NOT NULL,
    case_id         uuid,
    meeting_id      uuid,
    at              timestamptz NOT NULL,
    correlation_id  uuid        NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    tries_left      integer     NOT NULL,
    last_error      text,
    next_attempt_at timestamptz,
    delivered_at    timestamptz
);
COMMENT ON COLUMN outbox.message.message_id IS 'made of event, recipient and what it is about, so that there is one of each';
COMMENT ON COLUMN outbox.message.last_error IS 'the kind of the last error, never its words';
COMMENT ON COLUMN outbox.message.next_attempt_at IS 'null when it was delivered, or was given up until somebody retries it';
CREATE INDEX message_position ON outbox.message ("position", message_id);
CREATE INDEX message_waiting ON outbox.message (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX message_undelivered ON outbox.message ("position", message_id) WHERE delivered_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON outbox.message TO ccp_app;

CREATE TABLE outbox.unread (
    "position" bigint      PRIMARY KEY,
    reason     text        NOT NULL,
    since      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE outbox.unread IS
    'Events that could not be read, and the kind of error: who is to be told of them is not known yet. Tried again.';
GRANT SELECT, INSERT, DELETE ON outbox.unread TO ccp_app;
