-- name: insert_pool
INSERT INTO pool (id, name, description, metadata) VALUES (?, ?, ?, ?);

-- name: update_pool
UPDATE pool SET name = ?, description = ?, metadata = ? WHERE id = ?;

-- name: delete_pool
DELETE FROM pool WHERE id = ?;

-- name: delete_proxies_of_pool
DELETE FROM proxy WHERE pool_id = ?;

-- name: pool_by_name
SELECT id, name, description, metadata FROM pool WHERE name = ?;

-- name: pool_id_by_name
SELECT id FROM pool WHERE name = ?;

-- name: pool_by_id
SELECT id, name, description, metadata FROM pool WHERE id = ?;

-- name: list_pools
-- Parameters: name after which to begin, how many at most.
SELECT id, name, description, metadata FROM pool WHERE name > ? ORDER BY name LIMIT ?;
