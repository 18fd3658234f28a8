-- create_lease.

-- name: create_lease
-- One row in any case: the proxy's pool (NULL: no such proxy), the consumer's id, whether the lease id is known,
-- whether a lease on the proxy is expired and not collected, the proxy's status; and if a lease was made, its time, its
-- fencing token, the proxy, and the name of its pool. Status and availability are read under the proxy's lock.
-- Parameters: $1 lease id, $2 consumer name, $3 duration in ms, $4 longest tenure in ms or NULL, $5 metadata, $6 a
-- number of the call, $7 proxy id, $8 whether a slow proxy may be leased.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
asked AS MATERIALIZED (
    SELECT (SELECT id FROM pharox.consumer WHERE name = $2) AS consumer_id,
        EXISTS (SELECT 1 FROM pharox.lease WHERE id = $1) AS lease_known,
        EXISTS (
            SELECT 1 FROM pharox.lease
            WHERE status = 0 AND expires_at <= (SELECT now FROM instant) AND proxy_id = $7) AS expired),
seen AS MATERIALIZED (
    SELECT id, pool_id, status, availability FROM pharox.proxy WHERE id = $7 FOR NO KEY UPDATE),
chosen AS MATERIALIZED (
    SELECT id FROM seen
    WHERE NOT (SELECT lease_known FROM asked) AND (SELECT consumer_id FROM asked) IS NOT NULL
        AND (availability = 0 OR (availability = 2 AND $8))),
taken AS (
    UPDATE pharox.proxy p
    SET current_leases = p.current_leases + 1,
        availability = pharox.availability(p.status, p.max_concurrency, p.current_leases + 1),
        use_sequence = locked.use_sequence,
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL THEN locked.use_sequence END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN p.current_leases + 1 END,
        fencing = greatest(p.fencing + 1, (date_part('epoch', locked.now) * 1000000)::bigint)
    FROM (
        SELECT id, nextval('pharox.use_sequence') AS use_sequence,
            greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant)) AS now
        FROM chosen) locked
    WHERE p.id = locked.id
    RETURNING locked.now, p.*),
made AS (
    INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, fencing,
        tenure_ends_at, metadata, call_key)
    SELECT $1, taken.id, asked.consumer_id, taken.pool_id, (SELECT name FROM pharox.pool WHERE id = taken.pool_id), 0,
        taken.now, taken.now + $3 * interval '1 millisecond', taken.fencing,
        taken.now + $4 * interval '1 millisecond', $5, $6
    FROM asked, taken
    RETURNING pool_name)
SELECT seen.pool_id, asked.consumer_id, asked.lease_known, asked.expired, seen.status, p.now, p.fencing,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases - CASE WHEN asked.expired THEN (
        SELECT count(*)::int FROM pharox.lease e
        WHERE e.status = 0 AND e.expires_at <= (SELECT now FROM instant) AND e.proxy_id = p.id) ELSE 0 END,
    p.weight, p.tags, p.metadata, p.revision,
    (SELECT pool_name FROM made)
FROM asked LEFT JOIN seen ON TRUE LEFT JOIN taken p ON TRUE;

-- name: recorded_lease
-- What a lease id was used for: the store's time, whether the consumer and the pool of the request are the lease's
-- (unknown ones: consumer no, pool yes), whether a statement of this call made it, the lease, its proxy.
-- Parameters: $1 lease id, $2 consumer name, $3 a number of the call; of an acquire $4 pool name, of a create_lease $5
-- proxy id, the other one NULL.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
recorded AS (
    UPDATE pharox.clock SET latest_expiry = expired.at
    FROM (
        SELECT max(expires_at) AS at FROM pharox.lease
        WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) expired
    WHERE latest_expiry < expired.at)
SELECT (SELECT now FROM instant),
    coalesce(l.consumer_id = (SELECT id FROM pharox.consumer WHERE name = $2), FALSE),
    coalesce(l.pool_id = CASE WHEN $4::text IS NOT NULL THEN (SELECT id FROM pharox.pool WHERE name = $4)
        ELSE (SELECT pool_id FROM pharox.proxy WHERE id = $5::uuid) END, TRUE),
    l.call_key = $3,
    l.id, l.proxy_id, l.consumer_id, l.pool_id, l.pool_name, l.status, l.acquired_at, l.expires_at, l.released_at,
    l.reason, l.fencing, l.tenure_ends_at, l.metadata,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases - (
        SELECT count(*)::int FROM pharox.lease e
        WHERE e.status = 0 AND e.expires_at <= (SELECT now FROM instant) AND e.proxy_id = p.id),
    p.weight, p.tags, p.metadata, p.revision
FROM pharox.lease l LEFT JOIN pharox.proxy p ON p.id = l.proxy_id
WHERE l.id = $1;

-- name: forget_lease
-- Parameters: $1 lease id, $2 retention in ms.
DELETE FROM pharox.lease
WHERE id = $1
    AND released_at <= (SELECT greatest(pharox.now_utc(), latest_expiry) FROM pharox.clock)
        - $2 * interval '1 millisecond';
