-- find_available_proxy. The proxies themselves come from available_proxies in acquire.sql.

-- name: find_context
-- The state, the pool's id, and whether any lease has expired.
-- Parameters: the clock's time, pool name.
SELECT state.now, state.use_sequence, state.ended_leases, pool.id,
    EXISTS (SELECT 1 FROM lease INDEXED BY lease_expiry WHERE status = 0 AND expires_at <= max(state.now, ?))
FROM state LEFT JOIN pool ON pool.name = ?;

-- name: set_use_sequence
-- Round robin moves a found proxy to the end of its order.
-- Parameters: use sequence, proxy id.
UPDATE proxy SET use_sequence = ? WHERE id = ?;
