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
// What indexes hold: the status of a proxy that may be leased, 4 more where it is full, and null for any
// other. Written by every statement that changes what it depends on: a generated column costs a sixth of the
// time of a lease.
#define PHAROX_ROOM(status, limit, leases)                                                                \
    "CASE WHEN " status " = 0 OR " status " = 2 THEN " status " + CASE WHEN " limit " IS NULL OR " leases \
    " < " limit " THEN 0 ELSE 4 END END"
#define PHAROX_HAS_ROOM(p) p "room < 4"
// What a pool keeps for the index of an order, null where it was never asked for it: the bits are in
// orders.hpp.
#define PHAROX_KEPT(pool, bit, value) "CASE WHEN " pool ".kept & " #bit " <> 0 THEN " value " END"
#define PHAROX_LATENCY(latency_ms) "coalesce(" latency_ms ", 'Infinity'::float8)"
#define PHAROX_RANDOM_KEY(pool) pool ".random_high - ln(1 - random())"
#define PHAROX_WEIGHTED_KEY(pool, weight) \
    pool ".weighted_high - ln(1 - random()) / least(greatest(" weight ", 1e-290), 1e290)"
// Copies of what leases change.
#define PHAROX_TURN "turn = CASE WHEN p.turn IS NOT NULL THEN "
#define PHAROX_LOAD "load = CASE WHEN p.load IS NOT NULL THEN "
// A counter that goes down by `n`, and its mark.
#define PHAROX_FREED(n, mark)                                                                        \
    "current_leases = greatest(p.current_leases - " n ", 0), room = " PHAROX_ROOM(                   \
        "p.status", "p.max_concurrency",                                                             \
        "greatest(p.current_leases - " n ", 0)") ", used = greatest(p.used, " mark "), " PHAROX_TURN \
                                                 "greatest(p.used, " mark ") END, " PHAROX_LOAD      \
                                                 "greatest(p.current_leases - " n ", 0) END"
// What is due counts nowhere.
#define PHAROX_DUE_ON(proxy)                                                                       \
    "(SELECT count(*)::int FROM pharox.lease d WHERE d.status = 0 AND d.expires_at <= " PHAROX_NOW \
    " AND d.proxy_id = " proxy ".id)"
// Tells the other processes that wait for the pool, if there are any: part of whatever makes something
// available. Their registrations are committed before they look (see Listener); the number of a storage is
// set once a session, and no session behind a pooler has one.
#define PHAROX_TELL(pool)                                                             \
    "CASE WHEN EXISTS (SELECT 1 FROM pharox.waiting w WHERE w.pool_id = " pool        \
    " AND w.ends_at > clock_timestamp() AND w.store <>"                               \
    " coalesce(nullif(current_setting('pharox_store.number', TRUE), '')::bigint, 0))" \
    " THEN pg_notify('pharox_' || " pool ", '') END"

// The same for a counter that went down by `n`, where the proxy was full until then.
#define PHAROX_TELL_FREED(n)                                        \
    "CASE WHEN " PHAROX_HAS_ROOM("p.") " AND p.current_leases + " n \
                                       " >= p.max_concurrency THEN " PHAROX_TELL("p.pool_id") " END"
