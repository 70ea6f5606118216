-- How far each dispatcher has come. Forgetting it is harmless: the workflows ignore positions they have seen.

CREATE TABLE dispatch.position (
    name       text   PRIMARY KEY,
    "position" bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON dispatch.position TO ccp_app;

CREATE TABLE dispatch.untold (
    name             text        NOT NULL,
    case_id          uuid        NOT NULL,
    after_position   bigint      NOT NULL,
    reason           text        NOT NULL,
    since            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, case_id)
);
COMMENT ON TABLE dispatch.untold IS
    'Cases whose processes could not be told of what came after a position, and the kind of error that was met. The '
    'dispatcher went on without them, and tries them again.';
GRANT SELECT, INSERT, UPDATE, DELETE ON dispatch.untold TO ccp_app;
