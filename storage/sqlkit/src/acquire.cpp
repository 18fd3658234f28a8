// Acquire and create_lease.
#include <algorithm>
#include <functional>
#include <utility>

#include "grant.hpp"
#include "lease_ends.hpp"
#include "leasing.hpp"
#include "pharox/errors.hpp"
#include "prepared_acquire.hpp"
#include "random_order.hpp"
#include "replay.hpp"

namespace pharox::sqlkit {

std::vector<PickPlan> Leasing::plans_for(Selector selector, const ProxyFilters& filters, bool allow_slow) {
    std::vector<PickPlan> plans = plan_pick(store_.dialect(), selector, filters, allow_slow);
    for (const PickPlan& plan : plans) store_.prepare(plan);
    return plans;
}

Leasing::PreparedAcquire Leasing::prepare(const AcquireRequest& request, const Operation& operation) {
    return {.request = request,
            .plans = plans_for(request.selector, request.filters, request.allow_slow),
            .operation = operation};
}

AcquireResult Leasing::acquire(const AcquireRequest& request) {
    const PreparedAcquire acquire = prepare(request, {.name = "acquire", .lease = request.lease_id});
    Expired expired(reports_);
    std::atomic<bool>& missed = missed_before(acquire);
    std::optional<AcquireResult> result;
    if (missed.load(std::memory_order_relaxed)) result = check_for_miss(acquire);
    if (!result) {
        result = acquire.exact() ? acquire_indexed(acquire, expired) : acquire_by_predicate(acquire, expired);
    }
    if (!result) result = diagnose_miss(acquire);
    missed.store(!*result, std::memory_order_relaxed);
    result->expired = expired.take();
    return *std::move(result);
}

std::optional<AcquireResult> Leasing::acquire_indexed(const PreparedAcquire& acquire, Expired& expired) {
    for (bool more_expired = true; more_expired;) {
        auto result =
            attempt(acquire, expired, more_expired, [&](LeaseTransaction& transaction, PoolId pool) {
                return pick(transaction, acquire.plans, pool);
            });
        if (result) return result;
    }
    return std::nullopt;
}

std::optional<AcquireResult> Leasing::acquire_by_predicate(const PreparedAcquire& acquire, Expired& expired) {
    const PickContext context = store_.read(acquire.operation)->acquire_context(acquire.request);
    if (!context.pool) return AcquireResult(Miss::pool_unknown);
    for (bool more_expired = context.any_expired || context.lease_known; more_expired;) {
        auto result = attempt(acquire, expired, more_expired,
                              [](LeaseTransaction&, PoolId) -> std::optional<ProxyRow> { return {}; });
        if (result) return result;
    }
    return first_match(store_, acquire.plans, *context.pool, acquire.request.filters,
                       [&](const PickPlan& plan, const Proxy& candidate) {
                           bool more_expired = false;
                           return attempt(acquire, expired, more_expired,
                                          [&](LeaseTransaction& transaction, PoolId pool) {
                                              return pick_unchanged(transaction, plan, pool, candidate);
                                          });
                       });
}

/// One transaction: the answer, or empty if `choose` returned none.
template <class Choose>
std::optional<AcquireResult> Leasing::attempt(const PreparedAcquire& acquire, Expired& expired,
                                              bool& more_expired, Choose choose) {
    const AcquireRequest& request = acquire.request;
    const auto transaction = store_.write(acquire.operation);
    const PickContext context = transaction->acquire_context(request);
    more_expired = false;
    if (!context.pool) return AcquireResult(Miss::pool_unknown);
    std::vector<Lease> ended;
    if (context.lease_known) {
        if (auto repeated = replay(*transaction, request, context.pool, context.consumer, ended))
            return repeated;
    }
    more_expired =
        context.any_expired && collect_expired(*transaction, store_.retention(), collect_batch, ended);
    std::optional<ProxyRow> row = choose(*transaction, *context.pool);
    if (!row) {
        if (!ended.empty()) transaction->commit();
        expired.add(std::move(ended));
        return std::nullopt;
    }
    if (!context.consumer) throw ConsumerNotFoundError(request.consumer);
    draw_again(*transaction, request.selector, *row);
    AcquireResult result(
        grant(*transaction, *std::move(row), request, request.lease_id, *context.consumer, request.pool));
    transaction->commit();
    expired.add(std::move(ended));
    return result;
}

std::optional<Miss> Leasing::check_for_miss(const PreparedAcquire& acquire) {
    const auto transaction = store_.read(acquire.operation);
    const PickContext context = transaction->acquire_context(acquire.request);
    if (context.pool) {
        if (context.any_expired || context.lease_known) return std::nullopt;
        if (pick(*transaction, acquire.plans, *context.pool)) return std::nullopt;
    }
    return diagnose_miss(*transaction, acquire, context.pool);
}

std::atomic<bool>& Leasing::missed_before(const PreparedAcquire& acquire) {
    const std::hash<std::string_view> hash;
    std::size_t key = hash(acquire.request.pool);
    for (const PickPlan& plan : acquire.plans) key = key * 31 + hash(plan.filter.where);
    key = key * 31 + static_cast<std::size_t>(acquire.request.selector);
    return missed_[key % missed_.size()];
}

Miss Leasing::diagnose_miss(const PreparedAcquire& acquire) {
    const auto transaction = store_.read(acquire.operation);
    return diagnose_miss(*transaction, acquire, transaction->acquire_context(acquire.request).pool);
}

Miss Leasing::diagnose_miss(LeaseTransaction& transaction, const PreparedAcquire& acquire,
                            std::optional<PoolId> pool) {
    rules::MissFacts facts{.pool_known = pool.has_value(), .has_predicate = !acquire.exact()};
    if (!pool) return rules::decide_miss(facts);
    const auto any = [&](bool full) {
        return std::ranges::any_of(
            acquire.plans, [&](const PickPlan& plan) { return transaction.has_match(plan, *pool, full); });
    };
    facts.any_full = any(true);
    // Read only if it matters.
    facts.any_free = !facts.any_full && !facts.has_predicate && any(false);
    return rules::decide_miss(facts);
}

LeasedProxy Leasing::create_lease(const CreateLeaseRequest& request) {
    Expired expired(reports_);
    for (;;) {
        const auto transaction = store_.write({.name = "create_lease", .lease = request.lease_id});
        const PickContext context = transaction->create_context(request);
        auto found = transaction->proxy_to_lease(request.proxy_id);
        rules::CreateFacts facts{.consumer_known = context.consumer.has_value()};
        std::optional<PoolId> pool;
        if (found) {
            const Proxy& proxy = found->first.proxy;
            pool = proxy.pool_id;
            facts.proxy = proxy.status;
            facts.full = rules::is_full(proxy);
        }
        std::vector<Lease> ended;
        if (context.lease_known) {
            if (auto repeated = replay(*transaction, request, pool, context.consumer, ended)) {
                LeasedProxy leased = std::move(*repeated).leased();
                leased.replayed = true;
                leased.expired = expired.take();
                return leased;
            }
        }
        const rules::Create answer = rules::decide_create(facts, request.allow_slow);
        if (context.any_expired && (answer == rules::Create::full || answer == rules::Create::grant)) {
            // The lease count was read before the collection: read it again without the expired leases.
            collect_expired(*transaction, store_.retention(), collect_batch, ended);
            transaction->commit();
            expired.add(std::move(ended));
            continue;
        }
        rules::throw_refusal(answer, request);
        LeasedProxy leased = grant(*transaction, std::move(found->first), request, request.lease_id,
                                   *context.consumer, found->second);
        transaction->commit();
        expired.add(std::move(ended));
        leased.expired = expired.take();
        return leased;
    }
}

}  // namespace pharox::sqlkit
