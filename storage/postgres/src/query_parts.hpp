// What several statements have in common. `pharox.` stands for the schema.
#pragma once

// String literals join only where they stand side by side.
#define PHAROX_PROXY_COLUMNS(p, current_leases)                                                              \
    p "id, " p "pool_id, " p "host, " p "port, " p "protocol, " p "status, " p "checked_at, " p              \
      "username, " p "password, " p "template, " p "source, " p "country, " p "city, " p "isp, " p "asn, " p \
      "latitude, " p "longitude, " p "latency_ms, " p "max_concurrency, " current_leases ", " p "weight, " p \
      "tags, " p "metadata, " p "revision"
#define PHAROX_LEASE_COLUMNS(l)                                                                              \
    l "id, " l "proxy_id, " l "consumer_id, " l "pool_id, " l "pool_name, " l "status, " l "acquired_at, " l \
      "expires_at, " l "released_at, " l "reason, " l "fencing, " l "tenure_ends_at, " l "metadata"
// As a lease reads: one whose time is up has ended, collected or not.
#define PHAROX_NOW "(SELECT greatest(pharox.now_utc(), latest_expiry) FROM pharox.clock)"
// The same, read anew for each row: after the wait for its lock.
#define PHAROX_TIME "greatest(pharox.now_utc(), (SELECT latest_expiry FROM pharox.clock))"
// Part of statements that answer what is expired and leave it uncollected: the store's time stays at or after
// what they have seen expire, wherever the server's clock goes. Writes once for each time that they see.
#define PHAROX_NOTICE                                                                                     \
    "noticed AS (UPDATE pharox.clock c SET latest_expiry = expired.at FROM (SELECT max(expires_at) AS at" \
    " FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW                                   \
    ") expired"                                                                                           \
    " WHERE c.latest_expiry < expired.at)"
// What indexes hold, see the first migration. Written by every statement that changes what it depends on: a
// generated column costs a sixth of the time of a lease.
#define PHAROX_AVAILABILITY(status, limit, leases) "pharox.availability(" status ", " limit ", " leases ")"
#define PHAROX_IS_AVAILABLE(p) p "availability < 4"
// A sort key, null while the pool does not maintain it: the bits are in sort_keys.hpp.
#define PHAROX_MAINTAINED(pool, bit, value) \
    "CASE WHEN " pool ".maintained_keys & " #bit " <> 0 THEN " value " END"
#define PHAROX_LATENCY_KEY(latency_ms) "pharox.latency_key(" latency_ms ")"
#define PHAROX_RANDOM_KEY(pool) "pharox.next_random_key(" pool ".random_high)"
#define PHAROX_WEIGHTED_KEY(pool, weight) "pharox.next_weighted_key(" pool ".weighted_high, " weight ")"
// Copies of what leases change.
#define PHAROX_USE_SEQUENCE_KEY "use_sequence_key = CASE WHEN p.use_sequence_key IS NOT NULL THEN "
#define PHAROX_LEASE_COUNT_KEY "lease_count_key = CASE WHEN p.lease_count_key IS NOT NULL THEN "
// A counter that goes down by `n`, and its mark.
#define PHAROX_FREED(n, mark)                                                                      \
    "current_leases = greatest(p.current_leases - " n ", 0), availability = " PHAROX_AVAILABILITY( \
        "p.status", "p.max_concurrency",                                                           \
        "greatest(p.current_leases - " n                                                           \
        ", 0)") ", use_sequence = greatest(p.use_sequence, " mark "), " PHAROX_USE_SEQUENCE_KEY    \
                "greatest(p.use_sequence, " mark ") END, " PHAROX_LEASE_COUNT_KEY                  \
                "greatest(p.current_leases - " n ", 0) END"
// What is due counts nowhere.
#define PHAROX_EXPIRED_ON(proxy)                                                                   \
    "(SELECT count(*)::int FROM pharox.lease d WHERE d.status = 0 AND d.expires_at <= " PHAROX_NOW \
    " AND d.proxy_id = " proxy ".id)"
// Tells the other processes that wait for the pool, if there are any: part of whatever makes something
// available. Their registrations are committed before they look (see PoolNotifications); the number of a
// storage is set once a session, and no session behind a pooler has one.
#define PHAROX_NOTIFY_WAITERS(pool)                                                   \
    "CASE WHEN EXISTS (SELECT 1 FROM pharox.waiting w WHERE w.pool_id = " pool        \
    " AND w.ends_at > clock_timestamp() AND w.store <>"                               \
    " coalesce(nullif(current_setting('pharox_store.number', TRUE), '')::bigint, 0))" \
    " THEN pg_notify('pharox_' || " pool ", '') END"

// The same for a counter that went down by `n`, where the proxy was full until then.
#define PHAROX_NOTIFY_IF_AVAILABLE(n)                                                           \
    "CASE WHEN " PHAROX_IS_AVAILABLE("p.") " AND p.current_leases + " n                         \
                                           " >= p.max_concurrency THEN " PHAROX_NOTIFY_WAITERS( \
                                               "p.pool_id") " END"
