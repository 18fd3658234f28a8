-- name: create_order_index
-- The index of a selector's order, for all proxies or for those with one attribute.
-- Slots: as in available_proxies; {columns} are the attribute, if any, and the sort order.
CREATE INDEX IF NOT EXISTS {index} ON proxy (pool_id, {columns}) WHERE {available};

-- name: index_exists
SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?;
