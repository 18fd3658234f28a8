-- Proxies. What indexes hold (availability and the sort keys, see the schema) is written by every statement that
-- changes what it depends on: a generated column costs a sixth of the time of a lease. Proxies are shown without
-- expired leases, collected or not.

-- name: insert_proxy
-- The pool's name, or NULL if it is unknown; whether the proxy was inserted: not if its id, or its identity in the pool,
-- is taken.
-- Parameters: $1 id, $2 pool id, $3 host, $4 port, $5 protocol, $6 status, $7 checked_at, $8 username, $9 password,
-- $10 template, $11 source, $12 country, $13 city, $14 isp, $15 asn, $16 latitude, $17 longitude, $18 latency_ms,
-- $19 max_concurrency, $20 weight, $21 tags, $22 metadata, $23 identity.
WITH home AS MATERIALIZED (
    SELECT id, name, random_high, weighted_high, maintained_keys FROM pharox.pool WHERE id = $2
    FOR KEY SHARE),
added AS (
    INSERT INTO pharox.proxy (
        id, pool_id, host, port, protocol, status, checked_at, username, password, template, source, country, city, isp,
        asn, latitude, longitude, latency_ms, max_concurrency, weight, tags, metadata, identity, availability,
        use_sequence_key, lease_count_key, latency_key, random_key, weighted_key)
    SELECT $1, home.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
        sha256(convert_to($23, 'UTF8')), pharox.availability($6, $19, 0),
        CASE WHEN home.maintained_keys & 1 <> 0 THEN 0 END, CASE WHEN home.maintained_keys & 2 <> 0 THEN 0 END,
        CASE WHEN home.maintained_keys & 4 <> 0 THEN pharox.latency_key($18) END,
        CASE WHEN home.maintained_keys & 8 <> 0 THEN pharox.next_random_key(home.random_high) END,
        CASE WHEN home.maintained_keys & 16 <> 0 THEN pharox.next_weighted_key(home.weighted_high, $20) END
    FROM home
    ON CONFLICT DO NOTHING
    RETURNING id, CASE WHEN availability < 4 THEN pharox.notify_waiters(pool_id) END)
SELECT (SELECT name FROM home), EXISTS (SELECT 1 FROM added);

-- name: update_proxy
-- The proxy and the name of its pool, or nothing if the proxy or its new pool is unknown. A violation of proxy_identity:
-- another proxy of the pool has the identity.
-- Parameters: as of insert_proxy.
WITH instant AS MATERIALIZED (SELECT greatest(pharox.now_utc(), latest_expiry) AS now FROM pharox.clock),
home AS MATERIALIZED (
    SELECT id, name, random_high, weighted_high, maintained_keys FROM pharox.pool WHERE id = $2
    FOR KEY SHARE)
UPDATE pharox.proxy p
SET pool_id = $2, host = $3, port = $4, protocol = $5, status = $6, checked_at = $7, username = $8, password = $9,
    template = $10, source = $11, country = $12, city = $13, isp = $14, asn = $15, latitude = $16, longitude = $17,
    latency_ms = $18, max_concurrency = $19, weight = $20, tags = $21, metadata = $22,
    identity = sha256(convert_to($23, 'UTF8')), revision = p.revision + 1,
    availability = pharox.availability($6, $19, p.current_leases),
    use_sequence_key = CASE WHEN home.maintained_keys & 1 <> 0 THEN p.use_sequence END,
    lease_count_key = CASE WHEN home.maintained_keys & 2 <> 0 THEN p.current_leases END,
    latency_key = CASE WHEN home.maintained_keys & 4 <> 0 THEN pharox.latency_key($18) END,
    random_key = CASE WHEN home.maintained_keys & 8 <> 0 THEN
        coalesce(CASE WHEN p.pool_id = $2 THEN p.random_key END, pharox.next_random_key(home.random_high)) END,
    weighted_key = CASE WHEN home.maintained_keys & 16 <> 0 THEN
        coalesce(CASE WHEN p.pool_id = $2 AND p.weight = $20 THEN p.weighted_key END,
            pharox.next_weighted_key(home.weighted_high, $20)) END
FROM home
WHERE p.id = $1
RETURNING p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases - (
        SELECT count(*)::int FROM pharox.lease l
        WHERE l.status = 0 AND l.expires_at <= (SELECT now FROM instant) AND l.proxy_id = p.id), p.weight, p.tags, p.metadata, p.revision,
    home.name, CASE WHEN p.availability < 4 THEN pharox.notify_waiters(p.pool_id) END;

-- name: holder_of_proxy
-- The proxy that has the identity in the pool, or else the id.
-- Parameters: $1 pool id, $2 identity, $3 id.
SELECT id
FROM (
    SELECT id, 0 AS rank FROM pharox.proxy WHERE pool_id = $1 AND identity = sha256(convert_to($2, 'UTF8'))
    UNION ALL
    SELECT id, 1 FROM pharox.proxy WHERE id = $3) holders
ORDER BY rank
LIMIT 1;

-- name: has_proxy
-- Parameter: $1 id.
SELECT EXISTS (SELECT 1 FROM pharox.proxy WHERE id = $1);

-- name: proxy_by_id
-- Parameter: $1 id.
WITH instant AS MATERIALIZED (SELECT pharox.observed_time() AS now)
SELECT p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases - (
        SELECT count(*)::int FROM pharox.lease l
        WHERE l.status = 0 AND l.expires_at <= (SELECT now FROM instant) AND l.proxy_id = p.id), p.weight, p.tags, p.metadata, p.revision
FROM pharox.proxy p
WHERE p.id = $1;

-- name: list_proxies
-- By id. Slots: {filter} is empty or continues the condition; its parameters follow $4.
-- Parameters: $1 pool name, $2 id after which to begin, $3 how many at most, $4 status or NULL.
WITH instant AS MATERIALIZED (SELECT pharox.observed_time() AS now),
expired AS MATERIALIZED (
    SELECT proxy_id, count(*)::int AS leases FROM pharox.lease
    WHERE status = 0 AND expires_at <= (SELECT now FROM instant)
    GROUP BY proxy_id)
SELECT p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases - coalesce(expired.leases, 0), p.weight, p.tags, p.metadata, p.revision
FROM (
        SELECT * FROM pharox.proxy
        WHERE pool_id = (SELECT id FROM pharox.pool WHERE name = $1) AND id > $2
            AND ($4::int2 IS NULL OR status = $4){filter}
        ORDER BY id
        LIMIT $3) p
    LEFT JOIN expired ON expired.proxy_id = p.id
ORDER BY p.id;

-- name: lock_proxy
-- It cannot be leased while this is held.
-- Parameter: $1 id.
SELECT id FROM pharox.proxy WHERE id = $1 FOR UPDATE;

-- name: delete_proxy
-- Parameter: $1 id.
DELETE FROM pharox.proxy WHERE id = $1;
