-- name: keepers
-- description: Which server process holds the lock of which of the builds $2; $1 is the product's lock number.
SELECT wanted.name, lock.pid
FROM unnest($2::text[]) AS wanted (name)
JOIN pg_locks AS lock
    ON lock.locktype = 'advisory'
    AND lock.classid::bigint = $1::bigint
    AND lock.objid::bigint = hashtext(wanted.name)::bigint & 4294967295
    AND lock.objsubid = 2
    AND lock.granted
WHERE lock.database = (SELECT oid FROM pg_database WHERE datname = current_database());
