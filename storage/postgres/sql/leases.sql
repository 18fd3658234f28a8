-- renew_lease, renew_many, list_leases, get_pool_stats.

-- name: renew_lease
-- The lease, or nothing if it has ended or has reached its tenure. Whether a lease that is looked up by its id is active
-- is read from released_at: its status would invite the planner to read the index of all active leases.
-- Parameters: $1 lease id, $2 duration in ms.
WITH clock AS MATERIALIZED (SELECT latest_expiry FROM pharox.clock)
UPDATE pharox.lease
SET expires_at = least(
        greatest(expires_at, greatest(pharox.now_utc(), (SELECT latest_expiry FROM clock)) + $2 * interval '1 millisecond'),
        coalesce(tenure_ends_at, 'infinity'))
WHERE id = $1 AND released_at IS NULL
    AND expires_at > greatest(pharox.now_utc(), (SELECT latest_expiry FROM clock))
    AND (tenure_ends_at IS NULL OR expires_at < tenure_ends_at)
RETURNING id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    tenure_ends_at, metadata;

-- name: renew_leases
-- The same for several different leases, except those that another transaction has locked: the statement waits for none
-- while it holds the locks of others.
-- Parameters: $1 lease ids, $2 durations in ms.
WITH clock AS MATERIALIZED (SELECT latest_expiry FROM pharox.clock),
wanted AS MATERIALIZED (
    SELECT l.id, asked.duration
    FROM unnest($1::uuid[], $2::bigint[]) AS asked (id, duration) JOIN pharox.lease l ON l.id = asked.id
    WHERE l.released_at IS NULL
    FOR NO KEY UPDATE OF l SKIP LOCKED)
UPDATE pharox.lease l
SET expires_at = least(
        greatest(l.expires_at, greatest(pharox.now_utc(), (SELECT latest_expiry FROM clock))
            + wanted.duration * interval '1 millisecond'),
        coalesce(l.tenure_ends_at, 'infinity'))
FROM wanted
WHERE l.id = wanted.id AND l.released_at IS NULL
    AND l.expires_at > greatest(pharox.now_utc(), (SELECT latest_expiry FROM clock))
    AND (l.tenure_ends_at IS NULL OR l.expires_at < l.tenure_ends_at)
RETURNING l.id, l.proxy_id, l.consumer_id, l.pool_id, l.pool_name, l.status, l.acquired_at, l.expires_at, l.released_at,
    l.reason, l.fencing, l.tenure_ends_at, l.metadata;

-- name: list_leases
-- By id: the store's time, then the lease.
-- Parameters: $1 id after which to begin, $2 how many at most, $3 retention in ms, $4 pool name, $5 consumer name,
-- $6 proxy id, $7 status (each of the last four may be NULL).
WITH instant AS MATERIALIZED (SELECT pharox.observed_time() AS now)
SELECT (SELECT now FROM instant), id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at,
    released_at, reason, fencing, tenure_ends_at, metadata
FROM pharox.lease
WHERE id > $1
    AND (status = 0 OR released_at > (SELECT now FROM instant) - $3 * interval '1 millisecond')
    AND ($4::text IS NULL OR pool_name = $4)
    AND ($5::text IS NULL OR consumer_id = (SELECT id FROM pharox.consumer WHERE name = $5))
    AND ($6::uuid IS NULL OR proxy_id = $6)
    AND ($7::int2 IS NULL OR ($7 = 0) = (status = 0 AND expires_at > (SELECT now FROM instant)))
ORDER BY id
LIMIT $2;

-- name: pool_stats
-- Pool id, the store's time; proxies, active ones, available ones, leased ones, active leases. Expired leases do not
-- count, collected or not.
-- Parameter: $1 pool name.
WITH instant AS MATERIALIZED (SELECT pharox.observed_time() AS now),
expired AS MATERIALIZED (
    SELECT proxy_id, count(*)::int AS leases FROM pharox.lease
    WHERE status = 0 AND expires_at <= (SELECT now FROM instant)
    GROUP BY proxy_id),
live AS (
    SELECT p.status, p.max_concurrency, p.current_leases - coalesce(expired.leases, 0) AS leases
    FROM pharox.proxy p LEFT JOIN expired ON expired.proxy_id = p.id
    WHERE p.pool_id = (SELECT id FROM pharox.pool WHERE name = $1))
SELECT (SELECT id FROM pharox.pool WHERE name = $1), (SELECT now FROM instant), count(*),
    count(*) FILTER (WHERE status = 0),
    count(*) FILTER (WHERE status = 0 AND (max_concurrency IS NULL OR leases < max_concurrency)),
    count(*) FILTER (WHERE leases > 0),
    coalesce(sum(leases), 0)::bigint
FROM live;
