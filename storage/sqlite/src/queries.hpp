// Every statement that is whole. What filters and selectors compose is in dialect and pick_plan.
#pragma once

// String literals join only where they stand side by side.
#define PHAROX_PROXY_COLUMNS(current_leases)                                                             \
    "id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country, " \
    "city, isp, asn, latitude, longitude, latency_ms, max_concurrency, " current_leases                  \
    ", weight, tags, metadata, fencing, random_key, weighted_key"
// What is due counts nowhere, collected or not. The first parameter is the time.
#define PHAROX_LIVE_LEASES                                              \
    "current_leases - (SELECT count(*) FROM lease INDEXED BY lease_due" \
    " WHERE lease.status = 0 AND lease.expires_at <= ?1 AND lease.proxy_id = proxy.id)"
#define PHAROX_LEASE_COLUMNS                                                                                \
    "id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, " \
    "fencing, metadata, tenure_ends_at"
#define PHAROX_HEALTH_RESULT_COLUMNS \
    "proxy_id, status, latency_ms, protocol, attempts, status_code, checked_at, failure, error_message"
#define PHAROX_HEALTH_RECORD_COLUMNS \
    "id, proxy_id, checked_at, reachable, latency_ms, protocol, status_before, status_after, failure, error"

namespace pharox::sqlite::query {

// ---- State

inline constexpr auto read_state = "SELECT now, mark, ended FROM state";
/// A write that changes nothing.
inline constexpr auto touch_state = "UPDATE state SET now = now WHERE id = 1";
inline constexpr auto write_state = "UPDATE state SET now = ?, mark = ?, ended = ? WHERE id = 1";

// ---- Acquire

/// now, mark, ended, pool id, whether leases are due, whether the lease id is taken, consumer id.
/// Parameters: the clock, lease id, consumer name, pool name.
inline constexpr auto open_acquire =
    "SELECT state.now, state.mark, state.ended, pool.id,"
    " EXISTS (SELECT 1 FROM lease INDEXED BY lease_due WHERE status = 0 AND expires_at <= max(state.now, ?)),"
    " EXISTS (SELECT 1 FROM lease WHERE id = ?),"
    " (SELECT id FROM consumer WHERE name = ?)"
    " FROM state LEFT JOIN pool ON pool.name = ?";
/// now, mark, ended, pool id, whether leases are due. Parameters: the clock, pool name.
inline constexpr auto open_find =
    "SELECT state.now, state.mark, state.ended, pool.id,"
    " EXISTS (SELECT 1 FROM lease INDEXED BY lease_due WHERE status = 0 AND expires_at <= max(state.now, ?))"
    " FROM state LEFT JOIN pool ON pool.name = ?";
/// The proxy, and the name of its pool, by id.
inline constexpr auto proxy_to_lease =
    "SELECT " PHAROX_PROXY_COLUMNS("current_leases") ", (SELECT name FROM pool WHERE pool.id = proxy.pool_id)"
    " FROM proxy WHERE id = ?";
/// Only the taking that fills a proxy moves it out of the order indexes: one page less to write for the
/// others.
inline constexpr auto take = "UPDATE proxy SET current_leases = ?, mark = ?, fencing = ? WHERE id = ?";
inline constexpr auto take_and_fill =
    "UPDATE proxy SET current_leases = ?, mark = ?, fencing = ?, has_room = 0 WHERE id = ?";
inline constexpr auto insert_lease =
    "INSERT INTO lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, "
    "fencing,"
    " metadata, tenure_ends_at) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)";
inline constexpr auto mark_proxy = "UPDATE proxy SET mark = ? WHERE id = ?";

inline constexpr auto pool_keys = "SELECT random_high, weighted_high, largest_weight FROM pool WHERE id = ?";
inline constexpr auto set_largest_weight = "UPDATE pool SET largest_weight = ? WHERE id = ?";
inline constexpr auto set_random_high = "UPDATE pool SET random_high = ? WHERE id = ?";
inline constexpr auto set_random_key = "UPDATE proxy SET random_key = ? WHERE id = ?";
inline constexpr auto set_weighted_high = "UPDATE pool SET weighted_high = ? WHERE id = ?";
inline constexpr auto set_weighted_key = "UPDATE proxy SET weighted_key = ? WHERE id = ?";

// ---- Leases

inline constexpr auto lease_by_id = "SELECT " PHAROX_LEASE_COLUMNS " FROM lease WHERE id = ?";
/// now, mark, ended, whether the end of the lease opens room in a full proxy, then the lease. Parameter:
/// lease id.
inline constexpr auto open_release =
    "SELECT state.now, state.mark, state.ended,"
    " (SELECT has_room = 0 AND status = 0 AND (max_concurrency IS NULL OR current_leases - 1 < "
    "max_concurrency)"
    "  FROM proxy WHERE proxy.id = lease.proxy_id),"
    " lease.id, lease.proxy_id, lease.consumer_id, lease.pool_id, lease.pool_name, lease.status, "
    "lease.acquired_at,"
    " lease.expires_at, lease.released_at, lease.reason, lease.fencing, lease.metadata,"
    " lease.tenure_ends_at"
    " FROM state LEFT JOIN lease ON lease.id = ?";
inline constexpr auto end_lease = "UPDATE lease SET status = 1, released_at = ?, reason = ? WHERE id = ?";
// A counter that is wrong, by damage, is no reason to keep a lease: audit() tells of it.
inline constexpr auto give_back =
    "UPDATE proxy SET current_leases = max(current_leases - 1, 0), mark = ? WHERE id = ?";
inline constexpr auto give_back_and_open =
    "UPDATE proxy SET current_leases = max(current_leases - 1, 0), mark = ?, has_room = 1 WHERE id = ?";
inline constexpr auto give_back_any =
    "UPDATE proxy SET current_leases = max(current_leases - 1, 0), mark = ?,"
    " has_room = (status = 0 AND (max_concurrency IS NULL OR current_leases - 1 < max_concurrency)) WHERE id "
    "= ?";
inline constexpr auto due_leases = "SELECT " PHAROX_LEASE_COLUMNS
                                   " FROM lease INDEXED BY lease_due"
                                   " WHERE status = 0 AND expires_at <= ? ORDER BY expires_at, id LIMIT ?";
inline constexpr auto delete_lease = "DELETE FROM lease WHERE id = ?";
inline constexpr auto prune_leases =
    "DELETE FROM lease WHERE id IN (SELECT id FROM lease INDEXED BY lease_ended"
    " WHERE status = 1 AND released_at <= ? ORDER BY released_at, id LIMIT ?)";
inline constexpr auto renew_lease = "UPDATE lease SET expires_at = ? WHERE id = ?";
/// By id. Parameters: the time, id after which to begin, pool name, consumer id, proxy id, whether active
/// (each of the four may be NULL), the time up to which what ended is forgotten, how many at most. Active and
/// ended are told apart by a comparison that no index serves: the order of ids is worth more.
inline constexpr auto list_leases = "SELECT " PHAROX_LEASE_COLUMNS
                                    " FROM lease WHERE id > ?2"
                                    " AND (?3 IS NULL OR pool_name = ?3)"
                                    " AND (?4 IS NULL OR consumer_id = ?4)"
                                    " AND (?5 IS NULL OR proxy_id = ?5)"
                                    " AND (?6 IS NULL OR (status = 0 AND expires_at > ?1) = ?6)"
                                    " AND coalesce(released_at, expires_at) > ?7"
                                    " ORDER BY id LIMIT ?8";
inline constexpr auto active_leases_of_proxy = "SELECT " PHAROX_LEASE_COLUMNS
                                               " FROM lease INDEXED BY lease_due"
                                               " WHERE status = 0 AND proxy_id = ? ORDER BY expires_at, id";
inline constexpr auto active_leases_of_pool =
    "SELECT " PHAROX_LEASE_COLUMNS
    " FROM lease INDEXED BY lease_due WHERE status = 0"
    " AND EXISTS (SELECT 1 FROM proxy WHERE proxy.id = lease.proxy_id AND proxy.pool_id = ?)"
    " ORDER BY expires_at, id";
inline constexpr auto active_leases_of_consumer =
    "SELECT " PHAROX_LEASE_COLUMNS
    " FROM lease INDEXED BY lease_due"
    " WHERE status = 0 AND consumer_id = ? ORDER BY expires_at, id";

/// Parameters: the time, pool id.
inline constexpr auto pool_stats =
    "WITH due AS MATERIALIZED (SELECT proxy_id, count(*) AS leases FROM lease INDEXED BY lease_due"
    " WHERE status = 0 AND expires_at <= ? GROUP BY proxy_id),"
    " live AS (SELECT proxy.status AS status, max_concurrency, current_leases - coalesce(due.leases, 0) AS "
    "leases"
    "  FROM proxy LEFT JOIN due ON due.proxy_id = proxy.id WHERE proxy.pool_id = ?)"
    " SELECT count(*), coalesce(sum(status = 0), 0),"
    " coalesce(sum(status = 0 AND (max_concurrency IS NULL OR leases < max_concurrency)), 0),"
    " coalesce(sum(leases > 0), 0), coalesce(sum(leases), 0) FROM live";

// ---- Health

inline constexpr auto last_checked_at = "SELECT checked_at FROM health_result WHERE proxy_id = ?";
inline constexpr auto apply_health =
    "UPDATE proxy SET status = ?, checked_at = ?, latency_ms = ?, has_room = ? WHERE id = ?";
inline constexpr auto put_health_result =
    "INSERT OR REPLACE INTO health_result (" PHAROX_HEALTH_RESULT_COLUMNS
    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
inline constexpr auto health_result_of_proxy =
    "SELECT " PHAROX_HEALTH_RESULT_COLUMNS " FROM health_result WHERE proxy_id = ?";
inline constexpr auto insert_health_record = "INSERT INTO health_record (" PHAROX_HEALTH_RECORD_COLUMNS
                                             ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
/// Parameters: proxy id, the time up to which records are forgotten, how many at most.
inline constexpr auto list_health_records = "SELECT " PHAROX_HEALTH_RECORD_COLUMNS
                                            " FROM health_record INDEXED BY health_record_of_proxy"
                                            " WHERE proxy_id = ? AND checked_at > ?"
                                            " ORDER BY checked_at DESC, id DESC LIMIT ?";
/// Parameters: proxy id, how many of its records stay.
inline constexpr auto prune_records_of_proxy =
    "DELETE FROM health_record WHERE id IN (SELECT id FROM health_record INDEXED BY health_record_of_proxy"
    " WHERE proxy_id = ? ORDER BY checked_at DESC, id DESC LIMIT -1 OFFSET ?)";
inline constexpr auto prune_health_records =
    "DELETE FROM health_record WHERE id IN (SELECT id FROM health_record INDEXED BY health_record_age"
    " WHERE checked_at <= ? ORDER BY checked_at LIMIT ?)";
inline constexpr auto delete_health_result = "DELETE FROM health_result WHERE proxy_id = ?";
inline constexpr auto delete_health_records = "DELETE FROM health_record WHERE proxy_id = ?";
inline constexpr auto delete_health_results_of_pool =
    "DELETE FROM health_result WHERE proxy_id IN (SELECT id FROM proxy WHERE pool_id = ?)";
inline constexpr auto delete_health_records_of_pool =
    "DELETE FROM health_record WHERE proxy_id IN (SELECT id FROM proxy WHERE pool_id = ?)";

// ---- Maintenance

/// How many proxies, and how many active leases. Parameter: the time.
inline constexpr auto audit_totals =
    "SELECT (SELECT count(*) FROM proxy),"
    " (SELECT count(*) FROM lease INDEXED BY lease_due WHERE status = 0 AND expires_at > ?)";
/// Proxies whose counter is not the number of their active leases: id, pool name, counter and active leases
/// without those that are due, and how many are. Parameter: the time.
inline constexpr auto wrong_counters =
    "WITH counted AS MATERIALIZED (SELECT proxy_id, sum(expires_at > ?1) AS live, sum(expires_at <= ?1) AS"
    " due FROM lease INDEXED BY lease_due WHERE status = 0 GROUP BY proxy_id)"
    " SELECT proxy.id, (SELECT name FROM pool WHERE pool.id = proxy.pool_id),"
    " current_leases - coalesce(due, 0), coalesce(live, 0), coalesce(due, 0)"
    " FROM proxy LEFT JOIN counted ON counted.proxy_id = proxy.id"
    " WHERE current_leases <> coalesce(live + due, 0) ORDER BY proxy.id";
inline constexpr auto set_counter =
    "UPDATE proxy SET current_leases = ?1,"
    " has_room = (status = 0 AND (max_concurrency IS NULL OR ?1 < max_concurrency)) WHERE id = ?2";
inline constexpr auto count_ended = "SELECT count(*) FROM lease INDEXED BY lease_ended WHERE status = 1";

// ---- Pools

inline constexpr auto insert_pool = "INSERT INTO pool (id, name, description, metadata) VALUES (?, ?, ?, ?)";
inline constexpr auto update_pool = "UPDATE pool SET name = ?, description = ?, metadata = ? WHERE id = ?";
inline constexpr auto delete_pool = "DELETE FROM pool WHERE id = ?";
inline constexpr auto delete_proxies_of_pool = "DELETE FROM proxy WHERE pool_id = ?";
inline constexpr auto pool_by_name = "SELECT id, name, description, metadata FROM pool WHERE name = ?";
inline constexpr auto pool_id_by_name = "SELECT id FROM pool WHERE name = ?";
inline constexpr auto pool_by_id = "SELECT id, name, description, metadata FROM pool WHERE id = ?";
inline constexpr auto list_pools =
    "SELECT id, name, description, metadata FROM pool WHERE name > ? ORDER BY name LIMIT ?";

// ---- Proxies

inline constexpr auto insert_proxy =
    "INSERT INTO proxy (id, pool_id, host, port, protocol, status, checked_at, user, password, template, "
    "source,"
    " country, city, isp, asn, latitude, longitude, latency_ms, max_concurrency, weight, tags, metadata, "
    "identity,"
    " has_room, random_key, weighted_key, current_leases, mark, fencing)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)"
    " ON CONFLICT DO NOTHING";
inline constexpr auto update_proxy =
    "UPDATE proxy SET pool_id = ?, host = ?, port = ?, protocol = ?, status = ?, checked_at = ?, user = ?,"
    " password = ?, template = ?, source = ?, country = ?, city = ?, isp = ?, asn = ?, latitude = ?, "
    "longitude = ?,"
    " latency_ms = ?, max_concurrency = ?, weight = ?, tags = ?, metadata = ?, identity = ?, has_room = ?,"
    " random_key = ?, weighted_key = ? WHERE id = ?";
inline constexpr auto delete_proxy = "DELETE FROM proxy WHERE id = ?";
/// The proxy as stored, for changing it.
inline constexpr auto proxy_by_id =
    "SELECT " PHAROX_PROXY_COLUMNS("current_leases") " FROM proxy WHERE id = ?";
/// The proxy as it reads. Parameters: the time, id.
inline constexpr auto live_proxy_by_id =
    "SELECT " PHAROX_PROXY_COLUMNS(PHAROX_LIVE_LEASES) " FROM proxy WHERE id = ?";
inline constexpr auto proxy_id_by_identity = "SELECT id FROM proxy WHERE pool_id = ? AND identity = ?";
/// A filter may follow, then proxy_order_and_limit. Parameters: the time, pool id, id after which to begin.
inline constexpr auto list_proxies =
    "SELECT " PHAROX_PROXY_COLUMNS(PHAROX_LIVE_LEASES) " FROM proxy INDEXED BY proxy_pool"
    " WHERE pool_id = ? AND id > ?";
inline constexpr auto status_is = " AND status = ?";
inline constexpr auto proxy_order_and_limit = " ORDER BY id LIMIT ?";

// ---- Consumers

inline constexpr auto insert_consumer = "INSERT INTO consumer (id, name) VALUES (?, ?)";
inline constexpr auto consumer_by_name = "SELECT id, name FROM consumer WHERE name = ?";
inline constexpr auto consumer_by_id = "SELECT id, name FROM consumer WHERE id = ?";
inline constexpr auto delete_consumer = "DELETE FROM consumer WHERE id = ?";
inline constexpr auto list_consumers = "SELECT id, name FROM consumer WHERE name > ? ORDER BY name LIMIT ?";

}  // namespace pharox::sqlite::query
