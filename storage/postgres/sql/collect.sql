-- cleanup_expired_leases, and the collection of expired leases that other calls do along the way. The order of locks is
-- that of release.sql.

-- name: collect_expired
-- Ends expired leases, the earliest first; waits for locked proxies.
-- Parameter: $1 how many at most.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
expired AS MATERIALIZED (
    SELECT id, proxy_id
    FROM pharox.lease
    WHERE status = 0 AND expires_at <= (SELECT now FROM instant)
    ORDER BY expires_at, id
    LIMIT $1),
held AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.id IN (SELECT proxy_id FROM expired)
    ORDER BY p.id
    FOR NO KEY UPDATE),
ended AS (
    UPDATE pharox.lease l
    SET status = 1, released_at = l.expires_at, reason = 1
    FROM expired JOIN held ON held.id = expired.proxy_id
    WHERE l.id = expired.id AND l.released_at IS NULL
        AND l.expires_at <= greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant))
    RETURNING l.id, l.proxy_id, l.consumer_id, l.pool_id, l.pool_name, l.status, l.acquired_at, l.expires_at,
        l.released_at, l.reason, l.fencing, l.tenure_ends_at, l.metadata),
freed AS (
    UPDATE pharox.proxy p
    SET current_leases = greatest(p.current_leases - uses.leases, 0),
        availability = pharox.availability(p.status, p.max_concurrency, greatest(p.current_leases - uses.leases, 0)),
        use_sequence = greatest(p.use_sequence, uses.use_sequence),
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL
            THEN greatest(p.use_sequence, uses.use_sequence) END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN greatest(p.current_leases - uses.leases, 0) END
    FROM (
        SELECT proxy_id, leases, nextval('pharox.use_sequence') AS use_sequence
        FROM (
            SELECT proxy_id, count(*)::int AS leases
            FROM (SELECT proxy_id, row_number() OVER (ORDER BY expires_at, id) AS place FROM ended) placed
            GROUP BY proxy_id
            ORDER BY max(place)) counted) uses
    WHERE p.id = uses.proxy_id
    RETURNING CASE WHEN p.availability < 4 AND p.current_leases + uses.leases >= p.max_concurrency THEN
        CASE WHEN EXISTS (
            SELECT 1 FROM pharox.waiting w
            WHERE w.pool_id = p.pool_id AND w.ends_at > clock_timestamp()
                AND w.store <> coalesce(nullif(current_setting('pharox_store.number', TRUE), '')::bigint, 0))
        THEN pg_notify('pharox_' || p.pool_id, '') END END)
SELECT id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    tenure_ends_at, metadata
FROM ended
ORDER BY expires_at, id;

-- name: collect_expired_unlocked
-- The same, except on proxies that other transactions have locked.
-- Parameter: $1 how many at most.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
expired AS MATERIALIZED (
    SELECT id, proxy_id
    FROM pharox.lease
    WHERE status = 0 AND expires_at <= (SELECT now FROM instant)
    ORDER BY expires_at, id
    LIMIT $1),
held AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.id IN (SELECT proxy_id FROM expired)
    ORDER BY p.id
    FOR NO KEY UPDATE SKIP LOCKED),
ended AS (
    UPDATE pharox.lease l
    SET status = 1, released_at = l.expires_at, reason = 1
    FROM expired JOIN held ON held.id = expired.proxy_id
    WHERE l.id = expired.id AND l.released_at IS NULL
        AND l.expires_at <= greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant))
    RETURNING l.id, l.proxy_id, l.consumer_id, l.pool_id, l.pool_name, l.status, l.acquired_at, l.expires_at,
        l.released_at, l.reason, l.fencing, l.tenure_ends_at, l.metadata),
freed AS (
    UPDATE pharox.proxy p
    SET current_leases = greatest(p.current_leases - uses.leases, 0),
        availability = pharox.availability(p.status, p.max_concurrency, greatest(p.current_leases - uses.leases, 0)),
        use_sequence = greatest(p.use_sequence, uses.use_sequence),
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL
            THEN greatest(p.use_sequence, uses.use_sequence) END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN greatest(p.current_leases - uses.leases, 0) END
    FROM (
        SELECT proxy_id, leases, nextval('pharox.use_sequence') AS use_sequence
        FROM (
            SELECT proxy_id, count(*)::int AS leases
            FROM (SELECT proxy_id, row_number() OVER (ORDER BY expires_at, id) AS place FROM ended) placed
            GROUP BY proxy_id
            ORDER BY max(place)) counted) uses
    WHERE p.id = uses.proxy_id
    RETURNING CASE WHEN p.availability < 4 AND p.current_leases + uses.leases >= p.max_concurrency THEN
        CASE WHEN EXISTS (
            SELECT 1 FROM pharox.waiting w
            WHERE w.pool_id = p.pool_id AND w.ends_at > clock_timestamp()
                AND w.store <> coalesce(nullif(current_setting('pharox_store.number', TRUE), '')::bigint, 0))
        THEN pg_notify('pharox_' || p.pool_id, '') END END)
SELECT id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    tenure_ends_at, metadata
FROM ended
ORDER BY expires_at, id;

-- name: any_expired
-- Whether a lease is expired and not collected.
SELECT EXISTS (
    SELECT 1 FROM pharox.lease
    WHERE status = 0 AND expires_at <= (SELECT greatest(pharox.now_utc(), latest_expiry) FROM pharox.clock));

-- name: prune_leases
-- Deletes leases that ended longer ago than the retention, the earliest first.
-- Parameters: $1 retention in ms, $2 how many at most.
DELETE FROM pharox.lease
WHERE id IN (
    SELECT id
    FROM pharox.lease
    WHERE status = 1
        AND released_at <= (SELECT greatest(pharox.now_utc(), latest_expiry) FROM pharox.clock)
            - $1 * interval '1 millisecond'
    ORDER BY released_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED);
