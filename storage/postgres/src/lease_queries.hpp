// The statements that lease, and the parts that pick_plan puts together.
#pragma once

#include "query_parts.hpp"

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

inline constexpr auto choose = "WITH chosen AS MATERIALIZED (";
inline constexpr auto pick = "SELECT id";
/// The bracket is left open for what the order needs of the pool.
inline constexpr auto pick_from =
    " FROM pharox.proxy WHERE pool_id = (SELECT id FROM pharox.pool WHERE name = $1";
/// A slow one, where no active one has room, nor would have if what is due were ended. `pick_from` and the
/// conditions stand before `unless_one_is_due`.
inline constexpr auto choose_active = "WITH active AS MATERIALIZED (";
inline constexpr auto or_slow = ", slow AS MATERIALIZED (";
inline constexpr auto unless_one_is_active =
    " AND NOT EXISTS (SELECT 1 FROM active) AND NOT EXISTS (SELECT 1";
inline constexpr auto unless_one_is_due =
    ") AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW ")";
inline constexpr auto choose_either =
    ", chosen AS MATERIALIZED (SELECT * FROM active UNION ALL SELECT * FROM slow)";
/// What is used while we look has had its turn.
inline constexpr auto not_used_meanwhile =
    " AND use_sequence_key <= (SELECT last_value FROM pharox.use_sequence)";
inline constexpr auto lock_free = " LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)";
/// One row is chosen without a lock, then locked, and checked again: `conditions` stand before each.
inline constexpr auto first_of =
    " AND id = (SELECT id FROM pharox.proxy WHERE pool_id = (SELECT id FROM pharox.pool WHERE name = $1)";
inline constexpr auto lock_first = " LIMIT 1) FOR NO KEY UPDATE)";
/// A lease id that is known takes nothing: the miss diagnosis sees it. ($3 is one id, or several.)
inline constexpr auto if_lease_is_new = " AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE id = $3)";
inline constexpr auto if_leases_are_new = " AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE id = ANY ($3))";
/// Expired leases count in the sort keys until they are collected: that comes first.
inline constexpr auto if_all_is_collected =
    " AND NOT EXISTS (SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW
    " AND pool_id = pool.id)";
/// Those after a place that nobody has locked, looked at once more under their locks. $8: the place. Whatever
/// the planner believes of the values, it sees that the place is never far from the first, and has no index
/// but the primary key's for the second look.
inline constexpr auto choose_near =
    "WITH chosen AS MATERIALIZED (SELECT p.id FROM (SELECT id, pool_id FROM (SELECT id, pool_id";
inline constexpr auto from_place =
    " LIMIT 80) first OFFSET $8) near CROSS JOIN LATERAL (SELECT id FROM pharox.proxy WHERE id = near.id"
    " AND (pool_id = near.pool_id";
inline constexpr auto lock_near = ") IS TRUE FOR NO KEY UPDATE SKIP LOCKED) p";
inline constexpr auto take_one = " LIMIT 1)";
inline constexpr auto take_some = " LIMIT cardinality($3))";
/// The mark and the time are taken when the lock is held.
inline constexpr auto lease_it =
    ", taken AS (UPDATE pharox.proxy p SET current_leases = p.current_leases + 1, availability "
    "= " PHAROX_AVAILABILITY(
        "p.status", "p.max_concurrency",
        "p.current_leases + 1") ", use_sequence = chosen.mark, " PHAROX_USE_SEQUENCE_KEY
                                "chosen.mark END, " PHAROX_LEASE_COUNT_KEY
                                "p.current_leases + 1 END"
                                ", fencing = greatest(p.fencing + 1, (date_part('epoch', " PHAROX_TIME
                                ") "
                                "* 1000000)::bigint)";
/// Find marks what it hands out only where the order is by turns.
inline constexpr auto mark_it =
    ", taken AS (UPDATE pharox.proxy p SET use_sequence = chosen.mark, " PHAROX_USE_SEQUENCE_KEY
    "chosen.mark END";
inline constexpr auto leave_mark = ", taken AS (UPDATE pharox.proxy p SET use_sequence = p.use_sequence";
inline constexpr auto taken_from =
    " FROM (SELECT *, nextval('pharox.use_sequence') AS mark FROM chosen) chosen"
    " WHERE p.id = chosen.id RETURNING " PHAROX_TIME
    " AS now, p.fencing, " PHAROX_PROXY_COLUMNS("p.", "p.current_leases") ")";
inline constexpr auto some_taken_from =
    " FROM (SELECT *, nextval('pharox.use_sequence') AS mark, row_number() OVER ()::int AS number FROM "
    "chosen)"
    " chosen WHERE p.id = chosen.id RETURNING " PHAROX_TIME
    " AS now, p.fencing, " PHAROX_PROXY_COLUMNS("p.", "p.current_leases") ", chosen.number)";
/// The picked one draws again; the others keep their turns.
inline constexpr auto draw_random =
    ", random_key = pharox.next_random_key("
    "greatest(p.random_key, (SELECT random_high FROM pharox.pool WHERE id = p.pool_id)))";
inline constexpr auto draw_weighted =
    ", weighted_key = pharox.next_weighted_key("
    "greatest(p.weighted_key, (SELECT weighted_high FROM pharox.pool WHERE id = p.pool_id)), p.weight)";
/// How far the order has come; whoever cannot have the row at once leaves it to the next one.
inline constexpr auto random_progress =
    ", progress AS (UPDATE pharox.pool SET random_high = greatest(random_high, chosen.random_key) FROM chosen"
    " WHERE pool.id IN (SELECT q.id FROM pharox.pool q WHERE q.name = $1 FOR NO KEY UPDATE SKIP LOCKED))";
inline constexpr auto weighted_progress =
    ", progress AS (UPDATE pharox.pool SET weighted_high = greatest(weighted_high, chosen.weighted_key)"
    " FROM chosen WHERE pool.id IN (SELECT q.id FROM pharox.pool q WHERE q.name = $1"
    " FOR NO KEY UPDATE SKIP LOCKED))";
/// An unknown consumer is a null that the table refuses: only then was there a proxy for it.
#define PHAROX_RECORD(lease_id)                                                                    \
    ", made AS (INSERT INTO pharox.lease (id, proxy_id, consumer_id, pool_id, pool_name, status, " \
    "acquired_at,"                                                                                 \
    " expires_at, fencing, tenure_ends_at, metadata, call_key)"                                    \
    " SELECT " lease_id                                                                            \
    ", taken.id, (SELECT id FROM pharox.consumer WHERE name = $2), taken.pool_id, $1, 0,"          \
    " taken.now, taken.now + $4 * interval '1 millisecond', taken.fencing,"                        \
    " taken.now + $5 * interval '1 millisecond', $6, $7 FROM taken RETURNING consumer_id)"
inline constexpr auto record_lease = PHAROX_RECORD("$3");
inline constexpr auto record_leases = PHAROX_RECORD("($3)[taken.number]");
#undef PHAROX_RECORD
/// now, fencing, consumer id, how many leases on it are due (null where none are, on any proxy), the proxy.
inline constexpr auto leased =
    " SELECT p.now, p.fencing, made.consumer_id, (SELECT CASE WHEN count(*) > 0"
    " THEN count(*) FILTER (WHERE d.proxy_id = p.id) END FROM pharox.lease d WHERE d.status = 0"
    " AND d.expires_at <= " PHAROX_NOW
    "), " PHAROX_PROXY_COLUMNS("p.", "p.current_leases") " FROM taken p, made";
/// The same of each, and which of the lease ids it has, from 1. `count_due` stands before.
inline constexpr auto count_due =
    ", due AS MATERIALIZED (SELECT proxy_id, count(*) AS leases FROM pharox.lease WHERE status = 0"
    " AND expires_at <= " PHAROX_NOW " GROUP BY proxy_id)";
inline constexpr auto some_leased =
    " SELECT p.now, p.fencing, (SELECT consumer_id FROM made LIMIT 1), CASE WHEN EXISTS (SELECT 1 FROM due)"
    " THEN coalesce((SELECT leases FROM due WHERE proxy_id = p.id), 0) END, " PHAROX_PROXY_COLUMNS(
        "p.", "p.current_leases") ", p.number FROM taken p";
/// now, fencing, the proxy.
inline constexpr auto marked = " SELECT * FROM taken";

/// A find that only reads: pool id, its orders, due, then the proxy. $1 pool name.
inline constexpr int find_parameters = 1;
inline constexpr auto find_ask =
    "WITH " PHAROX_NOTICE
    ", ask AS MATERIALIZED (SELECT (SELECT id FROM pharox.pool WHERE name = $1) AS pool_id,"
    " (SELECT complete_keys FROM pharox.pool WHERE name = $1) AS complete_keys,"
    " EXISTS (SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW
    " AND pool_id = (SELECT id FROM pharox.pool WHERE name = $1)) AS due)";
inline constexpr auto find_candidate = "SELECT * FROM pharox.proxy WHERE pool_id = (SELECT pool_id FROM ask)";
inline constexpr auto found = " SELECT ask.pool_id, ask.complete_keys, ask.due, " PHAROX_PROXY_COLUMNS(
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
    " WHERE p.pool_id = $1 ORDER BY wanted.place";

/// Why nothing was found: pool id, its orders, whether the lease id is known, whether a lease is due on any
/// that match (what is due elsewhere may be so for ever); then
/// whether one is free now, whether one is full, and whether one has room at all (it may be of weight 0): of
/// active proxies and of slow ones each. $1 pool name, $2 lease id; pick_plan fills in the conditions.
inline constexpr int miss_parameters = 2;
inline constexpr auto miss_ask =
    "SELECT pool.id, pool.complete_keys, EXISTS (SELECT 1 FROM pharox.lease WHERE id = $2)";
inline constexpr auto with_due_lease =
    " AND availability IS NOT NULL AND id = ANY (ARRAY(SELECT proxy_id FROM pharox.lease WHERE status = 0"
    " AND expires_at <= " PHAROX_NOW "))";
inline constexpr auto miss_probe = "EXISTS (SELECT 1 FROM pharox.proxy WHERE pool_id = pool.id";
/// The last column: in how many ms the next lease, of any pool, expires.
inline constexpr auto miss_from = ", (SELECT ceil(extract(epoch FROM min(expires_at) - " PHAROX_TIME
                                  ") * 1000)::bigint FROM pharox.lease"
                                  " WHERE status = 0 AND expires_at > " PHAROX_NOW
                                  ")"
                                  " FROM (SELECT 1) one LEFT JOIN pharox.pool ON pool.name = $1";
inline constexpr auto active_with_room = " AND availability = 0";
inline constexpr auto slow_with_room = " AND availability = 2";
inline constexpr auto active_and_full = " AND availability = 4";
inline constexpr auto slow_and_full = " AND availability = 6";

// ---- Acquire and create: whole

/// $8 proxy id, $9 whether a slow one will do; $1 is null. room and status come as they are under the lock.
inline constexpr auto create_lease =
    "WITH ask AS MATERIALIZED (SELECT"
    " (SELECT id FROM pharox.consumer WHERE name = $2) AS consumer_id,"
    " EXISTS (SELECT 1 FROM pharox.lease WHERE id = $3) AS known,"
    " EXISTS (SELECT 1 FROM pharox.lease WHERE status = 0 AND expires_at <= " PHAROX_NOW
    " AND proxy_id = $8) AS due)"
    ", seen AS MATERIALIZED (SELECT id, pool_id, status, availability FROM pharox.proxy"
    " WHERE id = $8 FOR NO KEY UPDATE)"
    ", chosen AS MATERIALIZED (SELECT id FROM seen WHERE NOT (SELECT known FROM ask)"
    " AND (availability = 0 OR (availability = 2 AND $9)))"
    ", clock AS MATERIALIZED (SELECT " PHAROX_TIME " AS now FROM chosen)"
    ", instant AS MATERIALIZED (SELECT now, (date_part('epoch', now) * 1000000)::bigint AS us,"
    " nextval('pharox.use_sequence') AS mark FROM clock)"
    ", taken AS (UPDATE pharox.proxy p SET current_leases = p.current_leases + 1, availability = "
    PHAROX_AVAILABILITY("p.status", "p.max_concurrency", "p.current_leases + 1")
    ", use_sequence = instant.mark, " PHAROX_USE_SEQUENCE_KEY "instant.mark END, " PHAROX_LEASE_COUNT_KEY "p.current_leases + 1 END"
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
    PHAROX_PROXY_COLUMNS("p.", "p.current_leases - CASE WHEN ask.due THEN " PHAROX_EXPIRED_ON("p") " ELSE 0 END")
    ", (SELECT pool_name FROM made)"
    " FROM ask LEFT JOIN seen ON TRUE LEFT JOIN taken p ON TRUE";

// ---- Leases

inline constexpr auto lease_by_id = "WITH " PHAROX_NOTICE " SELECT " PHAROX_NOW
                                    ", " PHAROX_LEASE_COLUMNS("") " FROM pharox.lease WHERE id = $1";
/// now, consumer id of $2, whether call $3 made it, the lease, then its proxy.
inline constexpr auto replay =
    "WITH " PHAROX_NOTICE " SELECT " PHAROX_NOW ", (SELECT id FROM pharox.consumer WHERE name = $2), call_key = $3, " PHAROX_LEASE_COLUMNS(
        "l.") ", " PHAROX_PROXY_COLUMNS("p.", "p.current_leases - " PHAROX_EXPIRED_ON("p"))
    " FROM pharox.lease l LEFT JOIN pharox.proxy p ON p.id = l.proxy_id WHERE l.id = $1";
// A lease that is looked up by its id is told to be active by released_at: its status would invite the
// planner to walk the index of all active ones.

// The lock order of everything that ends leases is that of an acquire: proxies, in the order of their ids,
// then leases. An acquire holds the lock of one proxy and waits for no other.

#define PHAROX_END_LEASE(held, condition) \
    "WITH held AS MATERIALIZED (SELECT p.id FROM pharox.proxy p"                                                \
    " WHERE p.id = (SELECT proxy_id FROM pharox.lease WHERE id = $1 AND released_at IS NULL)" held ")"          \
    ", ended AS (UPDATE pharox.lease SET status = 1, released_at = greatest(acquired_at, " PHAROX_TIME ")"      \
    ", reason = $2, call_key = $3 WHERE id = $1 AND released_at IS NULL AND expires_at > " PHAROX_TIME condition \
    " RETURNING " PHAROX_LEASE_COLUMNS("") ")"                                                                  \
    ", freed AS (UPDATE pharox.proxy p SET " PHAROX_FREED("1", "ended.mark")                                    \
    " FROM (SELECT proxy_id, nextval('pharox.use_sequence') AS mark FROM ended) ended WHERE p.id = ended.proxy_id"  \
    " RETURNING " PHAROX_NOTIFY_IF_AVAILABLE("1") ")"                                                                    \
    " SELECT * FROM ended"
/// $1 lease id, $2 reason, $3 a number of the call's own. The lease, or nothing where it had not to be ended.
inline constexpr auto end_lease =
    PHAROX_END_LEASE(" FOR NO KEY UPDATE", " AND (SELECT count(*) FROM held) >= 0");
/// The same, where no other transaction has locked the proxy.
inline constexpr auto end_one_unlocked =
    PHAROX_END_LEASE(" FOR NO KEY UPDATE SKIP LOCKED", " AND EXISTS (SELECT 1 FROM held)");
#undef PHAROX_END_LEASE
#define PHAROX_END_LEASES(held) \
    "WITH wanted AS MATERIALIZED (SELECT id, proxy_id FROM pharox.lease WHERE id = ANY ($1) AND " \
    "released_at IS NULL AND expires_at > " PHAROX_TIME "), held AS MATERIALIZED (SELECT p.id FROM pharox.proxy p WHERE p.id IN (SELECT proxy_id FROM wanted) ORDER BY p.id FOR NO KEY UPDATE" held "), ended AS (UPDATE pharox.lease l SET status = 1, released_at = greatest(l.acquired_at, " PHAROX_TIME "), reason = $2, call_key = $3 FROM wanted JOIN held ON held.id = wanted.proxy_id WHERE l.id = wanted.id AND l.released_at IS NULL AND l.expires_at > " PHAROX_TIME " RETURNING " PHAROX_LEASE_COLUMNS("l.") "), freed AS (UPDATE pharox.proxy p SET " PHAROX_FREED("m.n", "m.mark")                                      \
    " FROM (SELECT proxy_id, n, nextval('pharox.use_sequence') AS mark FROM (SELECT proxy_id, count(*)::int AS n FROM ended GROUP BY proxy_id ORDER BY max(array_position($1, id))) many) m WHERE p.id = m.proxy_id RETURNING " PHAROX_NOTIFY_IF_AVAILABLE("m.n") ") SELECT * FROM ended"
/// Of several: $1 lease ids. (An array of one takes a fifth longer.)
inline constexpr auto end_unlocked = PHAROX_END_LEASES(" SKIP LOCKED");
/// The same, also where it has to wait.
inline constexpr auto end_leases = PHAROX_END_LEASES("");
#undef PHAROX_END_LEASES
/// Leases that had not to be ended: now, whether call $2 ended it, the lease. $1 ids.
inline constexpr auto leases_by_id =
    "WITH " PHAROX_NOTICE " SELECT " PHAROX_NOW
    ", call_key = $2, " PHAROX_LEASE_COLUMNS("") " FROM pharox.lease WHERE id = ANY ($1)";
// Ends expired leases: $1 how many at most.
#define PHAROX_COLLECT(held) \
    "WITH due AS MATERIALIZED (SELECT id, proxy_id FROM pharox.lease WHERE status = 0 AND expires_at " \
    "<= " PHAROX_NOW " ORDER BY expires_at, id LIMIT $1), held AS MATERIALIZED (SELECT p.id FROM pharox.proxy p WHERE p.id IN (SELECT proxy_id FROM due) ORDER BY p.id FOR NO KEY UPDATE" held "), ended AS (UPDATE pharox.lease l SET status = 1, released_at = l.expires_at, reason = 1 FROM due JOIN held ON held.id = due.proxy_id WHERE l.id = due.id AND l.status = 0 AND l.expires_at <= " PHAROX_TIME " RETURNING " PHAROX_LEASE_COLUMNS("l.") "), freed AS (UPDATE pharox.proxy p SET " PHAROX_FREED("m.n", "m.mark")                                      \
    " FROM (SELECT proxy_id, n, nextval('pharox.use_sequence') AS mark FROM (SELECT proxy_id, count(*)::int AS n FROM (SELECT proxy_id, row_number() OVER (ORDER BY expires_at, id) AS place FROM ended) placed GROUP BY proxy_id ORDER BY max(place)) many) m WHERE p.id = m.proxy_id RETURNING " PHAROX_NOTIFY_IF_AVAILABLE("m.n") ") SELECT " PHAROX_LEASE_COLUMNS("") " FROM ended ORDER BY expires_at, id"
/// Waits for locked proxies: afterwards nothing of the batch is left.
inline constexpr auto collect_due = PHAROX_COLLECT("");
/// Leaves out the proxies that other transactions have locked.
inline constexpr auto collect_unlocked = PHAROX_COLLECT(" SKIP LOCKED");
#undef PHAROX_COLLECT
/// $1 retention in ms, $2 how many at most.
inline constexpr auto prune_leases =
    "DELETE FROM pharox.lease WHERE id IN (SELECT id FROM pharox.lease WHERE status = 1"
    " AND released_at <= (" PHAROX_NOW
    " - $1 * interval '1 millisecond')"
    " ORDER BY released_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
/// $1 id, $2 retention in ms.
inline constexpr auto forget_lease =
    "DELETE FROM pharox.lease WHERE id = $1"
    " AND released_at <= " PHAROX_TIME " - $2 * interval '1 millisecond'";

}  // namespace pharox::postgres::query
