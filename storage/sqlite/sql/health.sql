-- The results and records of health checks.

-- name: last_checked_at
SELECT checked_at FROM health_result WHERE proxy_id = ?;

-- name: apply_health_check_result
-- Parameters: status, checked at, latency, whether available, proxy id.
UPDATE proxy SET status = ?, checked_at = ?, latency_ms = ?, available = ? WHERE id = ?;

-- name: put_health_result
INSERT OR REPLACE INTO health_result (proxy_id, status, latency_ms, protocol, attempts, status_code, checked_at,
    failure, error_message)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: health_result_of_proxy
SELECT proxy_id, status, latency_ms, protocol, attempts, status_code, checked_at, failure, error_message
FROM health_result
WHERE proxy_id = ?;

-- name: insert_health_record
INSERT INTO health_record (id, proxy_id, checked_at, reachable, latency_ms, protocol, status_before, status_after,
    failure, error)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING;

-- name: list_health_records
-- The latest first.
-- Parameters: proxy id, the time up to which records are forgotten, how many at most.
SELECT id, proxy_id, checked_at, reachable, latency_ms, protocol, status_before, status_after, failure, error
FROM health_record INDEXED BY health_record_of_proxy
WHERE proxy_id = ? AND checked_at > ?
ORDER BY checked_at DESC, id DESC
LIMIT ?;

-- name: prune_records_of_proxy
-- Parameters: proxy id, how many of its records stay.
DELETE FROM health_record
WHERE id IN (
    SELECT id FROM health_record INDEXED BY health_record_of_proxy
    WHERE proxy_id = ?
    ORDER BY checked_at DESC, id DESC
    LIMIT -1 OFFSET ?);

-- name: prune_health_records
-- Parameters: the time up to which records are forgotten, how many at most.
DELETE FROM health_record
WHERE id IN (
    SELECT id FROM health_record INDEXED BY health_record_age
    WHERE checked_at <= ?
    ORDER BY checked_at
    LIMIT ?);

-- name: delete_health_result
DELETE FROM health_result WHERE proxy_id = ?;

-- name: delete_health_records
DELETE FROM health_record WHERE proxy_id = ?;

-- name: delete_health_results_of_pool
DELETE FROM health_result WHERE proxy_id IN (SELECT id FROM proxy WHERE pool_id = ?);

-- name: delete_health_records_of_pool
DELETE FROM health_record WHERE proxy_id IN (SELECT id FROM proxy WHERE pool_id = ?);
