// The statements of health, of those who wait, and of maintenance.
#pragma once

#include "query_parts.hpp"

namespace pharox::postgres::query {

// ---- Health

/// $1 proxy id, $2 checked_at, $3 status, $4 latency or null, $5 the whole result.
inline constexpr auto apply_health =
    "WITH seen AS MATERIALIZED (SELECT p.id, p.availability AS had, least($2, " PHAROX_TIME ") AS at FROM pharox.proxy p"
    " WHERE p.id = $1 FOR NO KEY UPDATE)"
    ", newer AS (INSERT INTO pharox.proxy_health AS h (proxy_id, checked_at, result)"
    " SELECT id, at, $5 FROM seen"
    " ON CONFLICT (proxy_id) DO UPDATE SET checked_at = excluded.checked_at, result = excluded.result"
    " WHERE h.checked_at <= excluded.checked_at RETURNING proxy_id, checked_at)"
    " UPDATE pharox.proxy p SET checked_at = newer.checked_at,"
    " status = CASE WHEN p.status = 3 THEN p.status ELSE $3 END,"
    " availability = CASE WHEN p.status <> 3 THEN " PHAROX_AVAILABILITY("$3", "p.max_concurrency", "p.current_leases") " END,"
    " latency_ms = coalesce($4, p.latency_ms), revision = p.revision + 1,"
    " latency_key = CASE WHEN p.latency_key IS NOT NULL THEN " PHAROX_LATENCY_KEY("coalesce($4, p.latency_ms)") " END"
    " FROM newer, seen WHERE p.id = newer.proxy_id RETURNING " PHAROX_PROXY_COLUMNS(
        "p.", "p.current_leases - " PHAROX_EXPIRED_ON(
                  "p")) ", CASE WHEN " PHAROX_IS_AVAILABLE("p.") " AND p.availability IS DISTINCT FROM seen.had THEN "
    PHAROX_NOTIFY_WAITERS("p.pool_id") " END";
inline constexpr auto last_health = "SELECT checked_at, result FROM pharox.proxy_health WHERE proxy_id = $1";
/// $1 id, $2 proxy id, $3 checked_at, $4 the record. Whether the proxy exists, whether it was kept.
inline constexpr auto insert_health_record =
    "WITH seen AS MATERIALIZED (SELECT id FROM pharox.proxy WHERE id = $2 FOR KEY SHARE)"
    ", kept AS (INSERT INTO pharox.health_record (id, proxy_id, checked_at, record)"
    " SELECT $1, id, $3, $4 FROM seen ON CONFLICT DO NOTHING RETURNING id)"
    " SELECT EXISTS (SELECT 1 FROM seen), EXISTS (SELECT 1 FROM kept)";
/// $1 proxy id, $2 how many to keep, $3 how long in ms.
inline constexpr auto prune_health_records =
    "DELETE FROM pharox.health_record WHERE proxy_id = $1 AND (checked_at <= (" PHAROX_NOW
    " - $3 *"
    " interval '1 millisecond') OR (checked_at, id) <= (SELECT checked_at, id FROM pharox.health_record"
    " WHERE proxy_id = $1 ORDER BY checked_at DESC, id DESC OFFSET $2 LIMIT 1))";
/// $1 proxy id, $2 limit, $3 how long they are kept, in ms.
inline constexpr auto list_health_records =
    "SELECT record FROM pharox.health_record WHERE proxy_id = $1"
    " AND checked_at > (" PHAROX_NOW
    " - $3 * interval '1 millisecond')"
    " ORDER BY checked_at DESC, id DESC LIMIT $2";
inline constexpr auto delete_health_of_proxy =
    "WITH records AS (DELETE FROM pharox.health_record WHERE proxy_id = $1)"
    " DELETE FROM pharox.proxy_health WHERE proxy_id = $1";
inline constexpr auto delete_health_of_pool =
    "WITH gone AS MATERIALIZED (SELECT id FROM pharox.proxy WHERE pool_id = $1)"
    ", records AS (DELETE FROM pharox.health_record WHERE proxy_id IN (SELECT id FROM gone))"
    " DELETE FROM pharox.proxy_health WHERE proxy_id IN (SELECT id FROM gone)";

// ---- Who waits, see PoolNotifications

/// Not yet committed transactions may not see that we wait: $1 pool id, $2 our number, $3 for how long, in
/// ms. Those that are gone without a word are forgotten by the way.
inline constexpr auto enter_waiting =
    "WITH gone AS (DELETE FROM pharox.waiting WHERE (pool_id, store) IN (SELECT pool_id, store FROM "
    "pharox.waiting"
    " WHERE ends_at < clock_timestamp() - interval '1 minute' FOR UPDATE SKIP LOCKED))"
    " INSERT INTO pharox.waiting (pool_id, store, ends_at)"
    " VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')"
    " ON CONFLICT (pool_id, store) DO UPDATE SET ends_at = excluded.ends_at";
inline constexpr auto leave_waiting = "DELETE FROM pharox.waiting WHERE pool_id = $1 AND store = $2";
/// Every transaction holds the lock of its own number from before its first snapshot until what it did is
/// seen.
inline constexpr auto running_transactions =
    "SELECT coalesce(array_agg(virtualtransaction), '{}') FROM pg_locks WHERE locktype = 'virtualxid' AND "
    "granted"
    " AND mode = 'ExclusiveLock' AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = "
    "current_database()"
    " AND pid <> pg_backend_pid())";
/// $1 as the above answered.
inline constexpr auto still_running =
    "SELECT coalesce(array_agg(virtualtransaction), '{}') FROM pg_locks WHERE locktype = 'virtualxid' AND "
    "granted"
    " AND mode = 'ExclusiveLock' AND virtualtransaction = ANY ($1)";

// ---- Maintenance

inline constexpr auto schema_version = "SELECT version FROM pharox.schema_version";
/// One row in any case: proxies, active leases, then a mismatch or nulls.
inline constexpr auto compare_counters =
    "WITH " PHAROX_NOTICE ", clock AS MATERIALIZED (SELECT " PHAROX_TIME
    " AS now)"
    ", counted AS MATERIALIZED (SELECT proxy_id, count(*)::int AS n FROM pharox.lease WHERE status = 0"
    " AND expires_at > (SELECT now FROM clock) GROUP BY proxy_id)"
    ", due AS MATERIALIZED (SELECT proxy_id, count(*)::int AS n FROM pharox.lease WHERE status = 0"
    " AND expires_at <= (SELECT now FROM clock) GROUP BY proxy_id)"
    ", wrong AS (SELECT p.id, p.pool_id, p.current_leases - coalesce(due.n, 0) AS counter,"
    " coalesce(counted.n, 0) AS active FROM pharox.proxy p LEFT JOIN counted ON counted.proxy_id = p.id"
    " LEFT JOIN due ON due.proxy_id = p.id"
    " WHERE p.current_leases - coalesce(due.n, 0) <> coalesce(counted.n, 0))"
    " SELECT (SELECT count(*) FROM pharox.proxy), (SELECT coalesce(sum(n), 0)::bigint FROM counted),"
    " wrong.id, (SELECT name FROM pharox.pool WHERE id = wrong.pool_id), wrong.counter, wrong.active"
    " FROM (SELECT 1) one LEFT JOIN wrong ON TRUE ORDER BY wrong.id";
inline constexpr auto lock_for_repair = "LOCK TABLE pharox.proxy, pharox.lease IN SHARE ROW EXCLUSIVE MODE";
/// And what indexes hold, which is a copy of them.
inline constexpr auto set_counters_right =
    "UPDATE pharox.proxy p SET current_leases = right_is.n, availability = right_is.availability, use_sequence_key = right_is.use_sequence_key,"
    " lease_count_key = right_is.lease_count_key, latency_key = right_is.latency_key, random_key = right_is.random_key,"
    " weighted_key = right_is.weighted_key"
    " FROM (SELECT q.id, n, " PHAROX_AVAILABILITY("q.status", "q.max_concurrency", "n") " AS availability, "
    PHAROX_MAINTAINED("pool", 1, "q.use_sequence") " AS use_sequence_key, " PHAROX_MAINTAINED("pool", 2, "n") " AS lease_count_key, "
    PHAROX_MAINTAINED("pool", 4, PHAROX_LATENCY_KEY("q.latency_ms")) " AS latency_key, "
    PHAROX_MAINTAINED("pool", 8, "coalesce(q.random_key, " PHAROX_RANDOM_KEY("pool") ")") " AS random_key, "
    PHAROX_MAINTAINED("pool", 16, "coalesce(q.weighted_key, " PHAROX_WEIGHTED_KEY("pool", "q.weight") ")")
    " AS weighted_key"
    " FROM (SELECT proxy.*, coalesce(counted.n, 0) AS n FROM pharox.proxy LEFT JOIN (SELECT proxy_id,"
    " count(*)::int AS n FROM pharox.lease WHERE status = 0 GROUP BY proxy_id) counted ON proxy_id = proxy.id) q"
    " JOIN pharox.pool ON pool.id = q.pool_id) right_is WHERE p.id = right_is.id"
    " AND (p.current_leases, p.availability, p.use_sequence_key, p.lease_count_key, p.latency_key, p.random_key, p.weighted_key) IS DISTINCT FROM"
    " (right_is.n, right_is.availability, right_is.use_sequence_key, right_is.lease_count_key, right_is.latency_key, right_is.random_key,"
    " right_is.weighted_key) RETURNING " PHAROX_NOTIFY_WAITERS("p.pool_id");

/// The transaction of this database that holds back the cleaning of tables most, if it is older than $1 ms
/// or, where its age is hidden from our role, $2 transactions: ms, transactions, server process.
inline constexpr auto open_transaction =
    "SELECT (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint,"
    " greatest(age(backend_xmin), age(backend_xid)), pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL"  // no vacuum
    " AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)"
    " AND (xact_start <= clock_timestamp() - $1 * interval '1 millisecond'"
    " OR (xact_start IS NULL AND greatest(age(backend_xmin), age(backend_xid)) >= $2))"
    " ORDER BY 2 DESC LIMIT 1";

}  // namespace pharox::postgres::query
