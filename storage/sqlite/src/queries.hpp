// Every statement that is whole. What filters and selectors compose is in dialect and pick_plan.
#pragma once

// String literals join only where they stand side by side.
#define PHAROX_PROXY_COLUMNS(current_leases)                                                             \
    "id, pool_id, host, port, protocol, status, checked_at, user, password, template, source, country, " \
    "city, "                                                                                             \
    "isp, asn, latitude, longitude, latency_ms, max_concurrency, " current_leases                        \
    ", weight, tags, metadata, "                                                                         \
    "fencing, random_key, weighted_key"
// What is due counts nowhere, collected or not. The first parameter is the time.
#define PHAROX_LIVE_LEASES                                              \
    "current_leases - (SELECT count(*) FROM lease INDEXED BY lease_due" \
    " WHERE lease.status = 0 AND lease.expires_at <= ?1 AND lease.proxy_id = proxy.id)"
#define PHAROX_LEASE_COLUMNS                                                                                \
    "id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at, expires_at, released_at, reason, " \
    "fencing, metadata"

namespace pharox::sqlite::query {

// ---- State
// ------------------------------------------------------------------------------------------------------

inline constexpr auto read_state = "SELECT now, mark FROM state";
inline constexpr auto write_state = "UPDATE state SET now = ?, mark = ? WHERE id = 1";

// ---- Acquire
// ----------------------------------------------------------------------------------------------------

/// now, mark, pool id, whether leases are due, whether the lease id is taken, consumer id.
/// Parameters: the clock, lease id, consumer name, pool name.
inline constexpr auto open_acquire =
    "SELECT state.now, state.mark, pool.id,"
    " EXISTS (SELECT 1 FROM lease INDEXED BY lease_due WHERE status = 0 AND expires_at <= max(state.now, ?)),"
    " EXISTS (SELECT 1 FROM lease WHERE id = ?),"
    " (SELECT id FROM consumer WHERE name = ?)"
    " FROM state LEFT JOIN pool ON pool.name = ?";
/// now, mark, pool id, whether leases are due. Parameters: the clock, pool name.
inline constexpr auto open_find =
    "SELECT state.now, state.mark, pool.id,"
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
    " metadata) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?)";
inline constexpr auto mark_proxy = "UPDATE proxy SET mark = ? WHERE id = ?";

/// random_high, weighted_high
inline constexpr auto pool_keys = "SELECT random_high, weighted_high FROM pool WHERE id = ?";
inline constexpr auto set_random_high = "UPDATE pool SET random_high = ? WHERE id = ?";
inline constexpr auto set_random_key = "UPDATE proxy SET random_key = ? WHERE id = ?";
inline constexpr auto set_weighted_high = "UPDATE pool SET weighted_high = ? WHERE id = ?";
inline constexpr auto set_weighted_key = "UPDATE proxy SET weighted_key = ? WHERE id = ?";

// ---- Leases
// -----------------------------------------------------------------------------------------------------

inline constexpr auto lease_by_id = "SELECT " PHAROX_LEASE_COLUMNS " FROM lease WHERE id = ?";
/// now, mark, whether the end of the lease opens room in a full proxy, then the lease. Parameter: lease id.
inline constexpr auto open_release =
    "SELECT state.now, state.mark,"
    " (SELECT has_room = 0 AND status = 0 AND (max_concurrency IS NULL OR current_leases - 1 < "
    "max_concurrency)"
    "  FROM proxy WHERE proxy.id = lease.proxy_id),"
    " lease.id, lease.proxy_id, lease.consumer_id, lease.pool_id, lease.pool_name, lease.status, "
    "lease.acquired_at,"
    " lease.expires_at, lease.released_at, lease.reason, lease.fencing, lease.metadata"
    " FROM state LEFT JOIN lease ON lease.id = ?";
inline constexpr auto end_lease = "UPDATE lease SET status = 1, released_at = ?, reason = ? WHERE id = ?";
inline constexpr auto give_back =
    "UPDATE proxy SET current_leases = current_leases - 1, mark = ? WHERE id = ?";
inline constexpr auto give_back_and_open =
    "UPDATE proxy SET current_leases = current_leases - 1, mark = ?, has_room = 1 WHERE id = ?";
inline constexpr auto give_back_any =
    "UPDATE proxy SET current_leases = current_leases - 1, mark = ?,"
    " has_room = (status = 0 AND (max_concurrency IS NULL OR current_leases - 1 < max_concurrency)) WHERE id "
    "= ?";
inline constexpr auto due_leases = "SELECT " PHAROX_LEASE_COLUMNS
                                   " FROM lease INDEXED BY lease_due"
                                   " WHERE status = 0 AND expires_at <= ? ORDER BY expires_at, id LIMIT ?";
inline constexpr auto delete_lease = "DELETE FROM lease WHERE id = ?";
inline constexpr auto prune_leases =
    "DELETE FROM lease WHERE id IN (SELECT id FROM lease INDEXED BY lease_ended"
    " WHERE status = 1 AND released_at <= ? ORDER BY released_at LIMIT ?)";
inline constexpr auto renew_lease = "UPDATE lease SET expires_at = ? WHERE id = ?";
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

// ---- Pools
// ------------------------------------------------------------------------------------------------------

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
// ----------------------------------------------------------------------------------------------------

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
// --------------------------------------------------------------------------------------------------

inline constexpr auto insert_consumer = "INSERT INTO consumer (id, name) VALUES (?, ?)";
inline constexpr auto consumer_by_name = "SELECT id, name FROM consumer WHERE name = ?";
inline constexpr auto consumer_by_id = "SELECT id, name FROM consumer WHERE id = ?";
inline constexpr auto delete_consumer = "DELETE FROM consumer WHERE id = ?";
inline constexpr auto list_consumers = "SELECT id, name FROM consumer WHERE name > ? ORDER BY name LIMIT ?";

}  // namespace pharox::sqlite::query
