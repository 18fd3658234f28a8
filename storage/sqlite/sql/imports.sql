-- add_proxies in several transactions.

-- name: running_import
SELECT id, process, stage, progress FROM import;

-- name: insert_import
INSERT INTO import (id, process, stage, progress) VALUES (?, ?, 0, 0);

-- name: import_progress
-- Changes nothing if the import has another stage.
-- Parameters: import id, stage.
UPDATE import SET progress = progress + 1 WHERE id = ? AND stage = ?;

-- name: set_import_stage
-- Parameters: new stage, process, import id.
UPDATE import SET stage = ?, process = ?, progress = progress + 1 WHERE id = ?;

-- name: delete_import
DELETE FROM import WHERE id = ?;

-- name: stage_proxy
-- Replaces a row with the same id.
INSERT OR REPLACE INTO staged_proxy (id, pool_id, host, port, protocol, status, checked_at, user, password, template,
    source, country, city, isp, asn, latitude, longitude, latency_ms, max_concurrency, weight, tags, metadata, identity,
    available)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: staged_id_by_identity
SELECT id FROM staged_proxy WHERE pool_id = ? AND identity = ?;

-- name: is_staged
SELECT 1 FROM staged_proxy WHERE id = ?;

-- name: proxy_exists
SELECT 1 FROM proxy WHERE id = ?;

-- name: staged_proxies
-- In the order in which they were staged.
-- Parameter: how many at most.
SELECT id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country, city, isp,
    asn, latitude, longitude, latency_ms, max_concurrency, 0, weight, tags, metadata, 0, 0, 0, number
FROM staged_proxy
ORDER BY number
LIMIT ?;

-- name: delete_staged_until
-- Parameter: the number of the last row.
DELETE FROM staged_proxy WHERE number <= ?;

-- name: delete_staged
-- Parameter: how many at most.
DELETE FROM staged_proxy WHERE number IN (SELECT number FROM staged_proxy ORDER BY number LIMIT ?);
