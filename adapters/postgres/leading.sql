-- Who leads a piece of work that is done once per database.

-- name: lead
-- description: Becomes the one leader of a work ($1) under a name ($2), if there is no other; ends with the connection.
SELECT pg_try_advisory_lock(hashtext($1), hashtext($2));

-- name: set_up
-- description: A leader whose machine has gone is noticed within seconds.
SELECT set_config('tcp_keepalives_idle', '3', false), set_config('tcp_keepalives_interval', '1', false),
       set_config('tcp_keepalives_count', '3', false);
