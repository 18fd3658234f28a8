-- Pools and consumers. Waiters are notified of a pool's changes (pharox.notify_waiters).

-- name: pool_by_name
-- Parameter: $1 name.
SELECT id, name, description, metadata FROM pharox.pool WHERE name = $1;

-- name: list_pools
-- Parameters: $1 name after which to begin, $2 how many at most.
SELECT id, name, description, metadata FROM pharox.pool WHERE name > $1 ORDER BY name LIMIT $2;

-- name: insert_pool
-- Whether it was inserted, whether its name is taken, whether its id is. All false: another transaction has just
-- removed or inserted the one that was in the way.
-- Parameters: $1 id, $2 name, $3 description, $4 metadata.
WITH added AS (
    INSERT INTO pharox.pool (id, name, description, metadata) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
    RETURNING id)
SELECT EXISTS (SELECT 1 FROM added), EXISTS (SELECT 1 FROM pharox.pool WHERE name = $2),
    EXISTS (SELECT 1 FROM pharox.pool WHERE id = $1);

-- name: update_pool
-- The name that it had, or nothing if there is no such pool. A violation of pool_name_key: another has the name.
-- Parameters: $1 id, $2 name, $3 description, $4 metadata.
WITH before AS MATERIALIZED (SELECT id, name FROM pharox.pool WHERE id = $1 FOR UPDATE)
UPDATE pharox.pool p
SET name = $2, description = $3, metadata = $4
FROM before
WHERE p.id = before.id
RETURNING before.name, pharox.notify_waiters(p.id, 'pool');

-- name: pool_id_by_name
-- Parameter: $1 name.
SELECT id FROM pharox.pool WHERE name = $1;

-- name: lock_pool
-- No proxy can be added while this is held.
-- Parameter: $1 name.
SELECT id FROM pharox.pool WHERE name = $1 FOR UPDATE;

-- name: lock_proxies_of_pool
-- In the order of every transaction that locks several. None of them can be leased while this is held.
-- Parameter: $1 pool id.
SELECT id FROM pharox.proxy WHERE pool_id = $1 ORDER BY id FOR UPDATE;

-- name: delete_proxies_of_pool
-- Parameter: $1 pool id.
DELETE FROM pharox.proxy WHERE pool_id = $1;

-- name: delete_pool
-- Notifies its waiters of the removal.
-- Parameter: $1 id.
DELETE FROM pharox.pool WHERE id = $1 RETURNING name, pharox.notify_waiters(id, 'pool');

-- name: consumer_by_name
-- Parameter: $1 name.
SELECT id, name FROM pharox.consumer WHERE name = $1;

-- name: list_consumers
-- Parameters: $1 name after which to begin, $2 how many at most.
SELECT id, name FROM pharox.consumer WHERE name > $1 ORDER BY name LIMIT $2;

-- name: insert_consumer
-- As insert_pool.
-- Parameters: $1 id, $2 name.
WITH added AS (
    INSERT INTO pharox.consumer (id, name) VALUES ($1, $2)
    ON CONFLICT DO NOTHING
    RETURNING id)
SELECT EXISTS (SELECT 1 FROM added), EXISTS (SELECT 1 FROM pharox.consumer WHERE name = $2),
    EXISTS (SELECT 1 FROM pharox.consumer WHERE id = $1);

-- name: lock_consumer
-- An acquire that has read the consumer before may still insert its lease, because acquires take no lock of consumers:
-- such leases are ended after the removal (CatalogStore::end_late_leases).
-- Parameter: $1 name.
SELECT id FROM pharox.consumer WHERE name = $1 FOR UPDATE;

-- name: delete_consumer
-- Parameter: $1 id.
DELETE FROM pharox.consumer WHERE id = $1;
