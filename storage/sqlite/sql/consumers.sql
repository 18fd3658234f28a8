-- name: insert_consumer
INSERT INTO consumer (id, name) VALUES (?, ?);

-- name: consumer_by_name
SELECT id, name FROM consumer WHERE name = ?;

-- name: consumer_by_id
SELECT id, name FROM consumer WHERE id = ?;

-- name: delete_consumer
DELETE FROM consumer WHERE id = ?;

-- name: list_consumers
-- Parameters: name after which to begin, how many at most.
SELECT id, name FROM consumer WHERE name > ? ORDER BY name LIMIT ?;
