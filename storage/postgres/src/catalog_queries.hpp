// The statements of pools, proxies and consumers.
#pragma once

#include "query_parts.hpp"

namespace pharox::postgres::query {

// ---- Pools

inline constexpr auto insert_pool =
    "INSERT INTO pharox.pool (id, name, description, metadata) VALUES ($1, $2, $3, $4)";
inline constexpr auto update_pool =
    "UPDATE pharox.pool SET name = $2, description = $3, metadata = $4 WHERE id = $1"
    " RETURNING " PHAROX_NOTIFY_WAITERS("id");
inline constexpr auto pool_by_name =
    "SELECT id, name, description, metadata FROM pharox.pool WHERE name = $1";
inline constexpr auto list_pools =
    "SELECT id, name, description, metadata FROM pharox.pool WHERE name > $1 ORDER BY name LIMIT $2";
/// No proxy can enter while this is held.
inline constexpr auto lock_pool = "SELECT id FROM pharox.pool WHERE name = $1 FOR UPDATE";
inline constexpr auto delete_pool =
    "DELETE FROM pharox.pool WHERE id = $1 RETURNING " PHAROX_NOTIFY_WAITERS("id");

// ---- Proxies

/// $1 id, $2 pool id, then the columns of bind_proxy(). Nothing where the pool is unknown: pool, inserted.
inline constexpr auto insert_proxy =
    "WITH home AS MATERIALIZED (SELECT id, random_high, weighted_high, maintained_keys FROM pharox.pool WHERE id = $2"
    " FOR KEY SHARE)"
    ", added AS (INSERT INTO pharox.proxy (id, pool_id, host, port, protocol, status, checked_at, username,"
    " password, template, source, country, city, isp, asn, latitude, longitude, latency_ms, max_concurrency,"
    " weight, tags, metadata, identity, availability, use_sequence_key, lease_count_key, latency_key, random_key, weighted_key)"
    " SELECT $1, home.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
    " $21, $22, sha256(convert_to($23, 'UTF8')), " PHAROX_AVAILABILITY("$6", "$19", "0") ", "
    PHAROX_MAINTAINED("home", 1, "0") ", " PHAROX_MAINTAINED("home", 2, "0") ", "
    PHAROX_MAINTAINED("home", 4, PHAROX_LATENCY_KEY("$18")) ", " PHAROX_MAINTAINED("home", 8, PHAROX_RANDOM_KEY("home")) ", "
    PHAROX_MAINTAINED("home", 16, PHAROX_WEIGHTED_KEY("home", "$20"))
    " FROM home ON CONFLICT DO NOTHING RETURNING id, CASE WHEN " PHAROX_IS_AVAILABLE("") " THEN " PHAROX_NOTIFY_WAITERS("pool_id") " END)"
    " SELECT EXISTS (SELECT 1 FROM home), EXISTS (SELECT 1 FROM added)";
/// The same parameters. Who has the identity in the pool, or else the id.
inline constexpr auto update_proxy =
    "WITH home AS MATERIALIZED (SELECT id, random_high, weighted_high, maintained_keys FROM pharox.pool WHERE id = $2"
    " FOR KEY SHARE)"
    " UPDATE pharox.proxy p SET pool_id = $2, host = $3, port = $4, protocol = $5, status = $6,"
    " checked_at = $7, username = $8, password = $9, template = $10, source = $11, country = $12, city = $13,"
    " isp = $14, asn = $15, latitude = $16, longitude = $17, latency_ms = $18, max_concurrency = $19,"
    " weight = $20, tags = $21, metadata = $22, identity = sha256(convert_to($23, 'UTF8')),"
    " revision = p.revision + 1,"
    " availability = " PHAROX_AVAILABILITY("$6", "$19", "p.current_leases") ","
    " use_sequence_key = " PHAROX_MAINTAINED("home", 1, "p.use_sequence") ", lease_count_key = " PHAROX_MAINTAINED("home", 2, "p.current_leases") ","
    " latency_key = " PHAROX_MAINTAINED("home", 4, PHAROX_LATENCY_KEY("$18")) ","
    " random_key = " PHAROX_MAINTAINED("home", 8, "coalesce(CASE WHEN p.pool_id = $2 THEN p.random_key END, "
                                 PHAROX_RANDOM_KEY("home") ")") ","
    " weighted_key = " PHAROX_MAINTAINED("home", 16, "coalesce(CASE WHEN p.pool_id = $2 AND p.weight = $20"
                                   " THEN p.weighted_key END, " PHAROX_WEIGHTED_KEY("home", "$20") ")")
    " FROM home WHERE p.id = $1 RETURNING " PHAROX_PROXY_COLUMNS(
        "p.", "p.current_leases - " PHAROX_EXPIRED_ON(
                  "p")) ", CASE WHEN " PHAROX_IS_AVAILABLE("p.") " THEN " PHAROX_NOTIFY_WAITERS("p.pool_id") " END";
/// $1 pool id, $2 identity, $3 id.
inline constexpr auto holder_of_proxy =
    "SELECT id FROM (SELECT id, 0 AS place FROM pharox.proxy WHERE pool_id = $1"
    " AND identity = sha256(convert_to($2, 'UTF8')) UNION ALL SELECT id, 1 FROM pharox.proxy WHERE id = $3) "
    "held"
    " ORDER BY place LIMIT 1";
inline constexpr auto proxy_exists = "SELECT 1 FROM pharox.proxy WHERE id = $1";
inline constexpr auto proxy_by_id = "WITH " PHAROX_NOTICE " SELECT " PHAROX_PROXY_COLUMNS(
    "p.", "p.current_leases - " PHAROX_EXPIRED_ON("p")) " FROM pharox.proxy p WHERE p.id = $1";
/// $1 pool name, $2 id after which to begin, $3 limit, $4 status or null; a filter may follow, then the end.
inline constexpr int list_proxies_parameters = 4;
inline constexpr auto list_proxies =
    "WITH " PHAROX_NOTICE ", due AS MATERIALIZED (SELECT proxy_id, count(*)::int AS leases FROM pharox.lease WHERE status = 0"
    " AND expires_at <= " PHAROX_NOW " GROUP BY proxy_id)"
    " SELECT " PHAROX_PROXY_COLUMNS("p.", "p.current_leases - coalesce(due.leases, 0)")
    " FROM (SELECT * FROM pharox.proxy WHERE pool_id = (SELECT id FROM pharox.pool WHERE name = $1) AND id > $2"
    " AND ($4::int2 IS NULL OR status = $4)";
inline constexpr auto list_proxies_end =
    " ORDER BY id LIMIT $3) p LEFT JOIN due ON due.proxy_id = p.id ORDER BY p.id";

inline constexpr auto lock_proxy = "SELECT id, current_leases FROM pharox.proxy WHERE id = $1 FOR UPDATE";
inline constexpr auto lock_proxies_of_pool =
    "SELECT id FROM pharox.proxy WHERE pool_id = $1 ORDER BY id FOR UPDATE";
inline constexpr auto delete_proxy = "DELETE FROM pharox.proxy WHERE id = $1";
inline constexpr auto delete_proxies_of_pool = "DELETE FROM pharox.proxy WHERE pool_id = $1";

// ---- Bulk

inline constexpr auto make_staging =
    "CREATE TEMPORARY TABLE pharox_staging (place bigint, id uuid, pool_id uuid, host text, port int,"
    " protocol smallint, status smallint, checked_at timestamptz, username text, password text,"
    " template boolean, source text, country text, city text, isp text, asn bigint, latitude float8,"
    " longitude float8, latency_ms float8, max_concurrency int, weight float8, tags text[], metadata jsonb,"
    " identity text) ON COMMIT DROP";
inline constexpr auto analyze_staging = "ANALYZE pharox_staging";
inline constexpr auto copy_staging = "COPY pharox_staging FROM STDIN";
inline constexpr auto lock_staged_pools =
    "SELECT id FROM pharox.pool WHERE id IN (SELECT pool_id FROM pharox_staging) ORDER BY id FOR KEY SHARE";
inline constexpr auto unknown_staged_pool =
    "SELECT pool_id FROM pharox_staging s WHERE NOT EXISTS (SELECT 1 FROM pharox.pool WHERE id = s.pool_id)"
    " LIMIT 1";
inline constexpr auto insert_staged =
    "INSERT INTO pharox.proxy (id, pool_id, host, port, protocol, status, checked_at, username, password,"
    " template, source, country, city, isp, asn, latitude, longitude, latency_ms, max_concurrency, weight, "
    "tags,"
    " metadata, identity, availability, use_sequence_key, lease_count_key, latency_key, random_key, weighted_key)"
    " SELECT s.id, s.pool_id, s.host, s.port, s.protocol, s.status, s.checked_at, s.username, s.password,"
    " s.template, s.source, s.country, s.city, s.isp, s.asn, s.latitude, s.longitude, s.latency_ms,"
    " s.max_concurrency, s.weight, s.tags, s.metadata, sha256(convert_to(s.identity, 'UTF8')),"
    " " PHAROX_AVAILABILITY("s.status", "s.max_concurrency", "0") ", "
    PHAROX_MAINTAINED("pool", 1, "0") ", " PHAROX_MAINTAINED("pool", 2, "0") ", "
    PHAROX_MAINTAINED("pool", 4, PHAROX_LATENCY_KEY("s.latency_ms")) ", "
    PHAROX_MAINTAINED("pool", 8, PHAROX_RANDOM_KEY("pool")) ", "
    PHAROX_MAINTAINED("pool", 16, PHAROX_WEIGHTED_KEY("pool", "s.weight"))
    " FROM pharox_staging s JOIN pharox.pool ON pool.id = s.pool_id ORDER BY s.place";
inline constexpr auto or_leave_it = " ON CONFLICT DO NOTHING";
/// Inserts, and leaves in the staging table what was there already. How many were inserted: the rows changed.
inline constexpr auto after_insert_with = "WITH added AS (";
inline constexpr auto after_insert_drop =
    " RETURNING id), first AS (SELECT id, min(place) AS place FROM pharox_staging GROUP BY id)"
    ", dropped AS (DELETE FROM pharox_staging s USING first, added WHERE s.place = first.place"
    " AND first.id = added.id)"
    " SELECT count(*) FROM added";
/// What has a stored identity: the last one of the call counts. In the order of ids, as in collect_expired.
inline constexpr auto update_staged =
    "WITH wanted AS MATERIALIZED (SELECT last.* FROM (SELECT DISTINCT ON (h.id) h.id AS holder, s.*"
    " FROM pharox_staging s"
    " JOIN pharox.proxy h ON h.pool_id = s.pool_id AND h.identity = sha256(convert_to(s.identity, 'UTF8'))"
    " ORDER BY h.id, s.place DESC) last JOIN pharox.proxy p ON p.id = last.holder"
    " ORDER BY p.id FOR NO KEY UPDATE OF p)"
    ", changed AS (UPDATE pharox.proxy p SET protocol = s.protocol, status = s.status,"
    " checked_at = s.checked_at, username = s.username, password = s.password, template = s.template,"
    " source = s.source, country = s.country, city = s.city, isp = s.isp, asn = s.asn, latitude = s.latitude,"
    " longitude = s.longitude, latency_ms = s.latency_ms, max_concurrency = s.max_concurrency,"
    " weight = s.weight, tags = s.tags, metadata = s.metadata, revision = p.revision + 1,"
    " availability = " PHAROX_AVAILABILITY("s.status", "s.max_concurrency", "p.current_leases") ","
    " latency_key = " PHAROX_MAINTAINED("pool", 4, PHAROX_LATENCY_KEY("s.latency_ms")) ","
    " weighted_key = " PHAROX_MAINTAINED("pool", 16, "CASE WHEN p.weight = s.weight THEN p.weighted_key ELSE "
                                   PHAROX_WEIGHTED_KEY("pool", "s.weight") " END")
    " FROM wanted s JOIN pharox.pool ON pool.id = s.pool_id WHERE p.id = s.holder)"
    " DELETE FROM pharox_staging s WHERE EXISTS (SELECT 1 FROM pharox.proxy h WHERE h.pool_id = s.pool_id"
    " AND h.identity = sha256(convert_to(s.identity, 'UTF8')))";
/// $1 pool ids.
inline constexpr auto tell_of_pools =
    "SELECT " PHAROX_NOTIFY_WAITERS("s.pool_id") " FROM unnest($1) AS s (pool_id)";
/// The first that cannot be inserted: its place, whether because of its id.
inline constexpr auto first_conflict =
    "SELECT place, id_taken FROM (SELECT s.place, row_number() OVER (PARTITION BY s.id ORDER BY s.place) > 1"
    " OR EXISTS (SELECT 1 FROM pharox.proxy p WHERE p.id = s.id) AS id_taken,"
    " row_number() OVER (PARTITION BY s.pool_id, s.identity ORDER BY s.place) > 1"
    " OR EXISTS (SELECT 1 FROM pharox.proxy p WHERE p.pool_id = s.pool_id"
    " AND p.identity = sha256(convert_to(s.identity, 'UTF8'))) AS identity_taken FROM pharox_staging s) "
    "looked"
    " WHERE id_taken OR identity_taken ORDER BY place LIMIT 1";
/// What has a stored id, and another identity.
inline constexpr auto staged_places = "SELECT place FROM pharox_staging ORDER BY place";

// ---- Leases of what goes

/// The active ones are ended first: what is due as expired, then the others.
inline constexpr auto active_of_proxy = " AND proxy_id = $1";
inline constexpr auto active_of_pool = " AND proxy_id IN (SELECT id FROM pharox.proxy WHERE pool_id = $1)";
inline constexpr auto active_of_consumer = " AND consumer_id = $1";
inline constexpr auto any_active = "SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at > " PHAROX_NOW;
/// In the transaction that has locked their proxies.
inline constexpr auto revoke_active =
    "WITH wanted AS MATERIALIZED (SELECT id, proxy_id FROM pharox.lease WHERE status = 0";
/// Those of a consumer are on any proxies, which are locked first.
inline constexpr auto revoke_active_end =
    "), held AS MATERIALIZED (SELECT p.id FROM pharox.proxy p WHERE p.id IN (SELECT proxy_id FROM wanted)"
    " ORDER BY p.id FOR NO KEY UPDATE)"
    ", ended AS (UPDATE pharox.lease l SET status = 1,"
    " reason = CASE WHEN l.expires_at <= " PHAROX_TIME " THEN 1 ELSE 2 END,"
    " released_at = greatest(l.acquired_at, least(l.expires_at, " PHAROX_TIME "))"
    " FROM wanted JOIN held ON held.id = wanted.proxy_id WHERE l.id = wanted.id AND l.status = 0"
    " RETURNING l.*), many AS (SELECT proxy_id, count(*)::int AS n FROM ended GROUP BY proxy_id)"
    ", freed AS (UPDATE pharox.proxy p SET " PHAROX_FREED("m.n", "m.mark")
    " FROM (SELECT proxy_id, n, nextval('pharox.use_sequence') AS mark FROM many) m WHERE p.id = m.proxy_id"
    " RETURNING " PHAROX_NOTIFY_IF_AVAILABLE("m.n") ")"
    " SELECT " PHAROX_LEASE_COLUMNS("") " FROM ended ORDER BY expires_at, id";

// ---- Consumers

inline constexpr auto insert_consumer = "INSERT INTO pharox.consumer (id, name) VALUES ($1, $2)";
inline constexpr auto ensure_consumer =
    "INSERT INTO pharox.consumer (id, name) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
inline constexpr auto consumer_by_name = "SELECT id, name FROM pharox.consumer WHERE name = $1";
inline constexpr auto lock_consumer = "SELECT id FROM pharox.consumer WHERE name = $1 FOR UPDATE";
inline constexpr auto delete_consumer = "DELETE FROM pharox.consumer WHERE id = $1";
inline constexpr auto list_consumers =
    "SELECT id, name FROM pharox.consumer WHERE name > $1 ORDER BY name LIMIT $2";

}  // namespace pharox::postgres::query
