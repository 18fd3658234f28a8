-- try_acquire, acquire_many and create_lease.

-- name: acquire_context
-- What an acquire reads before it picks a proxy: the state, the pool's id, whether any lease has expired, whether the
-- lease id is taken, the consumer's id.
-- Parameters: the clock's time, lease id, consumer name, pool name.
SELECT state.now, state.use_sequence, state.ended_leases, pool.id,
    EXISTS (SELECT 1 FROM lease INDEXED BY lease_expiry WHERE status = 0 AND expires_at <= max(state.now, ?)),
    EXISTS (SELECT 1 FROM lease WHERE id = ?),
    (SELECT id FROM consumer WHERE name = ?)
FROM state LEFT JOIN pool ON pool.name = ?;

-- name: available_proxies
-- The available proxies of a pool that may match, in the selector's order.
-- Slots: {index}, {available} and {sort_order} depend on the selector; {filter} is empty or continues the condition.
-- Parameters: pool id; those of the filter; how many at most.
SELECT id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country, city, isp,
    asn, latitude, longitude, latency_ms, max_concurrency, current_leases, weight, tags, metadata, fencing, random_key,
    weighted_key
FROM proxy INDEXED BY {index}
WHERE pool_id = ? AND {available}{filter}
ORDER BY {sort_order}
LIMIT ?;

-- name: available_proxy_ids
-- The ids of the same rows, all of them.
-- Parameters: pool id; those of the filter.
SELECT id
FROM proxy INDEXED BY {index}
WHERE pool_id = ? AND {available}{filter}
ORDER BY {sort_order};

-- name: available_proxy_by_id
-- One of the same rows, if it is still available and may match.
-- Parameters: pool id; those of the filter; proxy id.
SELECT id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country, city, isp,
    asn, latitude, longitude, latency_ms, max_concurrency, current_leases, weight, tags, metadata, fencing, random_key,
    weighted_key
FROM proxy
WHERE pool_id = ? AND {available}{filter} AND id = ?;

-- name: proxy_to_lease
-- create_lease: the proxy as stored, and the name of its pool.
-- Parameter: proxy id.
SELECT proxy.id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country, city,
    isp, asn, latitude, longitude, latency_ms, max_concurrency, current_leases, weight, tags, proxy.metadata, fencing,
    random_key, weighted_key, pool.name
FROM proxy JOIN pool ON pool.id = proxy.pool_id
WHERE proxy.id = ?;

-- name: count_lease
-- The proxy has one more lease and is still available: other indexes than those of the use sequence and the lease
-- count are not written.
-- Parameters: current leases, use sequence, fencing token, proxy id.
UPDATE proxy SET current_leases = ?, use_sequence = ?, fencing = ? WHERE id = ?;

-- name: count_last_lease
-- The proxy has reached its limit.
-- Parameters: current leases, use sequence, fencing token, proxy id.
UPDATE proxy SET current_leases = ?, use_sequence = ?, fencing = ?, available = 0 WHERE id = ?;

-- name: insert_lease
INSERT INTO lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, fencing, metadata,
    tenure_ends_at)
VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?);

-- name: miss_has_match
-- Whether the pool has a proxy that may match, available or full, for any selector.
-- Slots: {status} is 0 (active) or 2 (slow).
-- Parameters: pool id, 1 for proxies below their limit or 0 for full ones; those of the filter.
SELECT 1
FROM proxy INDEXED BY proxy_pool
WHERE pool_id = ? AND status = {status} AND (max_concurrency IS NULL OR current_leases < max_concurrency) = ?{filter}
LIMIT 1;

-- name: pool_keys
-- The state of a pool's random orders.
-- Parameter: pool id.
SELECT random_high, weighted_high, largest_weight FROM pool WHERE id = ?;

-- name: set_largest_weight
UPDATE pool SET largest_weight = ? WHERE id = ?;

-- name: set_random_high
UPDATE pool SET random_high = ? WHERE id = ?;

-- name: set_random_key
UPDATE proxy SET random_key = ? WHERE id = ?;

-- name: set_weighted_high
UPDATE pool SET weighted_high = ? WHERE id = ?;

-- name: set_weighted_key
UPDATE proxy SET weighted_key = ? WHERE id = ?;
