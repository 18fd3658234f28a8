-- name: insert_proxy
-- Inserts nothing if the id or the identity is taken.
INSERT INTO proxy (id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country,
    city, isp, asn, latitude, longitude, latency_ms, max_concurrency, weight, tags, metadata, identity, available,
    random_key, weighted_key, current_leases, use_sequence, fencing)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)
ON CONFLICT DO NOTHING;

-- name: update_proxy
UPDATE proxy
SET pool_id = ?, host = ?, port = ?, protocol = ?, status = ?, checked_at = ?, user = ?, password = ?, template = ?,
    source = ?, country = ?, city = ?, isp = ?, asn = ?, latitude = ?, longitude = ?, latency_ms = ?,
    max_concurrency = ?, weight = ?, tags = ?, metadata = ?, identity = ?, available = ?, random_key = ?,
    weighted_key = ?
WHERE id = ?;

-- name: delete_proxy
DELETE FROM proxy WHERE id = ?;

-- name: proxy_by_id
-- As stored: the lease count includes expired leases that no call has collected.
SELECT id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country, city, isp,
    asn, latitude, longitude, latency_ms, max_concurrency, current_leases, weight, tags, metadata, fencing, random_key,
    weighted_key
FROM proxy
WHERE id = ? AND EXISTS (SELECT 1 FROM pool WHERE pool.id = proxy.pool_id);

-- name: live_proxy_by_id
-- As the storage shows it: without expired leases.
-- Parameters: 1 time, 2 proxy id.
SELECT id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country, city, isp,
    asn, latitude, longitude, latency_ms, max_concurrency,
    current_leases - (
        SELECT count(*) FROM lease INDEXED BY lease_expiry
        WHERE lease.status = 0 AND lease.expires_at <= ?1 AND lease.proxy_id = proxy.id),
    weight, tags, metadata, fencing, random_key, weighted_key
FROM proxy
WHERE id = ?2 AND EXISTS (SELECT 1 FROM pool WHERE pool.id = proxy.pool_id);

-- name: proxy_id_by_identity
SELECT id FROM proxy WHERE pool_id = ? AND identity = ?;

-- name: list_proxies
-- By id, as the storage shows them. Slots: {filter} is empty or continues the condition.
-- Parameters: 1 time, 2 pool id, 3 id after which to begin, 4 status or NULL; those of the filter; how many at most.
SELECT id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country, city, isp,
    asn, latitude, longitude, latency_ms, max_concurrency,
    current_leases - (
        SELECT count(*) FROM lease INDEXED BY lease_expiry
        WHERE lease.status = 0 AND lease.expires_at <= ?1 AND lease.proxy_id = proxy.id),
    weight, tags, metadata, fencing, random_key, weighted_key
FROM proxy INDEXED BY proxy_pool
WHERE pool_id = ?2 AND id > ?3 AND (?4 IS NULL OR status = ?4){filter}
ORDER BY id
LIMIT ?;
