-- The reading of a database of the Python package `pharox`, 0.4 to 0.11. All statements run in one snapshot. Names of
-- enumerations are upper case up to 0.8.0.

-- name: begin_snapshot
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: known_tables
-- Which tables and columns there are.
SELECT
    to_regclass('proxy_pool') IS NOT NULL AND to_regclass('proxy') IS NOT NULL AND to_regclass('consumer') IS NOT NULL
        AND to_regclass('lease') IS NOT NULL,
    to_regclass('proxy_health_record') IS NOT NULL,
    EXISTS (
        SELECT 1 FROM pg_attribute
        WHERE attrelid = to_regclass('proxy') AND attname = 'latency_ms' AND NOT attisdropped);

-- name: pools
SELECT id, name, description FROM proxy_pool ORDER BY name;

-- name: consumers
SELECT id, name FROM consumer ORDER BY name;

-- name: proxies
-- latency_ms is a column in 0.9 and 0.10 only.
SELECT p.id, p.pool_id, p.host, p.port, lower(p.protocol::text), lower(p.status::text),
    floor(extract(epoch FROM least(greatest(p.checked_at, 'epoch'), now())) * 1000000)::bigint,
    p.credentials ->> 'user' IS NOT NULL OR p.credentials ->> 'password' IS NOT NULL,
    p.credentials ->> 'user', p.credentials ->> 'password', p.source, p.country, p.city, p.isp, p.asn, p.latitude,
    p.longitude, p.max_concurrency, to_jsonb(p) ->> 'latency_ms'
FROM proxy AS p
ORDER BY NOT EXISTS (
        SELECT 1 FROM lease AS l
        WHERE l.proxy_id = p.id AND lower(l.status::text) = 'active' AND l.expires_at > now()),
    p.created_at, p.id;

-- name: latencies
-- Of the newest reachable check of each proxy.
SELECT DISTINCT ON (proxy_id) proxy_id, latency_ms
FROM proxy_health_record
WHERE reachable AND latency_ms IS NOT NULL AND lower(status_after) IN ('active', 'slow')
ORDER BY proxy_id, checked_at DESC;

-- name: open_leases
SELECT id, proxy_id, consumer_id,
    floor(extract(epoch FROM greatest(acquired_at, 'epoch')) * 1000000)::bigint,
    floor(extract(epoch FROM least(expires_at, now() + interval '100 years') - now()) * 1000)::bigint
FROM lease
WHERE lower(status::text) = 'active' AND expires_at > now()
ORDER BY acquired_at, id;

-- name: ended_leases
SELECT count(*) FROM lease WHERE lower(status::text) <> 'active' OR expires_at <= now();

-- name: health_records
-- The newest of each proxy, the oldest of these first. Parameter: how many at most of each.
DECLARE health_records NO SCROLL CURSOR FOR
SELECT id, proxy_id, floor(extract(epoch FROM least(greatest(checked_at, 'epoch'), now())) * 1000000)::bigint,
    reachable, latency_ms, lower(protocol), lower(status_before), lower(status_after), error
FROM (
    SELECT *, row_number() OVER (PARTITION BY proxy_id ORDER BY checked_at DESC, id) AS newest
    FROM proxy_health_record) AS record
WHERE newest <= $1
ORDER BY checked_at, id;

-- name: next_health_records
FETCH 5000 FROM health_records;
