-- The key of the digests that tell whether a command id came again with another body. It is made here once and never leaves
-- the database but to those who write to the log: whoever has a digest alone can try no guess at what was sent.

CREATE TABLE log.digest_key (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    key      bytea   NOT NULL
);
COMMENT ON TABLE log.digest_key IS
    'One row, made by the migration. Without it, no digest of a command''s body (in the envelope) can be made or tried.';

-- Two random ids hold 244 bits that nobody can guess, from the source that the server uses for its own secrets.
INSERT INTO log.digest_key (key) VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

GRANT SELECT ON log.digest_key TO ccp_app;
