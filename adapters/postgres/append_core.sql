-- name: append
-- Write the commands of a batch, each all or none; see the function for what each parameter is.
SELECT outcomes, "position", versions
FROM log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);
