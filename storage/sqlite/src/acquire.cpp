// Acquire and create_lease.
#include <utility>

#include "leasing.hpp"
#include "leasing_expired.hpp"
#include "queries.hpp"

namespace pharox::sqlite {

/// An acquire with its defaults filled in.
struct Leasing::Ask {
    const AcquireRequest& request;
    std::string consumer;
    LeaseId lease_id;
    PickPlan plan;
    Operation operation;
};

namespace {

struct Opening {
    std::optional<PoolId> pool;
    bool due = false;
    bool lease_known = false;
    std::optional<ConsumerId> consumer;
};

/// All that can be known before picking, in one query.
Opening open_acquire(WriteTransaction& transaction, LeaseId lease, const std::string& consumer,
                     std::string_view pool) {
    Statement row = transaction.prepare(query::open_acquire);
    row.bind(transaction.clock()).bind(lease).bind(consumer).bind(pool).step();
    transaction.set_state(row.time(0), row.integer(1));
    Opening opening{.due = row.integer(3) != 0, .lease_known = row.integer(4) != 0};
    if (!row.is_null(2)) opening.pool = row.id<PoolId>(2);
    if (!row.is_null(5)) opening.consumer = row.id<ConsumerId>(5);
    return opening;
}

}  // namespace

AcquireResult Leasing::acquire(const AcquireRequest& request) {
    const LeaseId id = request.lease_id.is_nil() ? LeaseId::make() : request.lease_id;
    const Ask ask{
        .request = request,
        .consumer = request.consumer.empty() ? std::string(default_consumer_name) : request.consumer,
        .lease_id = id,
        .plan = plan_pick(request.selector, request.filters),
        .operation = {.name = "acquire", .lease = id}};
    database_.ensure_index(ask.plan.index);
    Expired expired(reports_);
    std::optional<AcquireResult> result =
        ask.plan.filter.exact ? acquire_indexed(ask, expired) : acquire_by_predicate(ask, expired);
    if (!result) result = kind_of_miss(ask);
    result->expired = expired.take();
    return *std::move(result);
}

std::optional<AcquireResult> Leasing::acquire_indexed(const Ask& ask, Expired& expired) {
    for (bool more_due = true; more_due;) {
        auto result = attempt(ask, expired, more_due, [&](WriteTransaction& transaction, PoolId pool) {
            return pick(transaction, ask.plan, pool);
        });
        if (result) return result;
    }
    return std::nullopt;
}

std::optional<AcquireResult> Leasing::acquire_by_predicate(const Ask& ask, Expired& expired) {
    std::optional<PoolId> known;
    for (bool more_due = true; more_due;) {
        auto result =
            attempt(ask, expired, more_due, [&](WriteTransaction&, PoolId pool) -> std::optional<ProxyRow> {
                known = pool;
                return std::nullopt;
            });
        if (result) return result;
    }
    for (bool lost_a_race = true; lost_a_race;) {
        lost_a_race = false;
        Candidates candidates(database_, ask.plan, *known);
        while (const auto candidate = candidates.next()) {
            if (!matches(ask.request.filters, *candidate)) continue;
            bool more_due = false;
            auto result = attempt(ask, expired, more_due, [&](WriteTransaction& transaction, PoolId pool) {
                return pick_unchanged(transaction, ask.plan, pool, *candidate);
            });
            if (result) return result;
            lost_a_race = true;
        }
    }
    return std::nullopt;
}

/// One transaction: an answer, or nothing where `choose` chose nothing.
template <class Choose>
std::optional<AcquireResult> Leasing::attempt(const Ask& ask, Expired& expired, bool& more_due,
                                              Choose choose) {
    WriteTransaction transaction(database_, ask.operation);
    const Opening opening = open_acquire(transaction, ask.lease_id, ask.consumer, ask.request.pool);
    more_due = false;
    if (!opening.pool) return AcquireResult(Miss::pool_unknown);
    std::vector<Lease> ended;
    if (opening.lease_known) {
        if (auto repeated = replay(transaction, ask, *opening.pool, opening.consumer, ended)) return repeated;
    }
    more_due = opening.due && collect_due(transaction, collect_batch, ended);
    std::optional<ProxyRow> row = choose(transaction, *opening.pool);
    if (!row) {
        if (!ended.empty()) transaction.commit();
        expired.add(std::move(ended));
        return std::nullopt;
    }
    if (!opening.consumer) throw ConsumerNotFoundError(ask.consumer);
    draw_again(transaction, ask.request.selector, *row);
    AcquireResult result(grant(transaction, *std::move(row),
                               {.id = ask.lease_id,
                                .consumer = *opening.consumer,
                                .pool_name = ask.request.pool,
                                .duration = ask.request.duration,
                                .metadata = ask.request.metadata}));
    transaction.commit();
    expired.add(std::move(ended));
    return result;
}

Miss Leasing::kind_of_miss(const Ask& ask) {
    ReadTransaction transaction(database_, ask.operation);
    PoolId pool;
    {
        Statement row = transaction.prepare(query::pool_id_by_name);
        if (!row.bind(ask.request.pool).step()) return Miss::pool_unknown;
        pool = row.id<PoolId>(0);
    }
    // Predicates are not asked again, of proxies that could not be leased anyway.
    const bool certain = ask.plan.filter.exact;
    if (any_active(transaction, ask.plan, pool, false))
        return certain ? Miss::all_busy : Miss::none_available;
    const bool unpicked =
        certain && any_active(transaction, ask.plan, pool, true);  // of weight 0, or just freed
    return unpicked ? Miss::none_available : Miss::nothing_matches;
}

/// The answer to a lease id that was used before; nothing where nobody remembers that use any more.
std::optional<AcquireResult> Leasing::replay(WriteTransaction& transaction, const Ask& ask, PoolId pool,
                                             std::optional<ConsumerId> consumer, std::vector<Lease>& ended) {
    try {
        auto leased = replay_active(transaction, ask.lease_id, consumer, ended);
        if (!leased) return std::nullopt;
        if (leased->lease().pool_id != pool) {
            throw ConflictError("lease_id", ask.lease_id.to_string(), "was used for another pool");
        }
        AcquireResult result(*std::move(leased));
        result.replayed = true;
        return result;
    } catch (const LeaseEndedError&) {
        return AcquireResult(Miss::lease_ended);
    }
}

std::optional<LeasedProxy> Leasing::replay_active(WriteTransaction& transaction, LeaseId id,
                                                  std::optional<ConsumerId> consumer,
                                                  std::vector<Lease>& ended) {
    std::optional<Lease> stored = find_lease(transaction, id);
    if (!stored) return std::nullopt;
    const Timestamp now = transaction.now();
    const Lease lease = as_of(*stored, now);
    if (is_forgotten(lease, now, database_.options().retention)) {
        if (stored->status == LeaseStatus::active) {
            end_lease(transaction, *stored, stored->expires_at, ReleaseReason::expired);
            ended.push_back(*stored);
        }
        transaction.prepare(query::delete_lease).bind(id).run();
        return std::nullopt;
    }
    if (consumer != lease.consumer_id) {
        throw ConflictError("lease_id", id.to_string(), "was used by another consumer");
    }
    if (lease.status == LeaseStatus::released) throw LeaseEndedError(id);
    Statement row = transaction.prepare(query::proxy_by_id);
    if (!row.bind(lease.proxy_id).step()) {
        fail({.name = "acquire", .lease = id}, "the database is damaged: an active lease is on no proxy");
    }
    return LeasedProxy(read_proxy(row), lease);
}

LeasedProxy Leasing::create_lease(const CreateLeaseRequest& request) {
    const LeaseId id = request.lease_id.is_nil() ? LeaseId::make() : request.lease_id;
    Expired expired(reports_);
    for (;;) {
        WriteTransaction transaction(database_, {.name = "create_lease", .lease = id});
        const Opening opening = open_acquire(transaction, id, request.consumer, "");
        std::optional<ProxyRow> row;
        std::string pool_name;
        {
            Statement found = transaction.prepare(query::proxy_to_lease);
            if (found.bind(request.proxy_id).step()) {
                row = read_proxy_row(found);
                pool_name = found.text(proxy_column_count);
            }
        }
        std::vector<Lease> ended;
        if (opening.lease_known) {
            if (auto repeated = replay_active(transaction, id, opening.consumer, ended)) {
                if (row && row->proxy.pool_id != repeated->lease().pool_id) {
                    throw ConflictError("lease_id", id.to_string(), "was used for another pool");
                }
                repeated->expired = expired.take();
                return *std::move(repeated);
            }
        }
        if (!row) throw ProxyNotFoundError(request.proxy_id);
        if (!opening.consumer) throw ConsumerNotFoundError(request.consumer);
        if (opening.due) {
            // The row was read before; what is due goes first.
            collect_due(transaction, collect_batch, ended);
            transaction.commit();
            expired.add(std::move(ended));
            continue;
        }
        if (row->proxy.status != ProxyStatus::active) {
            throw ProxyUnavailableError(request.proxy_id, "it is not active");
        }
        if (!has_room(row->proxy)) {
            throw ProxyUnavailableError(request.proxy_id, "it has as many leases as it may have");
        }
        LeasedProxy leased = grant(transaction, *std::move(row),
                                   {.id = id,
                                    .consumer = *opening.consumer,
                                    .pool_name = pool_name,
                                    .duration = request.duration,
                                    .metadata = request.metadata});
        transaction.commit();
        expired.add(std::move(ended));
        leased.expired = expired.take();
        return leased;
    }
}

}  // namespace pharox::sqlite
