// Every statement that is whole, and the parts that pick_plan puts together. `pharox.` stands for the schema.
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
#define PHAROX_NOW "(SELECT clock_timestamp())"
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

namespace pharox::postgres::query {

// ---- Acquire and find: parts
// An acquire locks the first row that nobody else has locked, counts it, and records the lease. It answers
// nothing where there is no such row, no such pool, or the order is not ready: a miss alone asks again
// (miss_ask). Parameters: $1 pool name, $2 consumer name, $3 lease id, $4 duration in ms, $5 tenure in ms, $6
// metadata, $7 a number of the call's own, by which a repeat after a lost answer knows what it did; a
// filter's come after.

inline constexpr int acquire_parameters = 7;
/// $1 pool name; a filter's come after.
inline constexpr int mark_parameters = 1;

inline constexpr auto choose = "WITH chosen AS MATERIALIZED (SELECT id";
inline constexpr auto choose_from =
    " FROM pharox.proxy WHERE pool_id = (SELECT id FROM pharox.pool WHERE name = $1";
/// What is used while we look has had its turn.
inline constexpr auto not_used_meanwhile = " AND turn <= (SELECT last_value FROM pharox.use_mark)";
inline constexpr auto lock_free = " LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)";
inline constexpr auto lock_busy = " LIMIT 1 FOR NO KEY UPDATE)";
/// The mark and the time are taken when the lock is held.
inline constexpr auto lease_it =
    ", taken AS (UPDATE pharox.proxy p SET current_leases = p.current_leases + 1, room = " PHAROX_ROOM(
        "p.status", "p.max_concurrency",
        "p.current_leases + 1") ", used = chosen.mark, " PHAROX_TURN "chosen.mark END, " PHAROX_LOAD
                                "p.current_leases + 1 END"
                                ", fencing = greatest(p.fencing + 1, (date_part('epoch', clock_timestamp()) "
                                "* 1000000)::bigint)";
/// Find marks what it hands out only where the order is by turns.
inline constexpr auto mark_it =
    ", taken AS (UPDATE pharox.proxy p SET used = chosen.mark, " PHAROX_TURN "chosen.mark END";
inline constexpr auto leave_mark = ", taken AS (UPDATE pharox.proxy p SET used = p.used";
inline constexpr auto taken_from =
    " FROM (SELECT *, nextval('pharox.use_mark') AS mark FROM chosen) chosen"
    " WHERE p.id = chosen.id RETURNING clock_timestamp() AS now, p.fencing, " PHAROX_PROXY_COLUMNS(
        "p.", "p.current_leases") ")";
/// The picked one draws again; the others keep their turns.
inline constexpr auto draw_random =
    ", random_key = greatest(p.random_key, (SELECT random_high FROM pharox.pool WHERE id = p.pool_id))"
    " - ln(1 - random())";
inline constexpr auto draw_weighted =
    ", weighted_key = greatest(p.weighted_key, (SELECT weighted_high FROM pharox.pool WHERE id = p.pool_id))"
    " - ln(1 - random()) / least(greatest(p.weight, 1e-290), 1e290)";
/// How far the order has come; whoever cannot have the row at once leaves it to the next one.
inline constexpr auto random_progress =
    ", progress AS (UPDATE pharox.pool SET random_high = greatest(random_high, chosen.random_key) FROM chosen"
    " WHERE pool.id IN (SELECT q.id FROM pharox.pool q WHERE q.name = $1 FOR NO KEY UPDATE SKIP LOCKED))";
inline constexpr auto weighted_progress =
    ", progress AS (UPDATE pharox.pool SET weighted_high = greatest(weighted_high, chosen.weighted_key)"
    " FROM chosen WHERE pool.id IN (SELECT q.id FROM pharox.pool q WHERE q.name = $1"
    " FOR NO KEY UPDATE SKIP LOCKED))";
/// An unknown consumer is a null that the table refuses: only then was there a proxy for it.
inline constexpr auto record_lease =
    ", made AS (INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at,"
    " expires_at, fencing, tenure_ends_at, metadata, call_key)"
    " SELECT $3, taken.id, (SELECT id FROM pharox.consumer WHERE name = $2), taken.pool_id, $1, 0, taken.now,"
    " taken.now + $4 * interval '1 millisecond', taken.fencing, taken.now + $5 * interval '1 millisecond', "
    "$6, $7"
    " FROM taken RETURNING consumer_id)";
/// now, fencing, consumer id, how many leases on it are due (null where none are, on any proxy), the proxy.
inline constexpr auto leased =
    " SELECT p.now, p.fencing, made.consumer_id, (SELECT CASE WHEN count(*) > 0"
    " THEN count(*) FILTER (WHERE d.proxy_id = p.id) END FROM pharox.lease d WHERE d.status = 0"
    " AND d.expires_at <= " PHAROX_NOW
    "), " PHAROX_PROXY_COLUMNS("p.", "p.current_leases") " FROM taken p, made";
/// now, fencing, the proxy.
inline constexpr auto marked = " SELECT * FROM taken";

/// A find that only reads: pool id, its orders, due, then the proxy. $1 pool name.
inline constexpr int find_parameters = 1;
inline constexpr auto find_ask =
    "WITH ask AS MATERIALIZED (SELECT (SELECT id FROM pharox.pool WHERE name = $1) AS pool_id,"
    " (SELECT orders FROM pharox.pool WHERE name = $1) AS orders,"
    " EXISTS (SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW ") AS due)";
inline constexpr auto find_candidate = "SELECT * FROM pharox.proxy WHERE pool_id = (SELECT pool_id FROM ask)";
inline constexpr auto found = " SELECT ask.pool_id, ask.orders, ask.due, " PHAROX_PROXY_COLUMNS(
    "p.", "p.current_leases") " FROM ask LEFT JOIN chosen p ON TRUE";

/// What a predicate looks at. $1 pool id.
inline constexpr int list_parameters = 1;
inline constexpr auto candidates =
    "SELECT " PHAROX_PROXY_COLUMNS("", "current_leases") " FROM pharox.proxy WHERE pool_id = $1";
inline constexpr auto candidate_ids = "SELECT id FROM pharox.proxy WHERE pool_id = $1";
/// $2 ids
inline constexpr auto candidates_by_id =
    "SELECT " PHAROX_PROXY_COLUMNS("p.", "p.current_leases")
    " FROM unnest($2) WITH ORDINALITY AS wanted (id, place) JOIN pharox.proxy p ON p.id = wanted.id"
    " WHERE p.pool_id = $1 AND p.room = $3 ORDER BY wanted.place";

/// Why nothing was found: pool id, its orders, whether the lease id is known, whether leases are due; then
/// whether one is free now, whether one is full, and whether one has room at all (it may be of weight 0): of
/// active proxies and of slow ones each. $1 pool name, $2 lease id; pick_plan fills in the conditions.
inline constexpr int miss_parameters = 2;
inline constexpr auto miss_ask =
    "SELECT pool.id, pool.orders, EXISTS (SELECT 1 FROM pharox.lease WHERE id = $2),"
    " EXISTS (SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW ")";
inline constexpr auto miss_probe = "EXISTS (SELECT 1 FROM pharox.proxy WHERE pool_id = pool.id";
/// The last column: in how many ms the next lease, of any pool, expires.
inline constexpr auto miss_from =
    ", (SELECT ceil(extract(epoch FROM min(expires_at) - clock_timestamp()) * 1000)::bigint FROM pharox.lease"
    " WHERE status = 0 AND expires_at > " PHAROX_NOW
    ")"
    " FROM (SELECT 1) one LEFT JOIN pharox.pool ON pool.name = $1";
inline constexpr auto active_with_room = " AND room = 0";
inline constexpr auto slow_with_room = " AND room = 2";
inline constexpr auto active_and_full = " AND room = 4";
inline constexpr auto slow_and_full = " AND room = 6";

// ---- Acquire and create: whole

/// $8 proxy id, $9 whether a slow one will do; $1 is null. room and status come as they are under the lock.
inline constexpr auto create_lease =
    "WITH ask AS MATERIALIZED (SELECT"
    " (SELECT id FROM pharox.consumer WHERE name = $2) AS consumer_id,"
    " EXISTS (SELECT 1 FROM pharox.lease WHERE id = $3) AS known,"
    " EXISTS (SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW ") AS due)"
    ", seen AS MATERIALIZED (SELECT id, pool_id, status, room FROM pharox.proxy"
    " WHERE id = $8 FOR NO KEY UPDATE)"
    ", chosen AS MATERIALIZED (SELECT id FROM seen WHERE NOT (SELECT known FROM ask)"
    " AND (room = 0 OR (room = 2 AND $9)))"
    ", clock AS MATERIALIZED (SELECT clock_timestamp() AS now FROM chosen)"
    ", instant AS MATERIALIZED (SELECT now, (date_part('epoch', now) * 1000000)::bigint AS us,"
    " nextval('pharox.use_mark') AS mark FROM clock)"
    ", taken AS (UPDATE pharox.proxy p SET current_leases = p.current_leases + 1, room = "
    PHAROX_ROOM("p.status", "p.max_concurrency", "p.current_leases + 1")
    ", used = instant.mark, " PHAROX_TURN "instant.mark END, " PHAROX_LOAD "p.current_leases + 1 END"
    ", fencing = greatest(p.fencing + 1, instant.us)"
    " FROM chosen, instant WHERE p.id = chosen.id AND (SELECT consumer_id FROM ask) IS NOT NULL"
    " RETURNING p.*, instant.now)"
    ", made AS (INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, acquired_at,"
    " expires_at, fencing, tenure_ends_at, metadata, call_key)"
    " SELECT $3, taken.id, ask.consumer_id, taken.pool_id,"
    " coalesce($1, (SELECT name FROM pharox.pool WHERE id = taken.pool_id)), 0, taken.now,"
    " taken.now + $4 * interval '1 millisecond', taken.fencing, taken.now + $5 * interval '1 millisecond', $6, $7"
    " FROM ask, taken RETURNING pool_name)"
    " SELECT seen.pool_id, ask.consumer_id, ask.known, ask.due, seen.status, p.now, p.fencing, "
    PHAROX_PROXY_COLUMNS("p.", "p.current_leases - CASE WHEN ask.due THEN " PHAROX_DUE_ON("p") " ELSE 0 END")
    ", (SELECT pool_name FROM made)"
    " FROM ask LEFT JOIN seen ON TRUE LEFT JOIN taken p ON TRUE";

// ---- Leases

inline constexpr auto lease_by_id =
    "SELECT " PHAROX_NOW ", " PHAROX_LEASE_COLUMNS("") " FROM pharox.lease WHERE id = $1";
/// now, consumer id of $2, whether call $3 made it, the lease, then its proxy.
inline constexpr auto replay =
    "SELECT " PHAROX_NOW ", (SELECT id FROM pharox.consumer WHERE name = $2), call_key = $3, " PHAROX_LEASE_COLUMNS(
        "l.") ", " PHAROX_PROXY_COLUMNS("p.", "p.current_leases - " PHAROX_DUE_ON("p"))
    " FROM pharox.lease l LEFT JOIN pharox.proxy p ON p.id = l.proxy_id WHERE l.id = $1";
// A lease that is looked up by its id is told to be active by released_at: its status would invite the
// planner to walk the index of all active ones.

/// $1 lease id, $2 reason, $3 a number of the call's own. The lease, or nothing where it had not to be ended.
inline constexpr auto end_lease =
    "WITH ended AS (UPDATE pharox.lease SET status = 1, released_at = clock_timestamp(), reason = $2,"
    " call_key = $3 WHERE id = $1 AND released_at IS NULL AND expires_at > clock_timestamp()"
    " RETURNING " PHAROX_LEASE_COLUMNS("") ")"
    ", freed AS (UPDATE pharox.proxy p SET " PHAROX_FREED("1", "ended.mark")
    " FROM (SELECT proxy_id, nextval('pharox.use_mark') AS mark FROM ended) ended WHERE p.id = ended.proxy_id"
    " RETURNING " PHAROX_TELL_FREED("1") ")"
    " SELECT * FROM ended";
/// $1 lease ids, $2 and $3 as above. Leases before proxies, each in order, as in collect_due.
inline constexpr auto end_leases =
    "WITH wanted AS MATERIALIZED (SELECT id FROM pharox.lease WHERE id = ANY ($1) AND released_at IS NULL"
    " AND expires_at > clock_timestamp() ORDER BY id FOR UPDATE)"
    ", ended AS (UPDATE pharox.lease l SET status = 1, released_at = clock_timestamp(), reason = $2,"
    " call_key = $3 FROM wanted WHERE l.id = wanted.id AND l.released_at IS NULL"
    " RETURNING " PHAROX_LEASE_COLUMNS("l.") ")"
    ", many AS (SELECT proxy_id, count(*)::int AS n FROM ended GROUP BY proxy_id)"
    ", held AS MATERIALIZED (SELECT p.id, many.n FROM many JOIN pharox.proxy p ON p.id = many.proxy_id"
    " ORDER BY p.id FOR NO KEY UPDATE OF p)"
    ", freed AS (UPDATE pharox.proxy p SET " PHAROX_FREED("m.n", "m.mark")
    " FROM (SELECT id, n, nextval('pharox.use_mark') AS mark FROM held) m WHERE p.id = m.id"
    " RETURNING " PHAROX_TELL_FREED("m.n") ")"
    " SELECT * FROM ended";
/// Leases that had not to be ended: now, whether call $2 ended it, the lease. $1 ids.
inline constexpr auto leases_by_id = "SELECT clock_timestamp(), call_key = $2, " PHAROX_LEASE_COLUMNS(
    "") " FROM pharox.lease WHERE id = ANY ($1)";
/// $1 lease id, $2 duration in ms.
inline constexpr auto renew_lease =
    "UPDATE pharox.lease SET expires_at = least(greatest(expires_at, clock_timestamp() + $2 * interval '1 "
    "millisecond'), coalesce(tenure_ends_at, 'infinity')) WHERE id = $1 AND released_at IS NULL"
    " AND expires_at > clock_timestamp() AND (tenure_ends_at IS NULL OR expires_at < tenure_ends_at)"
    " RETURNING " PHAROX_LEASE_COLUMNS("");
/// $1 how many at most. Leases before proxies, each in order: two of these, or a release, never wait for each
/// other in a circle.
inline constexpr auto collect_due =
    "WITH due AS MATERIALIZED (SELECT id FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW
    " ORDER BY expires_at, id LIMIT $1 FOR UPDATE SKIP LOCKED)"
    ", ended AS (UPDATE pharox.lease l SET status = 1, released_at = l.expires_at, reason = 1 FROM due"
    " WHERE l.id = due.id RETURNING " PHAROX_LEASE_COLUMNS("l.") ")"
    ", many AS (SELECT proxy_id, count(*)::int AS n FROM ended GROUP BY proxy_id)"
    ", held AS MATERIALIZED (SELECT p.id, many.n FROM many JOIN pharox.proxy p ON p.id = many.proxy_id"
    " ORDER BY p.id FOR NO KEY UPDATE OF p)"
    ", freed AS (UPDATE pharox.proxy p SET " PHAROX_FREED("m.n", "m.mark")
    " FROM (SELECT id, n, nextval('pharox.use_mark') AS mark FROM held) m WHERE p.id = m.id"
    " RETURNING " PHAROX_TELL_FREED("m.n") ")"
    " SELECT " PHAROX_LEASE_COLUMNS("") " FROM ended ORDER BY expires_at, id";
/// The same, but waits for whoever is at it.
inline constexpr auto await_due = "SELECT id FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW
                                  " ORDER BY expires_at, id LIMIT $1 FOR UPDATE";
/// $1 retention in ms, $2 how many at most.
inline constexpr auto prune_leases =
    "DELETE FROM pharox.lease WHERE id IN (SELECT id FROM pharox.lease WHERE status = 1"
    " AND released_at <= (SELECT clock_timestamp() - $1 * interval '1 millisecond')"
    " ORDER BY released_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
/// $1 id, $2 retention in ms.
inline constexpr auto forget_lease =
    "DELETE FROM pharox.lease WHERE id = $1"
    " AND released_at <= clock_timestamp() - $2 * interval '1 millisecond'";
/// $1 id after which to begin, $2 limit; conditions follow.
inline constexpr auto list_leases =
    "SELECT " PHAROX_NOW ", " PHAROX_LEASE_COLUMNS("") " FROM pharox.lease WHERE id > $1"
    " AND (status = 0 OR released_at > (SELECT clock_timestamp() - $3 * interval '1 millisecond'))"
    " AND ($4::text IS NULL OR pool_name = $4)"
    " AND ($5::text IS NULL OR consumer_id = (SELECT id FROM pharox.consumer WHERE name = $5))"
    " AND ($6::uuid IS NULL OR proxy_id = $6)"
    " AND ($7::int2 IS NULL OR ($7 = 0) = (status = 0 AND expires_at > " PHAROX_NOW "))"
    " ORDER BY id LIMIT $2";

/// $1 pool name.
inline constexpr auto pool_stats =
    "WITH due AS MATERIALIZED (SELECT proxy_id, count(*)::int AS leases FROM pharox.lease WHERE status = 0"
    " AND expires_at <= " PHAROX_NOW
    " GROUP BY proxy_id),"
    " live AS (SELECT p.status, p.max_concurrency, p.current_leases - coalesce(due.leases, 0) AS leases"
    "  FROM pharox.proxy p LEFT JOIN due ON due.proxy_id = p.id"
    "  WHERE p.pool_id = (SELECT id FROM pharox.pool WHERE name = $1))"
    " SELECT (SELECT id FROM pharox.pool WHERE name = $1), clock_timestamp(), count(*),"
    " count(*) FILTER (WHERE status = 0),"
    " count(*) FILTER (WHERE status = 0 AND (max_concurrency IS NULL OR leases < max_concurrency)),"
    " count(*) FILTER (WHERE leases > 0), coalesce(sum(leases), 0)::bigint FROM live";

// ---- Pools

inline constexpr auto insert_pool =
    "INSERT INTO pharox.pool (id, name, description, metadata) VALUES ($1, $2, $3, $4)";
inline constexpr auto update_pool =
    "UPDATE pharox.pool SET name = $2, description = $3, metadata = $4 WHERE id = $1"
    " RETURNING " PHAROX_TELL("id");
inline constexpr auto pool_by_name =
    "SELECT id, name, description, metadata FROM pharox.pool WHERE name = $1";
inline constexpr auto list_pools =
    "SELECT id, name, description, metadata FROM pharox.pool WHERE name > $1 ORDER BY name LIMIT $2";
/// No proxy can enter while this is held.
inline constexpr auto lock_pool = "SELECT id FROM pharox.pool WHERE name = $1 FOR UPDATE";
inline constexpr auto delete_pool = "DELETE FROM pharox.pool WHERE id = $1 RETURNING " PHAROX_TELL("id");

// ---- Proxies

/// $1 id, $2 pool id, then the columns of bind_proxy(). Nothing where the pool is unknown: pool, inserted.
inline constexpr auto insert_proxy =
    "WITH home AS MATERIALIZED (SELECT id, random_high, weighted_high, kept FROM pharox.pool WHERE id = $2"
    " FOR KEY SHARE)"
    ", added AS (INSERT INTO pharox.proxy (id, pool_id, host, port, protocol, status, checked_at, username,"
    " password, template, source, country, city, isp, asn, latitude, longitude, latency_ms, max_concurrency,"
    " weight, tags, metadata, identity, room, turn, load, latency, random_key, weighted_key)"
    " SELECT $1, home.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
    " $21, $22, sha256(convert_to($23, 'UTF8')), " PHAROX_ROOM("$6", "$19", "0") ", "
    PHAROX_KEPT("home", 1, "0") ", " PHAROX_KEPT("home", 2, "0") ", "
    PHAROX_KEPT("home", 4, PHAROX_LATENCY("$18")) ", " PHAROX_KEPT("home", 8, PHAROX_RANDOM_KEY("home")) ", "
    PHAROX_KEPT("home", 16, PHAROX_WEIGHTED_KEY("home", "$20"))
    " FROM home ON CONFLICT DO NOTHING RETURNING id, CASE WHEN " PHAROX_HAS_ROOM("") " THEN " PHAROX_TELL("pool_id") " END)"
    " SELECT EXISTS (SELECT 1 FROM home), EXISTS (SELECT 1 FROM added)";
/// The same parameters. Who has the identity in the pool, or else the id.
inline constexpr auto update_proxy =
    "WITH home AS MATERIALIZED (SELECT id, random_high, weighted_high, kept FROM pharox.pool WHERE id = $2"
    " FOR KEY SHARE)"
    " UPDATE pharox.proxy p SET pool_id = $2, host = $3, port = $4, protocol = $5, status = $6,"
    " checked_at = $7, username = $8, password = $9, template = $10, source = $11, country = $12, city = $13,"
    " isp = $14, asn = $15, latitude = $16, longitude = $17, latency_ms = $18, max_concurrency = $19,"
    " weight = $20, tags = $21, metadata = $22, identity = sha256(convert_to($23, 'UTF8')),"
    " revision = p.revision + 1,"
    " room = " PHAROX_ROOM("$6", "$19", "p.current_leases") ","
    " turn = " PHAROX_KEPT("home", 1, "p.used") ", load = " PHAROX_KEPT("home", 2, "p.current_leases") ","
    " latency = " PHAROX_KEPT("home", 4, PHAROX_LATENCY("$18")) ","
    " random_key = " PHAROX_KEPT("home", 8, "coalesce(CASE WHEN p.pool_id = $2 THEN p.random_key END, "
                                 PHAROX_RANDOM_KEY("home") ")") ","
    " weighted_key = " PHAROX_KEPT("home", 16, "coalesce(CASE WHEN p.pool_id = $2 AND p.weight = $20"
                                   " THEN p.weighted_key END, " PHAROX_WEIGHTED_KEY("home", "$20") ")")
    " FROM home WHERE p.id = $1 RETURNING " PHAROX_PROXY_COLUMNS(
        "p.", "p.current_leases - " PHAROX_DUE_ON(
                  "p")) ", CASE WHEN " PHAROX_HAS_ROOM("p.") " THEN " PHAROX_TELL("p.pool_id") " END";
/// $1 pool id, $2 identity, $3 id.
inline constexpr auto holder_of_proxy =
    "SELECT id FROM (SELECT id, 0 AS place FROM pharox.proxy WHERE pool_id = $1"
    " AND identity = sha256(convert_to($2, 'UTF8')) UNION ALL SELECT id, 1 FROM pharox.proxy WHERE id = $3) "
    "held"
    " ORDER BY place LIMIT 1";
inline constexpr auto proxy_exists = "SELECT 1 FROM pharox.proxy WHERE id = $1";
inline constexpr auto proxy_by_id = "SELECT " PHAROX_PROXY_COLUMNS(
    "p.", "p.current_leases - " PHAROX_DUE_ON("p")) " FROM pharox.proxy p WHERE p.id = $1";
/// $1 pool name, $2 id after which to begin, $3 limit, $4 status or null; a filter may follow, then the end.
inline constexpr int list_proxies_parameters = 4;
inline constexpr auto list_proxies =
    "WITH due AS MATERIALIZED (SELECT proxy_id, count(*)::int AS leases FROM pharox.lease WHERE status = 0"
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
    " metadata, identity, room, turn, load, latency, random_key, weighted_key)"
    " SELECT s.id, s.pool_id, s.host, s.port, s.protocol, s.status, s.checked_at, s.username, s.password,"
    " s.template, s.source, s.country, s.city, s.isp, s.asn, s.latitude, s.longitude, s.latency_ms,"
    " s.max_concurrency, s.weight, s.tags, s.metadata, sha256(convert_to(s.identity, 'UTF8')),"
    " " PHAROX_ROOM("s.status", "s.max_concurrency", "0") ", "
    PHAROX_KEPT("pool", 1, "0") ", " PHAROX_KEPT("pool", 2, "0") ", "
    PHAROX_KEPT("pool", 4, PHAROX_LATENCY("s.latency_ms")) ", "
    PHAROX_KEPT("pool", 8, PHAROX_RANDOM_KEY("pool")) ", "
    PHAROX_KEPT("pool", 16, PHAROX_WEIGHTED_KEY("pool", "s.weight"))
    " FROM pharox_staging s JOIN pharox.pool ON pool.id = s.pool_id ORDER BY s.place";
inline constexpr auto or_leave_it = " ON CONFLICT DO NOTHING";
/// Inserts, and leaves in the staging table what was there already. How many were inserted: the rows changed.
inline constexpr auto after_insert_with = "WITH added AS (";
inline constexpr auto after_insert_drop =
    " RETURNING id), first AS (SELECT id, min(place) AS place FROM pharox_staging GROUP BY id)"
    ", dropped AS (DELETE FROM pharox_staging s USING first, added WHERE s.place = first.place"
    " AND first.id = added.id)"
    " SELECT count(*) FROM added";
/// What has a stored identity: the last one of the call counts. In the order of ids, as in collect_due.
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
    " room = " PHAROX_ROOM("s.status", "s.max_concurrency", "p.current_leases") ","
    " latency = " PHAROX_KEPT("pool", 4, PHAROX_LATENCY("s.latency_ms")) ","
    " weighted_key = " PHAROX_KEPT("pool", 16, "CASE WHEN p.weight = s.weight THEN p.weighted_key ELSE "
                                   PHAROX_WEIGHTED_KEY("pool", "s.weight") " END")
    " FROM wanted s JOIN pharox.pool ON pool.id = s.pool_id WHERE p.id = s.holder)"
    " DELETE FROM pharox_staging s WHERE EXISTS (SELECT 1 FROM pharox.proxy h WHERE h.pool_id = s.pool_id"
    " AND h.identity = sha256(convert_to(s.identity, 'UTF8')))";
/// $1 pool ids.
inline constexpr auto tell_of_pools = "SELECT " PHAROX_TELL("s.pool_id") " FROM unnest($1) AS s (pool_id)";
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
inline constexpr auto lock_active = "SELECT id FROM pharox.lease WHERE status = 0";
inline constexpr auto lock_active_end = " ORDER BY expires_at, id FOR UPDATE";
inline constexpr auto revoke_active =
    "WITH ended AS (UPDATE pharox.lease SET status = 1,"
    " reason = CASE WHEN expires_at <= clock_timestamp() THEN 1 ELSE 2 END,"
    " released_at = least(expires_at, clock_timestamp()) WHERE status = 0";
inline constexpr auto revoke_active_end =
    " RETURNING *), many AS (SELECT proxy_id, count(*)::int AS n FROM ended GROUP BY proxy_id)"
    ", freed AS (UPDATE pharox.proxy p SET " PHAROX_FREED("m.n", "m.mark")
    " FROM (SELECT proxy_id, n, nextval('pharox.use_mark') AS mark FROM many) m WHERE p.id = m.proxy_id"
    " RETURNING " PHAROX_TELL_FREED("m.n") ")"
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

// ---- Health

/// $1 proxy id, $2 checked_at, $3 status, $4 latency or null, $5 the whole result.
inline constexpr auto apply_health =
    "WITH seen AS MATERIALIZED (SELECT p.id, p.room AS had, least($2, clock_timestamp()) AS at FROM pharox.proxy p"
    " WHERE p.id = $1 FOR NO KEY UPDATE)"
    ", newer AS (INSERT INTO pharox.proxy_health AS h (proxy_id, checked_at, result)"
    " SELECT id, at, $5 FROM seen"
    " ON CONFLICT (proxy_id) DO UPDATE SET checked_at = excluded.checked_at, result = excluded.result"
    " WHERE h.checked_at <= excluded.checked_at RETURNING proxy_id, checked_at)"
    " UPDATE pharox.proxy p SET checked_at = newer.checked_at,"
    " status = CASE WHEN p.status = 3 THEN p.status ELSE $3 END,"
    " room = CASE WHEN p.status <> 3 THEN " PHAROX_ROOM("$3", "p.max_concurrency", "p.current_leases") " END,"
    " latency_ms = coalesce($4, p.latency_ms), revision = p.revision + 1,"
    " latency = CASE WHEN p.latency IS NOT NULL THEN " PHAROX_LATENCY("$4, p.latency_ms") " END"
    " FROM newer, seen WHERE p.id = newer.proxy_id RETURNING " PHAROX_PROXY_COLUMNS(
        "p.", "p.current_leases - " PHAROX_DUE_ON(
                  "p")) ", CASE WHEN " PHAROX_HAS_ROOM("p.") " AND p.room IS DISTINCT FROM seen.had THEN "
    PHAROX_TELL("p.pool_id") " END";
inline constexpr auto last_health = "SELECT checked_at, result FROM pharox.proxy_health WHERE proxy_id = $1";
/// $1 id, $2 proxy id, $3 checked_at, $4 the record. Whether the proxy exists, whether it was kept.
inline constexpr auto insert_health_record =
    "WITH seen AS MATERIALIZED (SELECT id FROM pharox.proxy WHERE id = $2 FOR KEY SHARE)"
    ", kept AS (INSERT INTO pharox.health_record (id, proxy_id, checked_at, record)"
    " SELECT $1, id, $3, $4 FROM seen ON CONFLICT DO NOTHING RETURNING id)"
    " SELECT EXISTS (SELECT 1 FROM seen), EXISTS (SELECT 1 FROM kept)";
/// $1 proxy id, $2 how many to keep, $3 how long in ms.
inline constexpr auto prune_health_records =
    "DELETE FROM pharox.health_record WHERE proxy_id = $1 AND (checked_at <= (SELECT clock_timestamp() - $3 *"
    " interval '1 millisecond') OR (checked_at, id) <= (SELECT checked_at, id FROM pharox.health_record"
    " WHERE proxy_id = $1 ORDER BY checked_at DESC, id DESC OFFSET $2 LIMIT 1))";
/// $1 proxy id, $2 limit, $3 how long they are kept, in ms.
inline constexpr auto list_health_records =
    "SELECT record FROM pharox.health_record WHERE proxy_id = $1"
    " AND checked_at > (SELECT clock_timestamp() - $3 * interval '1 millisecond')"
    " ORDER BY checked_at DESC, id DESC LIMIT $2";
inline constexpr auto delete_health_of_proxy =
    "WITH records AS (DELETE FROM pharox.health_record WHERE proxy_id = $1)"
    " DELETE FROM pharox.proxy_health WHERE proxy_id = $1";
inline constexpr auto delete_health_of_pool =
    "WITH gone AS MATERIALIZED (SELECT id FROM pharox.proxy WHERE pool_id = $1)"
    ", records AS (DELETE FROM pharox.health_record WHERE proxy_id IN (SELECT id FROM gone))"
    " DELETE FROM pharox.proxy_health WHERE proxy_id IN (SELECT id FROM gone)";

// ---- Who waits, see Listener

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
    "WITH counted AS MATERIALIZED (SELECT proxy_id, count(*)::int AS n FROM pharox.lease WHERE status = 0"
    " AND expires_at > " PHAROX_NOW
    " GROUP BY proxy_id)"
    ", due AS MATERIALIZED (SELECT proxy_id, count(*)::int AS n FROM pharox.lease WHERE status = 0"
    " AND expires_at <= " PHAROX_NOW
    " GROUP BY proxy_id)"
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
    "UPDATE pharox.proxy p SET current_leases = right_is.n, room = right_is.room, turn = right_is.turn,"
    " load = right_is.load, latency = right_is.latency, random_key = right_is.random_key,"
    " weighted_key = right_is.weighted_key"
    " FROM (SELECT q.id, n, " PHAROX_ROOM("q.status", "q.max_concurrency", "n") " AS room, "
    PHAROX_KEPT("pool", 1, "q.used") " AS turn, " PHAROX_KEPT("pool", 2, "n") " AS load, "
    PHAROX_KEPT("pool", 4, PHAROX_LATENCY("q.latency_ms")) " AS latency, "
    PHAROX_KEPT("pool", 8, "coalesce(q.random_key, " PHAROX_RANDOM_KEY("pool") ")") " AS random_key, "
    PHAROX_KEPT("pool", 16, "coalesce(q.weighted_key, " PHAROX_WEIGHTED_KEY("pool", "q.weight") ")")
    " AS weighted_key"
    " FROM (SELECT proxy.*, coalesce(counted.n, 0) AS n FROM pharox.proxy LEFT JOIN (SELECT proxy_id,"
    " count(*)::int AS n FROM pharox.lease WHERE status = 0 GROUP BY proxy_id) counted ON proxy_id = proxy.id) q"
    " JOIN pharox.pool ON pool.id = q.pool_id) right_is WHERE p.id = right_is.id"
    " AND (p.current_leases, p.room, p.turn, p.load, p.latency, p.random_key, p.weighted_key) IS DISTINCT FROM"
    " (right_is.n, right_is.room, right_is.turn, right_is.load, right_is.latency, right_is.random_key,"
    " right_is.weighted_key) RETURNING " PHAROX_TELL("p.pool_id");

// ---- Orders that a pool is asked for the first time: see the first migration, and orders.hpp

/// Which are kept, which of them are complete, and how far the one that is not has come. $1 pool id.
inline constexpr auto orders_of_pool =
    "SELECT kept, orders, coalesce(ordered_to::text, '') FROM pharox.pool WHERE id = $1";
/// One at a time. Nobody is adding proxies while this waits. $1 pool id, $2 the order's bit.
inline constexpr auto begin_order =
    "UPDATE pharox.pool SET kept = kept | $2, ordered_to = '00000000-0000-0000-0000-000000000000'"
    " WHERE id = (SELECT id FROM pharox.pool WHERE id = $1 AND kept = orders FOR UPDATE) AND kept = orders";
/// $1 pool id, $2 the order's bit, $3 how many proxies at most. What to keep follows. Nothing where
/// somebody else is at it.
inline constexpr auto order_more =
    "WITH home AS MATERIALIZED (SELECT id, ordered_to, random_high, weighted_high FROM pharox.pool WHERE id "
    "= $1"
    " AND kept & $2 <> 0 AND orders & $2 = 0 FOR NO KEY UPDATE SKIP LOCKED)"
    ", batch AS MATERIALIZED (SELECT p.id FROM pharox.proxy p WHERE p.pool_id = (SELECT id FROM home)"
    " AND p.id > (SELECT ordered_to FROM home) ORDER BY p.id LIMIT $3 FOR NO KEY UPDATE)"
    ", copied AS (UPDATE pharox.proxy p SET ";
inline constexpr auto keep_turn = "turn = p.used";
inline constexpr auto keep_load = "load = p.current_leases";
inline constexpr auto keep_latency = "latency = " PHAROX_LATENCY("p.latency_ms");
inline constexpr auto keep_random = "random_key = " PHAROX_RANDOM_KEY("home");
inline constexpr auto keep_weighted = "weighted_key = " PHAROX_WEIGHTED_KEY("home", "p.weight");
inline constexpr auto order_more_end =
    " FROM batch, home WHERE p.id = batch.id)"
    " UPDATE pharox.pool SET ordered_to = coalesce((SELECT id FROM batch ORDER BY id DESC LIMIT 1), "
    "ordered_to),"
    " orders = CASE WHEN (SELECT count(*) FROM batch) < $3 THEN orders | $2 ELSE orders END"
    " WHERE id = (SELECT id FROM home)";
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
