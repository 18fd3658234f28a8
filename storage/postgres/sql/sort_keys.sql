-- Backfill of the sort keys of a selector on its first use in a pool: see the first migration, and sort_keys.hpp.

-- name: sort_key_state
-- Which sort keys are maintained, which are complete, and how far the backfill of the one that is not has come.
-- Parameter: $1 pool id.
SELECT maintained_keys, complete_keys, coalesce(backfilled_to::text, '') FROM pharox.pool WHERE id = $1;

-- name: maintain_sort_key
-- From here on every statement maintains the key. One key at a time; waits for transactions that add proxies.
-- Parameters: $1 pool id, $2 the key's bit.
UPDATE pharox.pool
SET maintained_keys = maintained_keys | $2, backfilled_to = '00000000-0000-0000-0000-000000000000'
WHERE id = (SELECT id FROM pharox.pool WHERE id = $1 AND maintained_keys = complete_keys FOR UPDATE)
    AND maintained_keys = complete_keys;

-- Each of the following gives a maintained key to some of the proxies that do not have it. No row is changed if another
-- transaction is doing so.
-- Parameters: $1 pool id, $2 the key's bit, $3 how many proxies at most.

-- name: backfill_use_sequence_key
WITH home AS MATERIALIZED (
    SELECT id, backfilled_to, random_high, weighted_high
    FROM pharox.pool
    WHERE id = $1 AND maintained_keys & $2 <> 0 AND complete_keys & $2 = 0
    FOR NO KEY UPDATE SKIP LOCKED),
batch AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.pool_id = (SELECT id FROM home) AND p.id > (SELECT backfilled_to FROM home)
        AND p.use_sequence_key IS NULL
    ORDER BY p.id
    LIMIT $3
    FOR NO KEY UPDATE),
copied AS (
    UPDATE pharox.proxy p SET use_sequence_key = p.use_sequence FROM batch, home WHERE p.id = batch.id)
UPDATE pharox.pool
SET backfilled_to = coalesce((SELECT id FROM batch ORDER BY id DESC LIMIT 1), backfilled_to),
    complete_keys = CASE WHEN (SELECT count(*) FROM batch) < $3 THEN complete_keys | $2 ELSE complete_keys END
WHERE id = (SELECT id FROM home);

-- name: backfill_lease_count_key
WITH home AS MATERIALIZED (
    SELECT id, backfilled_to, random_high, weighted_high
    FROM pharox.pool
    WHERE id = $1 AND maintained_keys & $2 <> 0 AND complete_keys & $2 = 0
    FOR NO KEY UPDATE SKIP LOCKED),
batch AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.pool_id = (SELECT id FROM home) AND p.id > (SELECT backfilled_to FROM home)
        AND p.lease_count_key IS NULL
    ORDER BY p.id
    LIMIT $3
    FOR NO KEY UPDATE),
copied AS (
    UPDATE pharox.proxy p SET lease_count_key = p.current_leases FROM batch, home WHERE p.id = batch.id)
UPDATE pharox.pool
SET backfilled_to = coalesce((SELECT id FROM batch ORDER BY id DESC LIMIT 1), backfilled_to),
    complete_keys = CASE WHEN (SELECT count(*) FROM batch) < $3 THEN complete_keys | $2 ELSE complete_keys END
WHERE id = (SELECT id FROM home);

-- name: backfill_latency_key
WITH home AS MATERIALIZED (
    SELECT id, backfilled_to, random_high, weighted_high
    FROM pharox.pool
    WHERE id = $1 AND maintained_keys & $2 <> 0 AND complete_keys & $2 = 0
    FOR NO KEY UPDATE SKIP LOCKED),
batch AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.pool_id = (SELECT id FROM home) AND p.id > (SELECT backfilled_to FROM home)
        AND p.latency_key IS NULL
    ORDER BY p.id
    LIMIT $3
    FOR NO KEY UPDATE),
copied AS (
    UPDATE pharox.proxy p SET latency_key = pharox.latency_key(p.latency_ms) FROM batch, home WHERE p.id = batch.id)
UPDATE pharox.pool
SET backfilled_to = coalesce((SELECT id FROM batch ORDER BY id DESC LIMIT 1), backfilled_to),
    complete_keys = CASE WHEN (SELECT count(*) FROM batch) < $3 THEN complete_keys | $2 ELSE complete_keys END
WHERE id = (SELECT id FROM home);

-- name: backfill_random_key
WITH home AS MATERIALIZED (
    SELECT id, backfilled_to, random_high, weighted_high
    FROM pharox.pool
    WHERE id = $1 AND maintained_keys & $2 <> 0 AND complete_keys & $2 = 0
    FOR NO KEY UPDATE SKIP LOCKED),
batch AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.pool_id = (SELECT id FROM home) AND p.id > (SELECT backfilled_to FROM home)
        AND p.random_key IS NULL
    ORDER BY p.id
    LIMIT $3
    FOR NO KEY UPDATE),
copied AS (
    UPDATE pharox.proxy p SET random_key = pharox.next_random_key(home.random_high) FROM batch, home WHERE p.id = batch.id)
UPDATE pharox.pool
SET backfilled_to = coalesce((SELECT id FROM batch ORDER BY id DESC LIMIT 1), backfilled_to),
    complete_keys = CASE WHEN (SELECT count(*) FROM batch) < $3 THEN complete_keys | $2 ELSE complete_keys END
WHERE id = (SELECT id FROM home);

-- name: backfill_weighted_key
WITH home AS MATERIALIZED (
    SELECT id, backfilled_to, random_high, weighted_high
    FROM pharox.pool
    WHERE id = $1 AND maintained_keys & $2 <> 0 AND complete_keys & $2 = 0
    FOR NO KEY UPDATE SKIP LOCKED),
batch AS MATERIALIZED (
    SELECT p.id
    FROM pharox.proxy p
    WHERE p.pool_id = (SELECT id FROM home) AND p.id > (SELECT backfilled_to FROM home)
        AND p.weighted_key IS NULL
    ORDER BY p.id
    LIMIT $3
    FOR NO KEY UPDATE),
copied AS (
    UPDATE pharox.proxy p SET weighted_key = pharox.next_weighted_key(home.weighted_high, p.weight)
    FROM batch, home WHERE p.id = batch.id)
UPDATE pharox.pool
SET backfilled_to = coalesce((SELECT id FROM batch ORDER BY id DESC LIMIT 1), backfilled_to),
    complete_keys = CASE WHEN (SELECT count(*) FROM batch) < $3 THEN complete_keys | $2 ELSE complete_keys END
WHERE id = (SELECT id FROM home);
