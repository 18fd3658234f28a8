-- Which storages wait for which pools: see PoolNotifications and docs/adr/0009-notify-only-pools-with-waiters.md.

-- name: register_waiter
-- Transactions that began before this is committed may not see it. Deletes registrations of processes that died.
-- Parameters: $1 pool id, $2 number of the storage, $3 for how long it is valid, in ms.
WITH lapsed AS (
    DELETE FROM pharox.waiting
    WHERE (pool_id, store) IN (
        SELECT pool_id, store FROM pharox.waiting
        WHERE ends_at < clock_timestamp() - interval '1 minute'
        FOR UPDATE SKIP LOCKED))
INSERT INTO pharox.waiting (pool_id, store, ends_at)
VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
ON CONFLICT (pool_id, store) DO UPDATE SET ends_at = excluded.ends_at;

-- name: unregister_waiter
-- Parameters: $1 pool id, $2 number of the storage.
DELETE FROM pharox.waiting WHERE pool_id = $1 AND store = $2;

-- name: running_transactions
-- The virtual ids of the others that may change proxies or pools. Such a statement has locked its tables before its
-- snapshot is taken, and the locks are held until its changes are visible. Vacuum and readers, as pg_dump, have no such
-- lock.
SELECT coalesce(array_agg(DISTINCT virtualtransaction), ARRAY[]::text[])
FROM pg_locks
WHERE locktype = 'relation' AND granted AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation IN ('pharox.proxy'::regclass, 'pharox.pool'::regclass)
    AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock');

-- name: still_running_transactions
-- Parameter: $1 virtual ids.
SELECT coalesce(array_agg(virtualtransaction), ARRAY[]::text[])
FROM pg_locks
WHERE locktype = 'virtualxid' AND granted AND mode = 'ExclusiveLock' AND virtualtransaction = ANY ($1);
