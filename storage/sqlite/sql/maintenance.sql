-- ping, audit and repair.

-- name: probe_write
-- A write that ping() rolls back: 17 pages, more than an acquire or a release changes. The write-ahead log keeps the
-- space, so after a successful ping these calls have space too.
INSERT INTO pool (id, name, description) VALUES (randomblob(16), hex(randomblob(16)), hex(zeroblob(16384)));

-- name: audit_totals
-- How many proxies, and how many active leases.
-- Parameter: time.
SELECT
    (SELECT count(*) FROM proxy),
    (SELECT count(*) FROM lease INDEXED BY lease_expiry WHERE status = 0 AND expires_at > ?);

-- name: wrong_counters
-- Proxies whose lease count differs from the number of their active leases: id, pool name, lease count and active
-- leases, both without expired leases, and the number of expired leases.
-- Parameter: 1 time.
WITH counted AS MATERIALIZED (
    SELECT proxy_id, sum(expires_at > ?1) AS live, sum(expires_at <= ?1) AS expired
    FROM lease INDEXED BY lease_expiry
    WHERE status = 0
    GROUP BY proxy_id)
SELECT proxy.id, (SELECT name FROM pool WHERE pool.id = proxy.pool_id), current_leases - coalesce(expired, 0),
    coalesce(live, 0), coalesce(expired, 0)
FROM proxy LEFT JOIN counted ON counted.proxy_id = proxy.id
WHERE current_leases <> coalesce(live + expired, 0)
ORDER BY proxy.id;

-- name: set_counter
-- Parameters: 1 number of leases, 2 proxy id.
UPDATE proxy
SET current_leases = ?1, available = (status = 0 AND (max_concurrency IS NULL OR ?1 < max_concurrency))
WHERE id = ?2;

-- name: count_ended_leases
SELECT count(*) FROM lease INDEXED BY lease_ended WHERE status = 1;
