// Acquire and create_lease.
#include <algorithm>
#include <utility>

#include "leasing.hpp"
#include "leasing_ask.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

std::vector<PickPlan> Leasing::plans_for(Selector selector, const ProxyFilters& filters, bool allow_slow) {
    std::vector<PickPlan> plans{plan_pick(selector, filters)};
    if (allow_slow) plans.push_back(plans.front().of_slow_ones());
    for (const PickPlan& plan : plans) database_.ensure_index(plan.index);
    return plans;
}

Leasing::Ask Leasing::make_ask(const AcquireRequest& request, std::string_view operation) {
    const LeaseId id = request.lease_id.is_nil() ? LeaseId::make() : request.lease_id;
    return {.request = request,
            .consumer = request.consumer.empty() ? std::string(default_consumer_name) : request.consumer,
            .lease_id = id,
            .plans = plans_for(request.selector, request.filters, request.allow_slow),
            .operation = {.name = operation, .lease = id}};
}

AcquireResult Leasing::acquire(const AcquireRequest& request) {
    const Ask ask = make_ask(request, "acquire");
    Expired expired(reports_);
    std::atomic<bool>& missed = missed_before(ask);
    std::optional<AcquireResult> result;
    if (missed.load(std::memory_order_relaxed)) result = look(ask);
    if (!result) result = ask.exact() ? acquire_indexed(ask, expired) : acquire_by_predicate(ask, expired);
    if (!result) result = kind_of_miss(ask);
    missed.store(!*result, std::memory_order_relaxed);
    result->expired = expired.take();
    return *std::move(result);
}

std::optional<AcquireResult> Leasing::acquire_indexed(const Ask& ask, Expired& expired) {
    for (bool more_due = true; more_due;) {
        auto result = attempt(ask, expired, more_due, [&](WriteTransaction& transaction, PoolId pool) {
            return pick(transaction, ask.plans, pool);
        });
        if (result) return result;
    }
    return std::nullopt;
}

std::optional<AcquireResult> Leasing::acquire_by_predicate(const Ask& ask, Expired& expired) {
    const Opening opening = peek(ask);
    if (!opening.pool) return AcquireResult(Miss::pool_unknown);
    for (bool more_due = opening.due || opening.lease_known; more_due;) {
        auto result = attempt(ask, expired, more_due,
                              [](WriteTransaction&, PoolId) -> std::optional<ProxyRow> { return {}; });
        if (result) return result;
    }
    for (bool lost_a_race = true; lost_a_race;) {
        lost_a_race = false;
        for (const PickPlan& plan : ask.plans) {
            Candidates candidates(database_, plan, *opening.pool);
            while (const auto candidate = candidates.next()) {
                if (!matches(ask.request.filters, *candidate)) continue;
                bool more_due = false;
                auto result =
                    attempt(ask, expired, more_due, [&](WriteTransaction& transaction, PoolId pool) {
                        return pick_unchanged(transaction, plan, pool, *candidate);
                    });
                if (result) return result;
                lost_a_race = true;
            }
        }
    }
    return std::nullopt;
}

/// One transaction: an answer, or nothing where `choose` chose nothing.
template <class Choose>
std::optional<AcquireResult> Leasing::attempt(const Ask& ask, Expired& expired, bool& more_due,
                                              Choose choose) {
    WriteTransaction transaction(database_, ask.operation);
    const Opening opening = ask.open(transaction);
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
    AcquireResult result(grant(transaction, *std::move(row), ask.terms(*opening.consumer)));
    transaction.commit();
    expired.add(std::move(ended));
    return result;
}

Opening Leasing::peek(const Ask& ask) {
    ReadTransaction transaction(database_, ask.operation);
    return ask.open(transaction);
}

std::optional<Miss> Leasing::look(const Ask& ask) {
    ReadTransaction transaction(database_, ask.operation);
    const Opening opening = ask.open(transaction);
    if (!opening.pool) return Miss::pool_unknown;
    if (opening.due || opening.lease_known) return std::nullopt;
    if (pick(transaction, ask.plans, *opening.pool)) return std::nullopt;
    return kind_of_miss(transaction, ask, *opening.pool);
}

std::atomic<bool>& Leasing::missed_before(const Ask& ask) {
    const std::hash<std::string_view> hash;
    std::size_t question = hash(ask.request.pool);
    for (const PickPlan& plan : ask.plans) question = question * 31 + hash(plan.filter.where);
    question = question * 31 + static_cast<std::size_t>(ask.request.selector);
    return missed_[question % missed_.size()];
}

Miss Leasing::kind_of_miss(const Ask& ask) {
    ReadTransaction transaction(database_, ask.operation);
    const Opening opening = ask.open(transaction);
    return opening.pool ? kind_of_miss(transaction, ask, *opening.pool) : Miss::pool_unknown;
}

Miss Leasing::kind_of_miss(ReadTransaction& transaction, const Ask& ask, PoolId pool) {
    // Predicates are not asked again, of proxies that could not be leased anyway.
    const bool certain = ask.exact();
    const auto any_with = [&](bool room) {
        return std::any_of(ask.plans.begin(), ask.plans.end(),
                           [&](const PickPlan& plan) { return any(transaction, plan, pool, room); });
    };
    if (any_with(false)) return certain ? Miss::all_busy : Miss::none_available;
    const bool unpicked = certain && any_with(true);  // of weight 0, or just freed
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
        transaction.prepare(sql::delete_lease).bind(id).run();
        transaction.set_ended_leases(transaction.ended_leases() - 1);
        return std::nullopt;
    }
    if (consumer != lease.consumer_id) {
        throw ConflictError("lease_id", id.to_string(), "was used by another consumer");
    }
    if (lease.status == LeaseStatus::released) throw LeaseEndedError(id);
    Statement row = transaction.prepare(sql::proxy_by_id);
    if (!row.bind(lease.proxy_id).step()) {
        fail({.name = "acquire", .lease = id}, "the database is damaged: an active lease is on no proxy");
    }
    LeasedProxy repeated(read_proxy(row), lease);
    repeated.replayed = true;
    return repeated;
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
            Statement found = transaction.prepare(sql::proxy_to_lease);
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
        const ProxyStatus status = row->proxy.status;
        if (status != ProxyStatus::active && !(request.allow_slow && status == ProxyStatus::slow)) {
            throw ProxyUnavailableError(request.proxy_id, "it is not active");
        }
        if (is_full(row->proxy)) {
            throw ProxyUnavailableError(request.proxy_id, "it has as many leases as it may have");
        }
        LeasedProxy leased = grant(transaction, *std::move(row),
                                   {.id = id,
                                    .consumer = *opening.consumer,
                                    .pool_name = pool_name,
                                    .duration = request.duration,
                                    .metadata = request.metadata,
                                    .max_tenure = request.max_tenure});
        transaction.commit();
        expired.add(std::move(ended));
        leased.expired = expired.take();
        return leased;
    }
}

}  // namespace pharox::sqlite
