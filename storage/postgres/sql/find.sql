-- find_available_proxy. A find reads only, unless the selector moves what it finds to the end of its order.
-- Slots: as in acquire.sql.

-- name: find_active
-- Pool id, its complete sort keys, whether it has expired leases that are not collected, the proxy.
-- Parameters: $1 pool name; those of the filter.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
recorded AS (
    UPDATE pharox.clock SET latest_expiry = expired.at
    FROM (
        SELECT max(expires_at) AS at FROM pharox.lease
        WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) expired
    WHERE latest_expiry < expired.at),
target AS MATERIALIZED (
    SELECT (SELECT id FROM pharox.pool WHERE name = $1) AS pool_id,
        (SELECT complete_keys FROM pharox.pool WHERE name = $1) AS complete_keys,
        EXISTS (
            SELECT 1 FROM pharox.lease
            WHERE status = 0 AND expires_at <= (SELECT now FROM instant)
                AND pool_id = (SELECT id FROM pharox.pool WHERE name = $1)) AS expired),
active AS MATERIALIZED (
    SELECT *
    FROM pharox.proxy
    WHERE pool_id = (SELECT pool_id FROM target) AND availability = 0{conditions}
    ORDER BY {sort_order}
    LIMIT 1)
SELECT target.pool_id, target.complete_keys, target.expired,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases, p.weight, p.tags, p.metadata, p.revision
FROM target LEFT JOIN active p ON TRUE;

-- name: find_active_or_slow
-- The same, or a slow proxy if no active one is available.
-- Parameters: $1 pool name; those of the filter.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
recorded AS (
    UPDATE pharox.clock SET latest_expiry = expired.at
    FROM (
        SELECT max(expires_at) AS at FROM pharox.lease
        WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) expired
    WHERE latest_expiry < expired.at),
target AS MATERIALIZED (
    SELECT (SELECT id FROM pharox.pool WHERE name = $1) AS pool_id,
        (SELECT complete_keys FROM pharox.pool WHERE name = $1) AS complete_keys,
        EXISTS (
            SELECT 1 FROM pharox.lease
            WHERE status = 0 AND expires_at <= (SELECT now FROM instant)
                AND pool_id = (SELECT id FROM pharox.pool WHERE name = $1)) AS expired),
active AS MATERIALIZED (
    SELECT *
    FROM pharox.proxy
    WHERE pool_id = (SELECT pool_id FROM target) AND availability = 0{conditions}
    ORDER BY {sort_order}
    LIMIT 1),
slow AS MATERIALIZED (
    SELECT *
    FROM pharox.proxy
    WHERE pool_id = (SELECT pool_id FROM target) AND availability = 2{conditions}
        AND NOT EXISTS (SELECT 1 FROM active)
    ORDER BY {sort_order}
    LIMIT 1),
found AS (SELECT * FROM active UNION ALL SELECT * FROM slow)
SELECT target.pool_id, target.complete_keys, target.expired,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases, p.weight, p.tags, p.metadata, p.revision
FROM target LEFT JOIN found p ON TRUE;

-- name: move_first_unlocked
-- Moves the first proxy that no other transaction has locked to the end of the selector's order, and answers it.
-- Slot: {move} sets the selector's sort key.
-- Parameters: $1 pool name, $2 status, 0 or 2; those of the filter.
WITH chosen AS MATERIALIZED (
    SELECT id, random_key, weighted_key
    FROM pharox.proxy
    WHERE pool_id = (SELECT id FROM pharox.pool WHERE name = $1 AND complete_keys & {keys} = {keys})
        AND availability = $2 AND availability < 4{conditions}
    ORDER BY {sort_order}
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED),
moved AS (
    UPDATE pharox.proxy p
    SET {move}
    FROM (SELECT id, nextval('pharox.use_sequence') AS use_sequence FROM chosen) locked
    WHERE p.id = locked.id
    RETURNING p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
        p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
        p.current_leases, p.weight, p.tags, p.metadata, p.revision){progress}
SELECT * FROM moved;

-- name: move_first_waiting
-- The same for the first proxy, locked or not, as in acquire_waiting.
-- Parameters: $1 pool name, $2 status, 0 or 2; those of the filter.
WITH chosen AS MATERIALIZED (
    SELECT id, random_key, weighted_key
    FROM pharox.proxy
    WHERE pool_id = (SELECT id FROM pharox.pool WHERE name = $1 AND complete_keys & {keys} = {keys})
        AND availability = $2 AND availability < 4{conditions}
        AND id = (
            SELECT id
            FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM pharox.pool WHERE name = $1)
                AND availability = $2 AND availability < 4{conditions}
            ORDER BY {sort_order}
            LIMIT 1)
    FOR NO KEY UPDATE),
moved AS (
    UPDATE pharox.proxy p
    SET {move}
    FROM (SELECT id, nextval('pharox.use_sequence') AS use_sequence FROM chosen) locked
    WHERE p.id = locked.id
    RETURNING p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
        p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
        p.current_leases, p.weight, p.tags, p.metadata, p.revision){progress}
SELECT * FROM moved;

-- name: move_by_id
-- The same for one that a predicate has accepted, if only its leases have changed since.
-- Parameters: $1 pool name, $2 status, 0 or 2, $3 proxy id, $4 revision; those of the filter.
WITH chosen AS MATERIALIZED (
    SELECT id, random_key, weighted_key
    FROM pharox.proxy
    WHERE id = $3 AND revision = $4
        AND pool_id = (SELECT id FROM pharox.pool WHERE name = $1 AND complete_keys & {keys} = {keys})
        AND availability = $2{conditions}
    FOR NO KEY UPDATE),
moved AS (
    UPDATE pharox.proxy p
    SET {move}
    FROM (SELECT id, nextval('pharox.use_sequence') AS use_sequence FROM chosen) locked
    WHERE p.id = locked.id
    RETURNING p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
        p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
        p.current_leases, p.weight, p.tags, p.metadata, p.revision){progress}
SELECT * FROM moved;
