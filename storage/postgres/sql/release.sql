-- release_lease, release_many, revoke_lease. Statements that wait for locks take them in the order of an acquire:
-- proxies, by id, then leases.
-- Whether a lease that is looked up by its id is active is read from released_at: its status would invite the planner
-- to read the index of all active leases. If a full proxy becomes available and another storage waits for its pool,
-- that one is notified (see PoolNotifications).

-- name: end_lease
-- Ends an active lease. The lease, or no row if it was not active.
-- Parameters: $1 lease id, $2 reason, $3 a number of the call.
WITH instant AS MATERIALIZED (SELECT latest_expiry FROM pharox.clock),
held AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.id = (SELECT proxy_id FROM pharox.lease WHERE id = $1 AND released_at IS NULL)
    FOR NO KEY UPDATE),
ended AS (
    UPDATE pharox.lease
    SET status = 1, reason = $2, call_key = $3,
        released_at = greatest(acquired_at, pharox.now_utc(), (SELECT latest_expiry FROM instant))
    WHERE id = $1 AND released_at IS NULL AND (SELECT count(*) FROM held) >= 0
        AND expires_at > greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant))
    RETURNING id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason,
        fencing, tenure_ends_at, metadata),
freed AS (
    UPDATE pharox.proxy p
    SET current_leases = greatest(p.current_leases - 1, 0),
        availability = pharox.availability(p.status, p.max_concurrency, greatest(p.current_leases - 1, 0)),
        use_sequence = greatest(p.use_sequence, uses.use_sequence),
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL
            THEN greatest(p.use_sequence, uses.use_sequence) END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN greatest(p.current_leases - 1, 0) END
    FROM (SELECT proxy_id, nextval('pharox.use_sequence') AS use_sequence FROM ended) uses
    WHERE p.id = uses.proxy_id
    RETURNING CASE WHEN p.availability < 4 AND p.current_leases + 1 >= p.max_concurrency THEN
        CASE WHEN EXISTS (
            SELECT 1 FROM pharox.waiting w
            WHERE w.pool_id = p.pool_id AND w.ends_at > clock_timestamp()
                AND w.store <> coalesce(nullif(current_setting('pharox_store.number', TRUE), '')::bigint, 0))
        THEN pg_notify('pharox_' || p.pool_id, '') END END)
SELECT * FROM ended;

-- name: end_lease_unlocked
-- The same, unless another transaction has locked the lease or the proxy: it waits for none. Of a batch, see
-- acquire_batch.
-- Parameters: $1 lease id, $2 reason, $3 a number of the call.
WITH instant AS MATERIALIZED (SELECT latest_expiry FROM pharox.clock),
wanted AS MATERIALIZED (
    SELECT proxy_id
    FROM pharox.lease
    WHERE id = $1 AND released_at IS NULL
        AND expires_at > greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant))
    FOR NO KEY UPDATE SKIP LOCKED),
held AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.id = (SELECT proxy_id FROM wanted)
    FOR NO KEY UPDATE SKIP LOCKED),
ended AS (
    UPDATE pharox.lease
    SET status = 1, reason = $2, call_key = $3,
        released_at = greatest(acquired_at, pharox.now_utc(), (SELECT latest_expiry FROM instant))
    WHERE id = $1 AND released_at IS NULL AND EXISTS (SELECT 1 FROM held)
        AND expires_at > greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant))
    RETURNING id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason,
        fencing, tenure_ends_at, metadata),
freed AS (
    UPDATE pharox.proxy p
    SET current_leases = greatest(p.current_leases - 1, 0),
        availability = pharox.availability(p.status, p.max_concurrency, greatest(p.current_leases - 1, 0)),
        use_sequence = greatest(p.use_sequence, uses.use_sequence),
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL
            THEN greatest(p.use_sequence, uses.use_sequence) END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN greatest(p.current_leases - 1, 0) END
    FROM (SELECT proxy_id, nextval('pharox.use_sequence') AS use_sequence FROM ended) uses
    WHERE p.id = uses.proxy_id
    RETURNING CASE WHEN p.availability < 4 AND p.current_leases + 1 >= p.max_concurrency THEN
        CASE WHEN EXISTS (
            SELECT 1 FROM pharox.waiting w
            WHERE w.pool_id = p.pool_id AND w.ends_at > clock_timestamp()
                AND w.store <> coalesce(nullif(current_setting('pharox_store.number', TRUE), '')::bigint, 0))
        THEN pg_notify('pharox_' || p.pool_id, '') END END)
SELECT * FROM ended;

-- name: end_leases
-- Ends several. Those that were active.
-- Parameters: $1 lease ids, $2 reason, $3 a number of the call.
WITH instant AS MATERIALIZED (SELECT latest_expiry FROM pharox.clock),
wanted AS MATERIALIZED (
    SELECT id, proxy_id
    FROM pharox.lease
    WHERE id = ANY ($1) AND released_at IS NULL
        AND expires_at > greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant))),
held AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.id IN (SELECT proxy_id FROM wanted)
    ORDER BY p.id
    FOR NO KEY UPDATE),
ended AS (
    UPDATE pharox.lease l
    SET status = 1, reason = $2, call_key = $3,
        released_at = greatest(l.acquired_at, pharox.now_utc(), (SELECT latest_expiry FROM instant))
    FROM wanted JOIN held ON held.id = wanted.proxy_id
    WHERE l.id = wanted.id AND l.released_at IS NULL
        AND l.expires_at > greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant))
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
            FROM ended
            GROUP BY proxy_id
            ORDER BY max(array_position($1, id))) counted) uses
    WHERE p.id = uses.proxy_id
    RETURNING CASE WHEN p.availability < 4 AND p.current_leases + uses.leases >= p.max_concurrency THEN
        CASE WHEN EXISTS (
            SELECT 1 FROM pharox.waiting w
            WHERE w.pool_id = p.pool_id AND w.ends_at > clock_timestamp()
                AND w.store <> coalesce(nullif(current_setting('pharox_store.number', TRUE), '')::bigint, 0))
        THEN pg_notify('pharox_' || p.pool_id, '') END END)
SELECT * FROM ended;

-- name: end_leases_unlocked
-- The same, except leases and proxies that other transactions have locked: it waits for none. (For one lease,
-- end_lease_unlocked takes a sixth less.)
-- Parameters: $1 lease ids, $2 reason, $3 a number of the call.
WITH instant AS MATERIALIZED (SELECT latest_expiry FROM pharox.clock),
wanted AS MATERIALIZED (
    SELECT id, proxy_id
    FROM pharox.lease
    WHERE id = ANY ($1) AND released_at IS NULL
        AND expires_at > greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant))
    FOR NO KEY UPDATE SKIP LOCKED),
held AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.id IN (SELECT proxy_id FROM wanted)
    ORDER BY p.id
    FOR NO KEY UPDATE SKIP LOCKED),
ended AS (
    UPDATE pharox.lease l
    SET status = 1, reason = $2, call_key = $3,
        released_at = greatest(l.acquired_at, pharox.now_utc(), (SELECT latest_expiry FROM instant))
    FROM wanted JOIN held ON held.id = wanted.proxy_id
    WHERE l.id = wanted.id AND l.released_at IS NULL
        AND l.expires_at > greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant))
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
            FROM ended
            GROUP BY proxy_id
            ORDER BY max(array_position($1, id))) counted) uses
    WHERE p.id = uses.proxy_id
    RETURNING CASE WHEN p.availability < 4 AND p.current_leases + uses.leases >= p.max_concurrency THEN
        CASE WHEN EXISTS (
            SELECT 1 FROM pharox.waiting w
            WHERE w.pool_id = p.pool_id AND w.ends_at > clock_timestamp()
                AND w.store <> coalesce(nullif(current_setting('pharox_store.number', TRUE), '')::bigint, 0))
        THEN pg_notify('pharox_' || p.pool_id, '') END END)
SELECT * FROM ended;

-- name: leases_by_id
-- Leases that were not ended just now: the store's time, whether a statement of this call ended it, the lease.
-- Parameters: $1 lease ids, $2 a number of the call.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
recorded AS (
    UPDATE pharox.clock SET latest_expiry = expired.at
    FROM (
        SELECT max(expires_at) AS at FROM pharox.lease
        WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) expired
    WHERE latest_expiry < expired.at)
SELECT (SELECT now FROM instant), call_key = $2,
    id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    tenure_ends_at, metadata
FROM pharox.lease
WHERE id = ANY ($1);

-- name: lease_by_id
-- get_lease: the store's time and the lease.
-- Parameter: $1 lease id.
WITH instant AS MATERIALIZED (SELECT pharox.observed_time() AS now)
SELECT (SELECT now FROM instant),
    id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    tenure_ends_at, metadata
FROM pharox.lease
WHERE id = $1;
