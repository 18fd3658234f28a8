-- try_acquire and acquire_many. Each statement locks one available proxy, or several, counts the lease and records it.
-- An unknown consumer is a NULL that the table refuses; a lease id that is taken gives no row, or, where another
-- transaction is just inserting it, violates the primary key. A transaction that waits for a proxy holds no other lock.
--
-- Parameters of all: $1 pool name, $2 consumer name, $3 lease id, $4 duration in ms, $5 longest tenure in ms or NULL,
-- $6 metadata, $7 a number of the call, by which it recognises what an earlier attempt of its own did; those of the
-- filter come last.
-- Answer: time of the lease, fencing token, consumer id, how many leases on the proxy are expired and not collected
-- (NULL: none on any proxy), the proxy. No row: nothing is available, at least not without waiting, or the pool has not all sort keys.
-- Slots: {keys} are the sort keys that the selector needs, as bits; {conditions} continues the condition with that of
-- the selector's index and the filter; {sort_order} is the selector's; {draw} gives the proxy its next random key;
-- {progress} records in the pool how far the random order has come. Both are empty for other selectors.

-- name: acquire_unlocked
-- The first proxy that no other transaction has locked. Expired leases still count in the sort keys: without $8,
-- nothing as long as the pool has any.
-- Parameter: $8 whether uncollected expired leases are left aside.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
uncollected AS MATERIALIZED (
    SELECT EXISTS (
        SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) AS any),
chosen AS MATERIALIZED (
    SELECT id, random_key, weighted_key
    FROM pharox.proxy
    WHERE pool_id = (
            SELECT id FROM pharox.pool
            WHERE name = $1 AND complete_keys & {keys} = {keys}
                AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE id = $3)
                AND ($8 OR NOT (SELECT uncollected.any FROM uncollected) OR NOT EXISTS (
                    SELECT 1 FROM pharox.lease
                    WHERE status = 0 AND expires_at <= (SELECT now FROM instant)
                        AND pool_id = (SELECT id FROM pharox.pool WHERE name = $1))))
        AND availability = 0{conditions}
    ORDER BY {sort_order}
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED),
taken AS (
    UPDATE pharox.proxy p
    SET current_leases = p.current_leases + 1,
        availability = pharox.availability(p.status, p.max_concurrency, p.current_leases + 1),
        use_sequence = locked.use_sequence,
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL THEN locked.use_sequence END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN p.current_leases + 1 END,
        fencing = greatest(p.fencing + 1, (date_part('epoch', locked.now) * 1000000)::bigint){draw}
    FROM (
        SELECT id, nextval('pharox.use_sequence') AS use_sequence,
            greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant)) AS now
        FROM chosen) locked
    WHERE p.id = locked.id
    RETURNING locked.now, p.fencing,
        p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
        p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
        p.current_leases, p.weight, p.tags, p.metadata, p.revision),
made AS (
    INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, fencing,
        tenure_ends_at, metadata, call_key)
    SELECT $3, taken.id, (SELECT id FROM pharox.consumer WHERE name = $2), taken.pool_id, $1, 0, taken.now,
        taken.now + $4 * interval '1 millisecond', taken.fencing, taken.now + $5 * interval '1 millisecond', $6, $7
    FROM taken
    RETURNING consumer_id){progress}
SELECT p.now, p.fencing, made.consumer_id,
    CASE WHEN NOT uncollected.any THEN NULL WHEN p.current_leases = 1 THEN 0 ELSE (
        SELECT count(*) FROM pharox.lease e
        WHERE e.status = 0 AND e.expires_at <= (SELECT now FROM instant) AND e.proxy_id = p.id) END,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases, p.weight, p.tags, p.metadata, p.revision
FROM uncollected, taken p, made;

-- name: acquire_unlocked_or_slow
-- The same, or a slow proxy if no active one is available, locked ones included.
-- Parameter: $8 whether uncollected expired leases are left aside.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
uncollected AS MATERIALIZED (
    SELECT EXISTS (
        SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) AS any),
target AS MATERIALIZED (
    SELECT id FROM pharox.pool
    WHERE name = $1 AND complete_keys & {keys} = {keys}
        AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE id = $3)
        AND ($8 OR NOT (SELECT uncollected.any FROM uncollected) OR NOT EXISTS (
            SELECT 1 FROM pharox.lease
            WHERE status = 0 AND expires_at <= (SELECT now FROM instant)
                AND pool_id = (SELECT id FROM pharox.pool WHERE name = $1)))),
active AS MATERIALIZED (
    SELECT id, random_key, weighted_key
    FROM pharox.proxy
    WHERE pool_id = (SELECT id FROM target) AND availability = 0{conditions}
    ORDER BY {sort_order}
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED),
slow AS MATERIALIZED (
    SELECT id, random_key, weighted_key
    FROM pharox.proxy
    WHERE pool_id = (SELECT id FROM target) AND availability = 2{conditions}
        AND NOT EXISTS (SELECT 1 FROM active)
        AND NOT EXISTS (
            SELECT 1 FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM target) AND availability = 0{conditions})
    ORDER BY {sort_order}
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED),
chosen AS MATERIALIZED (SELECT * FROM active UNION ALL SELECT * FROM slow),
taken AS (
    UPDATE pharox.proxy p
    SET current_leases = p.current_leases + 1,
        availability = pharox.availability(p.status, p.max_concurrency, p.current_leases + 1),
        use_sequence = locked.use_sequence,
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL THEN locked.use_sequence END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN p.current_leases + 1 END,
        fencing = greatest(p.fencing + 1, (date_part('epoch', locked.now) * 1000000)::bigint){draw}
    FROM (
        SELECT id, nextval('pharox.use_sequence') AS use_sequence,
            greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant)) AS now
        FROM chosen) locked
    WHERE p.id = locked.id
    RETURNING locked.now, p.fencing,
        p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
        p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
        p.current_leases, p.weight, p.tags, p.metadata, p.revision),
made AS (
    INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, fencing,
        tenure_ends_at, metadata, call_key)
    SELECT $3, taken.id, (SELECT id FROM pharox.consumer WHERE name = $2), taken.pool_id, $1, 0, taken.now,
        taken.now + $4 * interval '1 millisecond', taken.fencing, taken.now + $5 * interval '1 millisecond', $6, $7
    FROM taken
    RETURNING consumer_id){progress}
SELECT p.now, p.fencing, made.consumer_id,
    CASE WHEN NOT uncollected.any THEN NULL WHEN p.current_leases = 1 THEN 0 ELSE (
        SELECT count(*) FROM pharox.lease e
        WHERE e.status = 0 AND e.expires_at <= (SELECT now FROM instant) AND e.proxy_id = p.id) END,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases, p.weight, p.tags, p.metadata, p.revision
FROM uncollected, taken p, made;

-- name: acquire_waiting
-- The first proxy, locked or not: one row is chosen without a lock, then locked, and checked again under its lock. No
-- row if it changed meanwhile: a transaction waits for one proxy and never for a second one.
-- Parameter: $8 status, 0 or 2.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
uncollected AS MATERIALIZED (
    SELECT EXISTS (
        SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) AS any),
chosen AS MATERIALIZED (
    SELECT id, random_key, weighted_key
    FROM pharox.proxy
    WHERE pool_id = (
            SELECT id FROM pharox.pool
            WHERE name = $1 AND complete_keys & {keys} = {keys}
                AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE id = $3))
        AND availability = $8 AND availability < 4{conditions}
        AND id = (
            SELECT id
            FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM pharox.pool WHERE name = $1)
                AND availability = $8 AND availability < 4{conditions}
            ORDER BY {sort_order}
            LIMIT 1)
    FOR NO KEY UPDATE),
taken AS (
    UPDATE pharox.proxy p
    SET current_leases = p.current_leases + 1,
        availability = pharox.availability(p.status, p.max_concurrency, p.current_leases + 1),
        use_sequence = locked.use_sequence,
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL THEN locked.use_sequence END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN p.current_leases + 1 END,
        fencing = greatest(p.fencing + 1, (date_part('epoch', locked.now) * 1000000)::bigint){draw}
    FROM (
        SELECT id, nextval('pharox.use_sequence') AS use_sequence,
            greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant)) AS now
        FROM chosen) locked
    WHERE p.id = locked.id
    RETURNING locked.now, p.fencing,
        p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
        p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
        p.current_leases, p.weight, p.tags, p.metadata, p.revision),
made AS (
    INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, fencing,
        tenure_ends_at, metadata, call_key)
    SELECT $3, taken.id, (SELECT id FROM pharox.consumer WHERE name = $2), taken.pool_id, $1, 0, taken.now,
        taken.now + $4 * interval '1 millisecond', taken.fencing, taken.now + $5 * interval '1 millisecond', $6, $7
    FROM taken
    RETURNING consumer_id){progress}
SELECT p.now, p.fencing, made.consumer_id,
    CASE WHEN NOT uncollected.any THEN NULL WHEN p.current_leases = 1 THEN 0 ELSE (
        SELECT count(*) FROM pharox.lease e
        WHERE e.status = 0 AND e.expires_at <= (SELECT now FROM instant) AND e.proxy_id = p.id) END,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases, p.weight, p.tags, p.metadata, p.revision
FROM uncollected, taken p, made;

-- name: acquire_by_id
-- One that a predicate has accepted, if only its leases have changed since.
-- Parameters: $8 proxy id, $9 revision, $10 status, 0 or 2.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
uncollected AS MATERIALIZED (
    SELECT EXISTS (
        SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) AS any),
chosen AS MATERIALIZED (
    SELECT id, random_key, weighted_key
    FROM pharox.proxy
    WHERE id = $8 AND revision = $9
        AND pool_id = (
            SELECT id FROM pharox.pool
            WHERE name = $1 AND complete_keys & {keys} = {keys}
                AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE id = $3))
        AND availability = $10{conditions}
    FOR NO KEY UPDATE),
taken AS (
    UPDATE pharox.proxy p
    SET current_leases = p.current_leases + 1,
        availability = pharox.availability(p.status, p.max_concurrency, p.current_leases + 1),
        use_sequence = locked.use_sequence,
        use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL THEN locked.use_sequence END,
        lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN p.current_leases + 1 END,
        fencing = greatest(p.fencing + 1, (date_part('epoch', locked.now) * 1000000)::bigint){draw}
    FROM (
        SELECT id, nextval('pharox.use_sequence') AS use_sequence,
            greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant)) AS now
        FROM chosen) locked
    WHERE p.id = locked.id
    RETURNING locked.now, p.fencing,
        p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
        p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
        p.current_leases, p.weight, p.tags, p.metadata, p.revision),
made AS (
    INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, fencing,
        tenure_ends_at, metadata, call_key)
    SELECT $3, taken.id, (SELECT id FROM pharox.consumer WHERE name = $2), taken.pool_id, $1, 0, taken.now,
        taken.now + $4 * interval '1 millisecond', taken.fencing, taken.now + $5 * interval '1 millisecond', $6, $7
    FROM taken
    RETURNING consumer_id){progress}
SELECT p.now, p.fencing, made.consumer_id,
    CASE WHEN NOT uncollected.any THEN NULL WHEN p.current_leases = 1 THEN 0 ELSE (
        SELECT count(*) FROM pharox.lease e
        WHERE e.status = 0 AND e.expires_at <= (SELECT now FROM instant) AND e.proxy_id = p.id) END,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases, p.weight, p.tags, p.metadata, p.revision
FROM uncollected, taken p, made;

-- name: acquire_at_offset
-- Of first_available: the first unlocked proxy from an offset on. An inner row is checked again under its lock;
-- whatever the planner believes of the values, it sees that the offset is small, and has only the primary key for that
-- check.
-- Parameter: $8 offset.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
uncollected AS MATERIALIZED (
    SELECT EXISTS (
        SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) AS any),
first AS MATERIALIZED (
    SELECT id, pool_id
    FROM pharox.proxy
    WHERE pool_id = (
            SELECT id FROM pharox.pool
            WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE id = $3))
        AND availability = 0{conditions}
    ORDER BY {sort_order}
    LIMIT 80),
chosen AS MATERIALIZED (
    SELECT p.id
    FROM (
        (SELECT id, pool_id FROM first OFFSET $8)
        UNION ALL
        (SELECT id, pool_id FROM first LIMIT $8)) near
    CROSS JOIN LATERAL (
        SELECT id
        FROM pharox.proxy
        WHERE id = near.id AND (pool_id = near.pool_id AND availability = 0{conditions}) IS TRUE
        FOR NO KEY UPDATE SKIP LOCKED) p
    LIMIT 1),
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
    RETURNING locked.now, p.fencing,
        p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
        p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
        p.current_leases, p.weight, p.tags, p.metadata, p.revision),
made AS (
    INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, fencing,
        tenure_ends_at, metadata, call_key)
    SELECT $3, taken.id, (SELECT id FROM pharox.consumer WHERE name = $2), taken.pool_id, $1, 0, taken.now,
        taken.now + $4 * interval '1 millisecond', taken.fencing, taken.now + $5 * interval '1 millisecond', $6, $7
    FROM taken
    RETURNING consumer_id)
SELECT p.now, p.fencing, made.consumer_id,
    CASE WHEN NOT uncollected.any THEN NULL WHEN p.current_leases = 1 THEN 0 ELSE (
        SELECT count(*) FROM pharox.lease e
        WHERE e.status = 0 AND e.expires_at <= (SELECT now FROM instant) AND e.proxy_id = p.id) END,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases, p.weight, p.tags, p.metadata, p.revision
FROM uncollected, taken p, made;

-- name: acquire_batch
-- Of first_available: a proxy for each of several lease ids, none twice, as far as there are any. The answer has one
-- more column, the place of the lease id in $3, from 1.
-- Parameters: $3 is an array of lease ids; $8 offset.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
uncollected AS MATERIALIZED (
    SELECT EXISTS (
        SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= (SELECT now FROM instant)) AS any),
first AS MATERIALIZED (
    SELECT id, pool_id
    FROM pharox.proxy
    WHERE pool_id = (
            SELECT id FROM pharox.pool
            WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE id = ANY ($3)))
        AND availability = 0{conditions}
    ORDER BY {sort_order}
    LIMIT 80),
chosen AS MATERIALIZED (
    SELECT p.id
    FROM (
        (SELECT id, pool_id FROM first OFFSET $8)
        UNION ALL
        (SELECT id, pool_id FROM first LIMIT $8)) near
    CROSS JOIN LATERAL (
        SELECT id
        FROM pharox.proxy
        WHERE id = near.id AND (pool_id = near.pool_id AND availability = 0{conditions}) IS TRUE
        FOR NO KEY UPDATE SKIP LOCKED) p
    LIMIT cardinality($3)),
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
            greatest(pharox.now_utc(), (SELECT latest_expiry FROM instant)) AS now, row_number() OVER ()::int AS number
        FROM chosen) locked
    WHERE p.id = locked.id
    RETURNING locked.now, p.fencing,
        p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
        p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
        p.current_leases, p.weight, p.tags, p.metadata, p.revision, locked.number),
made AS (
    INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, fencing,
        tenure_ends_at, metadata, call_key)
    SELECT ($3)[taken.number], taken.id, (SELECT id FROM pharox.consumer WHERE name = $2), taken.pool_id, $1, 0, taken.now,
        taken.now + $4 * interval '1 millisecond', taken.fencing, taken.now + $5 * interval '1 millisecond', $6, $7
    FROM taken
    RETURNING consumer_id)
SELECT p.now, p.fencing, (SELECT consumer_id FROM made LIMIT 1),
    CASE WHEN NOT uncollected.any THEN NULL WHEN p.current_leases = 1 THEN 0 ELSE (
        SELECT count(*) FROM pharox.lease e
        WHERE e.status = 0 AND e.expires_at <= (SELECT now FROM instant) AND e.proxy_id = p.id) END,
    p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases, p.weight, p.tags, p.metadata, p.revision, p.number
FROM uncollected, taken p;

-- name: diagnose_miss
-- Why an acquire found nothing: pool id, its complete sort keys, whether the lease id is known, whether a lease on a
-- matching proxy is expired and not collected, whether any lease of the pool is; whether a matching proxy is available:
-- active, slow; whether one is full: active or slow; whether one is available apart from its weight; in how many ms the
-- next lease, of any pool, expires.
-- Parameters: $1 pool name, $2 lease id, $3 whether slow proxies count, $4 whether full ones are looked for although an
-- active one is available (where no index serves the filter, that reads the pool), $5 whether proxies of weight 0 are
-- never picked; those of the filter.
WITH instant AS MATERIALIZED (
    SELECT greatest(pharox.now_utc(), latest_expiry) AS now, latest_expiry FROM pharox.clock),
target AS MATERIALIZED (SELECT id, complete_keys FROM pharox.pool WHERE name = $1),
available AS MATERIALIZED (
    SELECT
        CASE WHEN $5 THEN EXISTS (
            SELECT 1 FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM target) AND availability = 0{filter} AND weight > 0)
        ELSE EXISTS (
            SELECT 1 FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM target) AND availability = 0{filter}) END AS active,
        CASE WHEN NOT $3 THEN FALSE
        WHEN $5 THEN EXISTS (
            SELECT 1 FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM target) AND availability = 2{filter} AND weight > 0)
        ELSE EXISTS (
            SELECT 1 FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM target) AND availability = 2{filter}) END AS slow)
SELECT target.id, target.complete_keys,
    EXISTS (SELECT 1 FROM pharox.lease WHERE id = $2),
    EXISTS (
        SELECT 1 FROM pharox.proxy
        WHERE pool_id = (SELECT id FROM target) AND availability IS NOT NULL{filter}
            AND id = ANY (ARRAY(
                SELECT proxy_id FROM pharox.lease WHERE status = 0 AND expires_at <= (SELECT now FROM instant)))),
    EXISTS (
        SELECT 1 FROM pharox.lease
        WHERE status = 0 AND expires_at <= (SELECT now FROM instant) AND pool_id = (SELECT id FROM target)),
    available.active, available.slow,
    CASE WHEN available.active AND NOT $4 THEN FALSE ELSE
        EXISTS (
            SELECT 1 FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM target) AND availability = 4{filter})
        OR ($3 AND EXISTS (
            SELECT 1 FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM target) AND availability = 6{filter})) END,
    CASE WHEN NOT $5 THEN FALSE ELSE
        EXISTS (
            SELECT 1 FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM target) AND availability = 0{filter})
        OR ($3 AND EXISTS (
            SELECT 1 FROM pharox.proxy
            WHERE pool_id = (SELECT id FROM target) AND availability = 2{filter})) END,
    (SELECT ceil(extract(epoch FROM min(expires_at) - (SELECT now FROM instant)) * 1000)::bigint
     FROM pharox.lease WHERE status = 0 AND expires_at > (SELECT now FROM instant))
FROM available LEFT JOIN target ON TRUE;

-- name: candidates
-- For a predicate: the first available proxies that may match.
-- Parameters: $1 pool id, $2 status, 0 or 2; those of the filter.
SELECT id, pool_id, host, port, protocol, status, checked_at, username, password, template, source, country, city, isp,
    asn, latitude, longitude, latency_ms, max_concurrency, current_leases, weight, tags, metadata, revision
FROM pharox.proxy
WHERE pool_id = $1 AND availability = $2 AND availability < 4{conditions}
ORDER BY {sort_order}
LIMIT 64;

-- name: candidate_ids
-- All of them, by id.
-- Parameters: $1 pool id, $2 status, 0 or 2; those of the filter.
SELECT id
FROM pharox.proxy
WHERE pool_id = $1 AND availability = $2 AND availability < 4{conditions}
ORDER BY {sort_order};

-- name: candidates_by_id
-- In the order of the ids.
-- Parameters: $1 pool id, $2 proxy ids.
SELECT p.id, p.pool_id, p.host, p.port, p.protocol, p.status, p.checked_at, p.username, p.password, p.template,
    p.source, p.country, p.city, p.isp, p.asn, p.latitude, p.longitude, p.latency_ms, p.max_concurrency,
    p.current_leases, p.weight, p.tags, p.metadata, p.revision
FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (id, place) JOIN pharox.proxy p ON p.id = wanted.id
WHERE p.pool_id = $1
ORDER BY wanted.place;
