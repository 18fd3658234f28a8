-- renew_lease, get_lease, list_leases, get_pool_stats, and the active leases of what is removed.

-- name: lease_by_id
SELECT id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    metadata, tenure_ends_at
FROM lease
WHERE id = ?;

-- name: renew_lease
-- Parameters: when it expires, lease id.
UPDATE lease SET expires_at = ? WHERE id = ?;

-- name: expiry_of_active_lease
SELECT expires_at FROM lease WHERE id = ? AND status = 0;

-- name: list_leases
-- By id. No index serves the comparison that distinguishes active from ended leases; the order of ids is more useful.
-- Parameters: 1 time, 2 id after which to begin, 3 pool name, 4 consumer id, 5 proxy id, 6 whether active (each of the
-- four may be NULL), 7 the time up to which ended leases are forgotten, 8 how many at most.
SELECT id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    metadata, tenure_ends_at
FROM lease
WHERE id > ?2
    AND (?3 IS NULL OR pool_name = ?3)
    AND (?4 IS NULL OR consumer_id = ?4)
    AND (?5 IS NULL OR proxy_id = ?5)
    AND (?6 IS NULL OR (status = 0 AND expires_at > ?1) = ?6)
    AND coalesce(released_at, expires_at) > ?7
ORDER BY id
LIMIT ?8;

-- name: active_leases_of_proxy
-- Includes expired leases that no call has collected, here and below.
SELECT id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    metadata, tenure_ends_at
FROM lease INDEXED BY lease_expiry
WHERE status = 0 AND proxy_id = ?
ORDER BY expires_at, id;

-- name: active_leases_of_pool
SELECT id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    metadata, tenure_ends_at
FROM lease INDEXED BY lease_expiry
WHERE status = 0 AND EXISTS (SELECT 1 FROM proxy WHERE proxy.id = lease.proxy_id AND proxy.pool_id = ?)
ORDER BY expires_at, id;

-- name: active_leases_of_consumer
SELECT id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    metadata, tenure_ends_at
FROM lease INDEXED BY lease_expiry
WHERE status = 0 AND consumer_id = ?
ORDER BY expires_at, id;

-- name: pool_stats
-- Proxies, active ones, available ones, leased ones, active leases. Expired leases do not count, collected or not.
-- Parameters: time, pool id.
WITH expired AS MATERIALIZED (
    SELECT proxy_id, count(*) AS leases
    FROM lease INDEXED BY lease_expiry
    WHERE status = 0 AND expires_at <= ?
    GROUP BY proxy_id),
live AS (
    SELECT proxy.status AS status, max_concurrency, current_leases - coalesce(expired.leases, 0) AS leases
    FROM proxy LEFT JOIN expired ON expired.proxy_id = proxy.id
    WHERE proxy.pool_id = ?)
SELECT count(*),
    coalesce(sum(status = 0), 0),
    coalesce(sum(status = 0 AND (max_concurrency IS NULL OR leases < max_concurrency)), 0),
    coalesce(sum(leases > 0), 0),
    coalesce(sum(leases), 0)
FROM live;
