-- add_proxies: the proxies are copied to a temporary table and inserted from there. Calls for the same pool insert one
-- after the other, and all update in the order of ids: two calls with the same proxies in other orders do not deadlock.

-- name: create_staging
CREATE TEMPORARY TABLE pharox_staging (
    position bigint, id uuid, pool_id uuid, host text, port int, protocol smallint, status smallint,
    checked_at timestamptz, username text, password text, template boolean, source text, country text, city text,
    isp text, asn bigint, latitude float8, longitude float8, latency_ms float8, max_concurrency int, weight float8,
    tags text[], metadata jsonb, identity text) ON COMMIT DROP;

-- name: copy_staging
COPY pharox_staging FROM STDIN;

-- name: analyze_staging
ANALYZE pharox_staging;

-- name: lock_bulk_insert
-- Until the end of the transaction no other call inserts in bulk into these pools. Rows keep the order of the call, in
-- which their ids grow: sorting them by identity would slow down the indexes.
SELECT pg_advisory_xact_lock(hashtext('pharox add_proxies'), hashtext(pool_id::text))
FROM (SELECT DISTINCT pool_id FROM pharox_staging ORDER BY pool_id) pools;

-- name: lock_staged_pools
-- Their names.
SELECT name FROM pharox.pool WHERE id IN (SELECT pool_id FROM pharox_staging) ORDER BY id FOR KEY SHARE;

-- name: unknown_staged_pool
-- The position of the first proxy whose pool is unknown.
SELECT position
FROM pharox_staging s
WHERE NOT EXISTS (SELECT 1 FROM pharox.pool WHERE id = s.pool_id)
ORDER BY position
LIMIT 1;

-- name: insert_staged
-- All of them, or an error where an id or an identity is taken.
INSERT INTO pharox.proxy (
    id, pool_id, host, port, protocol, status, checked_at, username, password, template, source, country, city, isp,
    asn, latitude, longitude, latency_ms, max_concurrency, weight, tags, metadata, identity, availability,
    use_sequence_key, lease_count_key, latency_key, random_key, weighted_key)
SELECT s.id, s.pool_id, s.host, s.port, s.protocol, s.status, s.checked_at, s.username, s.password, s.template,
    s.source, s.country, s.city, s.isp, s.asn, s.latitude, s.longitude, s.latency_ms, s.max_concurrency, s.weight, s.tags,
    s.metadata, sha256(convert_to(s.identity, 'UTF8')), pharox.availability(s.status, s.max_concurrency, 0),
    CASE WHEN pool.maintained_keys & 1 <> 0 THEN 0 END, CASE WHEN pool.maintained_keys & 2 <> 0 THEN 0 END,
    CASE WHEN pool.maintained_keys & 4 <> 0 THEN pharox.latency_key(s.latency_ms) END,
    CASE WHEN pool.maintained_keys & 8 <> 0 THEN pharox.next_random_key(pool.random_high) END,
    CASE WHEN pool.maintained_keys & 16 <> 0 THEN pharox.next_weighted_key(pool.weighted_high, s.weight) END
FROM pharox_staging s JOIN pharox.pool ON pool.id = s.pool_id
ORDER BY s.position;

-- name: insert_staged_or_skip
-- Those whose id and identity are not taken.
INSERT INTO pharox.proxy (
    id, pool_id, host, port, protocol, status, checked_at, username, password, template, source, country, city, isp,
    asn, latitude, longitude, latency_ms, max_concurrency, weight, tags, metadata, identity, availability,
    use_sequence_key, lease_count_key, latency_key, random_key, weighted_key)
SELECT s.id, s.pool_id, s.host, s.port, s.protocol, s.status, s.checked_at, s.username, s.password, s.template,
    s.source, s.country, s.city, s.isp, s.asn, s.latitude, s.longitude, s.latency_ms, s.max_concurrency, s.weight, s.tags,
    s.metadata, sha256(convert_to(s.identity, 'UTF8')), pharox.availability(s.status, s.max_concurrency, 0),
    CASE WHEN pool.maintained_keys & 1 <> 0 THEN 0 END, CASE WHEN pool.maintained_keys & 2 <> 0 THEN 0 END,
    CASE WHEN pool.maintained_keys & 4 <> 0 THEN pharox.latency_key(s.latency_ms) END,
    CASE WHEN pool.maintained_keys & 8 <> 0 THEN pharox.next_random_key(pool.random_high) END,
    CASE WHEN pool.maintained_keys & 16 <> 0 THEN pharox.next_weighted_key(pool.weighted_high, s.weight) END
FROM pharox_staging s JOIN pharox.pool ON pool.id = s.pool_id
ORDER BY s.position
ON CONFLICT DO NOTHING;

-- name: insert_staged_or_keep
-- As insert_staged_or_skip; leaves in the staging table those that were not inserted. How many were inserted.
WITH added AS (
    INSERT INTO pharox.proxy (
        id, pool_id, host, port, protocol, status, checked_at, username, password, template, source, country, city, isp,
        asn, latitude, longitude, latency_ms, max_concurrency, weight, tags, metadata, identity, availability,
        use_sequence_key, lease_count_key, latency_key, random_key, weighted_key)
    SELECT s.id, s.pool_id, s.host, s.port, s.protocol, s.status, s.checked_at, s.username, s.password, s.template,
        s.source, s.country, s.city, s.isp, s.asn, s.latitude, s.longitude, s.latency_ms, s.max_concurrency, s.weight, s.tags,
        s.metadata, sha256(convert_to(s.identity, 'UTF8')), pharox.availability(s.status, s.max_concurrency, 0),
        CASE WHEN pool.maintained_keys & 1 <> 0 THEN 0 END, CASE WHEN pool.maintained_keys & 2 <> 0 THEN 0 END,
        CASE WHEN pool.maintained_keys & 4 <> 0 THEN pharox.latency_key(s.latency_ms) END,
        CASE WHEN pool.maintained_keys & 8 <> 0 THEN pharox.next_random_key(pool.random_high) END,
        CASE WHEN pool.maintained_keys & 16 <> 0 THEN pharox.next_weighted_key(pool.weighted_high, s.weight) END
    FROM pharox_staging s JOIN pharox.pool ON pool.id = s.pool_id
    ORDER BY s.position
    ON CONFLICT DO NOTHING
    RETURNING id),
first AS (SELECT id, min(position) AS position FROM pharox_staging GROUP BY id),
dropped AS (
    DELETE FROM pharox_staging s USING first, added
    WHERE s.position = first.position AND first.id = added.id)
SELECT count(*) FROM added;

-- name: lock_staged_holders
-- Locks in the order of ids, as everywhere, the proxies that have the identity or the id of a staged one.
SELECT p.id
FROM pharox.proxy p
WHERE p.id IN (
    SELECT id FROM pharox_staging
    UNION
    SELECT h.id
    FROM pharox_staging s
        JOIN pharox.proxy h ON h.pool_id = s.pool_id AND h.identity = sha256(convert_to(s.identity, 'UTF8')))
ORDER BY p.id
FOR NO KEY UPDATE;

-- name: update_staged
-- Updates the proxies that have the identity of a staged one, the last of the call, and removes these from the table.
-- lock_staged_holders has locked them: their identities do not change.
WITH wanted AS MATERIALIZED (
    SELECT DISTINCT ON (h.id) h.id AS holder, s.*
    FROM pharox_staging s
        JOIN pharox.proxy h ON h.pool_id = s.pool_id AND h.identity = sha256(convert_to(s.identity, 'UTF8'))
    ORDER BY h.id, s.position DESC),
changed AS (
    UPDATE pharox.proxy p
    SET protocol = s.protocol, status = s.status, checked_at = s.checked_at, username = s.username,
        password = s.password, template = s.template, source = s.source, country = s.country, city = s.city,
        isp = s.isp, asn = s.asn, latitude = s.latitude, longitude = s.longitude, latency_ms = s.latency_ms,
        max_concurrency = s.max_concurrency, weight = s.weight, tags = s.tags, metadata = s.metadata,
        revision = p.revision + 1, availability = pharox.availability(s.status, s.max_concurrency, p.current_leases),
        latency_key = CASE WHEN pool.maintained_keys & 4 <> 0 THEN pharox.latency_key(s.latency_ms) END,
        weighted_key = CASE WHEN pool.maintained_keys & 16 <> 0 THEN
            CASE WHEN p.weight = s.weight THEN p.weighted_key
            ELSE pharox.next_weighted_key(pool.weighted_high, s.weight) END END
    FROM wanted s JOIN pharox.pool ON pool.id = s.pool_id
    WHERE p.id = s.holder)
DELETE FROM pharox_staging s
WHERE EXISTS (
    SELECT 1 FROM pharox.proxy h
    WHERE h.pool_id = s.pool_id AND h.identity = sha256(convert_to(s.identity, 'UTF8')));

-- name: staged_positions
-- Of those that remain: their ids are stored, with other identities.
SELECT position FROM pharox_staging ORDER BY position;

-- name: notify_staged_pools
SELECT pharox.notify_waiters(id) FROM pharox.pool WHERE name = ANY ($1);

-- name: first_staged_conflict
-- The first one of the call that cannot be inserted: its position, and whether its id is taken.
SELECT position, id_taken
FROM (
    SELECT s.position,
        row_number() OVER (PARTITION BY s.id ORDER BY s.position) > 1
            OR EXISTS (SELECT 1 FROM pharox.proxy p WHERE p.id = s.id) AS id_taken,
        row_number() OVER (PARTITION BY s.pool_id, s.identity ORDER BY s.position) > 1
            OR EXISTS (
                SELECT 1 FROM pharox.proxy p
                WHERE p.pool_id = s.pool_id AND p.identity = sha256(convert_to(s.identity, 'UTF8'))) AS identity_taken
    FROM pharox_staging s) conflicts
WHERE id_taken OR identity_taken
ORDER BY position
LIMIT 1;
