-- The leases of what is removed. An expired lease is ended as expired (reason 1), at its expiry, the others as revoked
-- (reason 2). Proxies are locked first, in the order of their ids, as everywhere.
--
-- Parameters of both: the id of $1 the pool, $2 the proxy or $3 the consumer that is removed; the other two are NULL. Planned
-- for each call, so that a condition on NULL is left out and a proxy is a condition on the index of active leases. An index
-- by proxy alone would make every lease dearer.

-- name: has_active_leases_of
SELECT EXISTS (
    SELECT 1 FROM pharox.lease
    WHERE status = 0 AND expires_at > (SELECT greatest(pharox.now_utc(), latest_expiry) FROM pharox.clock)
        AND ($1::uuid IS NULL OR proxy_id IN (SELECT id FROM pharox.proxy WHERE pool_id = $1))
        AND ($2::uuid IS NULL OR proxy_id = $2)
        AND ($3::uuid IS NULL OR consumer_id = $3));

-- name: end_leases_of
WITH wanted AS MATERIALIZED (
    SELECT id, proxy_id FROM pharox.lease
    WHERE status = 0
        AND ($1::uuid IS NULL OR proxy_id IN (SELECT id FROM pharox.proxy WHERE pool_id = $1))
        AND ($2::uuid IS NULL OR proxy_id = $2)
        AND ($3::uuid IS NULL OR consumer_id = $3)),
held AS MATERIALIZED (
    SELECT p.id FROM pharox.proxy p
    WHERE p.id IN (SELECT proxy_id FROM wanted)
    ORDER BY p.id
    FOR NO KEY UPDATE),
ended AS (
    UPDATE pharox.lease l
    SET status = 1,
        reason = CASE
            WHEN l.expires_at <= greatest(pharox.now_utc(), (SELECT latest_expiry FROM pharox.clock)) THEN 1
            ELSE 2 END,
        released_at = greatest(l.acquired_at,
            least(l.expires_at, greatest(pharox.now_utc(), (SELECT latest_expiry FROM pharox.clock))))
    FROM wanted JOIN held ON held.id = wanted.proxy_id
    WHERE l.id = wanted.id AND l.status = 0
    RETURNING l.*),
counted AS (SELECT proxy_id, count(*)::int AS leases FROM ended GROUP BY proxy_id),
freed AS (
    UPDATE pharox.proxy p
    SET current_leases = greatest(p.current_leases - uses.leases, 0),
        availability =
            pharox.availability(p.status, p.max_concurrency, greatest(p.current_leases - uses.leases, 0)),
        use_sequence = greatest(p.use_sequence, uses.use_sequence),
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL
            THEN greatest(p.use_sequence, uses.use_sequence) END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL
            THEN greatest(p.current_leases - uses.leases, 0) END
    FROM (SELECT proxy_id, leases, nextval('pharox.use_sequence') AS use_sequence FROM counted) uses
    WHERE p.id = uses.proxy_id
    RETURNING CASE WHEN p.availability < 4 AND p.current_leases + uses.leases >= p.max_concurrency
        THEN pharox.notify_waiters(p.pool_id) END)
SELECT id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    tenure_ends_at, metadata
FROM ended
ORDER BY expires_at, id;
