-- cleanup_expired_leases, and the collection of expired leases that other calls do along the way.

-- name: expired_leases
-- The earliest first.
-- Parameters: time, how many at most.
SELECT id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, fencing,
    metadata, tenure_ends_at
FROM lease INDEXED BY lease_expiry
WHERE status = 0 AND expires_at <= ?
ORDER BY expires_at, id
LIMIT ?;

-- name: delete_lease
DELETE FROM lease WHERE id = ?;

-- name: prune_leases
-- Parameters: the time up to which ended leases are forgotten, how many at most.
DELETE FROM lease
WHERE id IN (
    SELECT id FROM lease INDEXED BY lease_ended
    WHERE status = 1 AND released_at <= ?
    ORDER BY released_at, id
    LIMIT ?);
