-- ping, audit, repair, and what operators are warned of.

-- name: schema_version
SELECT version FROM pharox.schema_version;

-- name: has_schema
-- Parameter: $1 name of the schema.
SELECT EXISTS (
    SELECT 1
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = 'schema_version');

-- name: lock_migration
-- One migration at a time of each schema, until the end of the transaction.
-- Parameter: $1 name of the schema.
SELECT pg_advisory_xact_lock(hashtext('pharox migration'), hashtext($1));

-- name: server_state
-- Whether it accepts no writes; the encoding of the database.
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean, current_setting('server_encoding');

-- name: clock_lead
-- By how many ms the store's time, which never runs backwards, is ahead of the server's clock.
SELECT greatest((extract(epoch FROM latest_expiry - pharox.now_utc()) * 1000)::bigint, 0)
FROM pharox.clock
WHERE latest_expiry <> '-infinity';

-- name: observe_time
-- The store's time, for a long transaction: in a transaction of its own, because it may lock the row of pharox.clock.
SELECT pharox.observed_time();

-- name: compare_counters
-- Proxies, active leases, then a proxy whose counter is wrong: its id, its pool's name, its counter, its active leases.
-- A row for each of those, and one with NULLs if there is none.
-- Parameter: $1 the store's time, see observe_time.
WITH instant AS MATERIALIZED (SELECT $1::timestamptz AS now),
counted AS MATERIALIZED (
    SELECT proxy_id,
        (count(*) FILTER (WHERE expires_at > (SELECT now FROM instant)))::int AS active,
        (count(*) FILTER (WHERE expires_at <= (SELECT now FROM instant)))::int AS expired
    FROM pharox.lease
    WHERE status = 0
    GROUP BY proxy_id),
wrong AS (
    SELECT p.id, p.pool_id, p.current_leases - coalesce(counted.expired, 0) AS counter,
        coalesce(counted.active, 0) AS active
    FROM pharox.proxy p LEFT JOIN counted ON counted.proxy_id = p.id
    WHERE p.current_leases - coalesce(counted.expired, 0) <> coalesce(counted.active, 0))
SELECT (SELECT count(*) FROM pharox.proxy), (SELECT coalesce(sum(active), 0)::bigint FROM counted), wrong.id,
    (SELECT name FROM pharox.pool WHERE id = wrong.pool_id), wrong.counter, wrong.active
FROM (SELECT 1) one LEFT JOIN wrong ON TRUE
ORDER BY wrong.id;

-- name: lock_for_repair
-- Waits for transactions that change or lock proxies, and new ones wait for the repair: every change of the leases that are
-- counted locks their proxies. One table, so that no statement waits in a circle with it.
LOCK TABLE pharox.proxy IN EXCLUSIVE MODE;

-- name: repair_proxies
-- Sets counters, and what indexes hold, to what leases and proxies say.
UPDATE pharox.proxy p
SET current_leases = correct.leases, availability = correct.availability,
    use_sequence_key = correct.use_sequence_key, lease_count_key = correct.lease_count_key,
    latency_key = correct.latency_key, random_key = correct.random_key, weighted_key = correct.weighted_key
FROM (
    SELECT q.id, q.leases, pharox.availability(q.status, q.max_concurrency, q.leases) AS availability,
        CASE WHEN pool.maintained_keys & 1 <> 0 THEN q.use_sequence END AS use_sequence_key,
        CASE WHEN pool.maintained_keys & 2 <> 0 THEN q.leases END AS lease_count_key,
        CASE WHEN pool.maintained_keys & 4 <> 0 THEN pharox.latency_key(q.latency_ms) END AS latency_key,
        CASE WHEN pool.maintained_keys & 8 <> 0
            THEN coalesce(q.random_key, pharox.next_random_key(pool.random_high)) END AS random_key,
        CASE WHEN pool.maintained_keys & 16 <> 0
            THEN coalesce(q.weighted_key, pharox.next_weighted_key(pool.weighted_high, q.weight)) END AS weighted_key
    FROM (
            SELECT proxy.*, coalesce(counted.leases, 0) AS leases
            FROM pharox.proxy
                LEFT JOIN (
                    SELECT proxy_id, count(*)::int AS leases FROM pharox.lease WHERE status = 0 GROUP BY proxy_id) counted
                    ON counted.proxy_id = proxy.id) q
        JOIN pharox.pool ON pool.id = q.pool_id) correct
WHERE p.id = correct.id
    AND (p.current_leases, p.availability, p.use_sequence_key, p.lease_count_key, p.latency_key, p.random_key,
            p.weighted_key)
        IS DISTINCT FROM (correct.leases, correct.availability, correct.use_sequence_key, correct.lease_count_key,
            correct.latency_key, correct.random_key, correct.weighted_key)
RETURNING pharox.notify_waiters(p.pool_id);

-- name: open_transaction
-- The transaction of this database that delays the clean-up of tables most: its age in ms (NULL if it is hidden from this
-- role), how many transactions began later, its server process. Only if it is old enough; a vacuum is not counted.
-- Parameters: $1 age in ms, $2 later transactions, where the age is hidden.
SELECT (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint,
    greatest(age(backend_xmin), age(backend_xid)), pid
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
    AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
    AND (
        xact_start <= clock_timestamp() - $1 * interval '1 millisecond'
        OR (xact_start IS NULL AND greatest(age(backend_xmin), age(backend_xid)) >= $2))
ORDER BY 2 DESC
LIMIT 1;
