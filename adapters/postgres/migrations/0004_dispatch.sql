-- How far each dispatcher has come. Forgetting it is harmless: the workflows ignore positions they have seen.

CREATE TABLE dispatch.position (
    name       text   PRIMARY KEY,
    "position" bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON dispatch.position TO ccp_app;
