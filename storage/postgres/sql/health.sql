-- What health checks find.

-- name: apply_health
-- The proxy and the name of its pool, or nothing if a newer result is stored, or the proxy is unknown. A result of the
-- future counts as of now; a banned proxy (status 3) stays banned.
-- Parameters: $1 proxy id, $2 checked_at, $3 status, $4 latency_ms or NULL, $5 the whole result.
WITH instant AS MATERIALIZED (SELECT greatest(pharox.now_utc(), latest_expiry) AS now FROM pharox.clock),
before AS MATERIALIZED (
    SELECT p.id, p.availability,
        least($2, greatest(pharox.now_utc(), (SELECT latest_expiry FROM pharox.clock))) AS checked_at
    FROM pharox.proxy p
    WHERE p.id = $1
    FOR NO KEY UPDATE),
newer AS (
    INSERT INTO pharox.proxy_health AS h (proxy_id, checked_at, result)
    SELECT id, checked_at, $5 FROM before
    ON CONFLICT (proxy_id) DO UPDATE SET checked_at = excluded.checked_at, result = excluded.result
    WHERE h.checked_at <= excluded.checked_at
    RETURNING proxy_id, checked_at)
UPDATE pharox.proxy p
SET checked_at = newer.checked_at, status = CASE WHEN p.status = 3 THEN p.status ELSE $3 END,
    availability = CASE WHEN p.status <> 3 THEN pharox.availability($3, p.max_concurrency, p.current_leases) END,
    latency_ms = coalesce($4, p.latency_ms), revision = p.revision + 1,
    latency_key = CASE WHEN p.latency_key IS NOT NULL THEN pharox.latency_key(coalesce($4, p.latency_ms)) END
FROM newer, before
WHERE p.id = newer.proxy_id
RETURNING p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases - (
        SELECT count(*)::int FROM pharox.lease l
        WHERE l.status = 0 AND l.expires_at <= (SELECT now FROM instant) AND l.proxy_id = p.id), p.weight, p.tags, p.metadata, p.revision,
    (SELECT name FROM pharox.pool WHERE id = p.pool_id),
    CASE WHEN p.availability < 4 AND p.availability IS DISTINCT FROM before.availability
        THEN pharox.notify_waiters(p.pool_id) END;

-- name: last_health
-- Parameter: $1 proxy id.
SELECT checked_at, result FROM pharox.proxy_health WHERE proxy_id = $1;

-- name: insert_health_record
-- Whether the proxy exists, whether the record was stored: not if its id is taken.
-- Parameters: $1 id, $2 proxy id, $3 checked_at, $4 the record.
WITH known AS MATERIALIZED (SELECT id FROM pharox.proxy WHERE id = $2 FOR KEY SHARE),
added AS (
    INSERT INTO pharox.health_record (id, proxy_id, checked_at, record)
    SELECT $1, id, $3, $4 FROM known
    ON CONFLICT DO NOTHING
    RETURNING id)
SELECT EXISTS (SELECT 1 FROM known), EXISTS (SELECT 1 FROM added);

-- name: prune_health_records
-- Parameters: $1 proxy id, $2 how many remain, $3 for how long, in ms.
DELETE FROM pharox.health_record
WHERE proxy_id = $1
    AND (
        checked_at <= (SELECT greatest(pharox.now_utc(), latest_expiry) FROM pharox.clock)
            - $3 * interval '1 millisecond'
        OR (checked_at, id) <= (
            SELECT checked_at, id FROM pharox.health_record
            WHERE proxy_id = $1
            ORDER BY checked_at DESC, id DESC
            OFFSET $2 LIMIT 1));

-- name: list_health_records
-- The newest first.
-- Parameters: $1 proxy id, $2 how many at most, $3 how long they are kept, in ms.
SELECT record FROM pharox.health_record
WHERE proxy_id = $1
    AND checked_at > (SELECT greatest(pharox.now_utc(), latest_expiry) FROM pharox.clock)
        - $3 * interval '1 millisecond'
ORDER BY checked_at DESC, id DESC
LIMIT $2;

-- name: delete_health_of_proxy
-- Parameter: $1 proxy id.
WITH records AS (DELETE FROM pharox.health_record WHERE proxy_id = $1)
DELETE FROM pharox.proxy_health WHERE proxy_id = $1;

-- name: delete_health_of_pool
-- Parameter: $1 pool id.
WITH removed AS MATERIALIZED (SELECT id FROM pharox.proxy WHERE pool_id = $1),
records AS (DELETE FROM pharox.health_record WHERE proxy_id IN (SELECT id FROM removed))
DELETE FROM pharox.proxy_health WHERE proxy_id IN (SELECT id FROM removed);
