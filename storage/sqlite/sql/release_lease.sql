-- release_lease, revoke_lease, release_many, and the end of a lease that expired or whose proxy is removed.

-- name: release_context
-- The state, whether the end of the lease makes a full proxy available, and the lease.
-- Parameter: lease id.
SELECT state.now, state.use_sequence, state.ended_leases,
    (SELECT available = 0 AND status = 0 AND (max_concurrency IS NULL OR current_leases - 1 < max_concurrency)
     FROM proxy WHERE proxy.id = lease.proxy_id),
    lease.id, lease.proxy_id, lease.consumer_id, lease.pool_id, lease.pool_name, lease.status, lease.acquired_at,
    lease.expires_at, lease.released_at, lease.reason, lease.fencing, lease.metadata, lease.tenure_ends_at
FROM state LEFT JOIN lease ON lease.id = ?;

-- name: end_lease
-- Parameters: when, reason, lease id.
UPDATE lease SET status = 1, released_at = ?, reason = ? WHERE id = ?;

-- name: uncount_lease
-- One lease less. A wrong lease count does not prevent a lease from ending; audit() reports it.
-- Parameters: use sequence, proxy id.
UPDATE proxy SET current_leases = max(current_leases - 1, 0), use_sequence = ? WHERE id = ?;

-- name: uncount_lease_and_open
-- The same for a full proxy, which becomes available.
-- Parameters: use sequence, proxy id.
UPDATE proxy SET current_leases = max(current_leases - 1, 0), use_sequence = ?, available = 1 WHERE id = ?;

-- name: uncount_lease_any
-- The same where it is not known whether the proxy becomes available.
-- Parameters: use sequence, proxy id.
UPDATE proxy
SET current_leases = max(current_leases - 1, 0), use_sequence = ?,
    available = (status = 0 AND (max_concurrency IS NULL OR current_leases - 1 < max_concurrency))
WHERE id = ?;
