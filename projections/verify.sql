-- name: position
-- description: Where the build of a read model that answers is, in this transaction's view.
SELECT name, build, version, stage, tables, indexed, position, parked, begun_at, applied_at
FROM read.build
WHERE name = $1 AND stage = 'serving';

-- name: analyze
-- description: Let the comparison be planned for what was rebuilt.
ANALYZE rebuilt.compared;

-- name: count
-- description: How many rows are compared.
SELECT count(*) FROM rebuilt.compared;

-- name: differences
-- description: Rows that are in only one of the two tables, at most $1 of each.
(
    SELECT true AS is_live, to_jsonb(one) AS row
    FROM (SELECT * FROM live.compared EXCEPT ALL SELECT * FROM rebuilt.compared) AS one
    LIMIT $1
)
UNION ALL
(
    SELECT false, to_jsonb(one)
    FROM (SELECT * FROM rebuilt.compared EXCEPT ALL SELECT * FROM live.compared) AS one
    LIMIT $1
);

-- name: key
-- description: The columns of a table's primary key.
SELECT a.attname AS column
FROM pg_index AS i
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = $1::text::regclass AND i.indisprimary
ORDER BY a.attnum;

-- name: marked
-- description: The columns of a table that are marked as personal or as about staff.
SELECT a.attname AS column
FROM pg_attribute AS a
WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
  AND col_description(a.attrelid, a.attnum) ~ '^(personal|staff)';

-- name: forget_tables
-- description: Remove the tables of this session.
DISCARD TEMP;
