-- remove_pool for many proxies: first the pool, then its proxies in several transactions. A proxy without a pool is not
-- visible.

-- name: pool_has_more_proxies
-- Parameters: pool id, than how many.
SELECT 1 FROM proxy INDEXED BY proxy_pool WHERE pool_id = ? LIMIT 1 OFFSET ?;

-- name: insert_removed_pool
INSERT INTO removed_pool (id) VALUES (?);

-- name: is_removed_pool
SELECT 1 FROM removed_pool WHERE id = ?;

-- name: removed_pool
SELECT id FROM removed_pool LIMIT 1;

-- name: proxies_of_removed_pool
-- Parameters: pool id, how many at most.
SELECT id FROM proxy INDEXED BY proxy_pool WHERE pool_id = ? ORDER BY id LIMIT ?;

-- name: delete_removed_pool
DELETE FROM removed_pool WHERE id = ?;
