#include "shelf_storage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace shelf {
namespace {

using pharox::Selector;
using pharox::Timestamp;

constexpr auto retention = std::chrono::hours(1);  // how long a lease that ended is remembered

bool is_active(const pharox::Lease& lease, Timestamp now) {
    return pharox::as_of(lease, now).status == pharox::LeaseStatus::active;
}

// Counted, not kept: a lease whose time is up stops counting by itself.
int active_leases(const State& state, pharox::ProxyId proxy, Timestamp now) {
    return static_cast<int>(std::ranges::count_if(state.leases, [&](const auto& entry) {
        return entry.second.proxy_id == proxy && is_active(entry.second, now);
    }));
}

pharox::Proxy copy_of(const State& state, const StoredProxy& stored, Timestamp now) {
    pharox::Proxy proxy = stored.proxy;
    proxy.current_leases = active_leases(state, proxy.id, now);
    return proxy;
}

bool is_leasable(const pharox::Proxy& proxy) {
    return proxy.status == pharox::ProxyStatus::active &&
           (!proxy.max_concurrency || proxy.current_leases < *proxy.max_concurrency);
}

void mark_used(State& state, pharox::ProxyId proxy) {
    if (const auto found = state.proxies.find(proxy); found != state.proxies.end()) {
        found->second.use_mark = ++state.last_mark;
    }
}

// Ends what has expired, oldest first, and forgets what ended long ago.
std::vector<pharox::Lease> collect_expired(State& state, Timestamp now) {
    std::vector<pharox::Lease> expired;
    for (auto& [id, lease] : state.leases) {
        if (lease.status == pharox::LeaseStatus::active && !is_active(lease, now)) {
            lease = pharox::as_of(lease, now);
            expired.push_back(lease);
        }
    }
    std::ranges::sort(expired, {},
                      [](const pharox::Lease& lease) { return std::pair(lease.expires_at, lease.id); });
    for (const pharox::Lease& lease : expired) {
        mark_used(state, lease.proxy_id);
    }
    std::erase_if(state.leases, [&](const auto& entry) {
        return entry.second.released_at && *entry.second.released_at + retention < now;
    });
    return expired;
}

// Smaller comes first; nothing means never.
std::optional<std::pair<double, double>> rank(Selector selector, const StoredProxy& stored,
                                              const pharox::Proxy& proxy, std::mt19937_64& dice) {
    const auto mark = static_cast<double>(stored.use_mark);
    std::exponential_distribution<double> draw;
    switch (selector) {
        case Selector::first_available:
            return std::pair(-static_cast<double>(proxy.checked_at.time_since_epoch().count()), 0.0);
        case Selector::round_robin:
            return std::pair(mark, 0.0);
        case Selector::least_used:
            return std::pair(static_cast<double>(proxy.current_leases), mark);
        case Selector::lowest_latency:
            return std::pair(proxy.latency_ms.value_or(std::numeric_limits<double>::infinity()), 0.0);
        case Selector::random:
            return std::pair(draw(dice), 0.0);
        case Selector::weighted_random:
            // The smallest of exponential draws falls on each with a probability in proportion to its rate.
            if (proxy.weight <= 0) {
                return std::nullopt;
            }
            return std::pair(draw(dice) / proxy.weight, 0.0);
    }
    return std::nullopt;
}

// What could be leased, best first. Predicates are not asked yet: they must not run under our lock.
std::vector<pharox::Proxy> candidates(const State& state, const pharox::FindRequest& request, Timestamp now,
                                      std::mt19937_64& dice) {
    const auto pool = state.pools.find(request.pool);
    if (pool == state.pools.end()) {
        return {};
    }
    using Ranked = std::tuple<std::pair<double, double>, pharox::ProxyId, pharox::Proxy>;
    std::vector<Ranked> ranked;
    for (const auto& [id, stored] : state.proxies) {
        if (stored.proxy.pool_id != pool->second.id) {
            continue;
        }
        pharox::Proxy proxy = copy_of(state, stored, now);
        if (!is_leasable(proxy) || !pharox::may_match(request.filters, proxy)) {
            continue;
        }
        if (const auto place = rank(request.selector, stored, proxy, dice)) {
            ranked.emplace_back(*place, id, std::move(proxy));
        }
    }
    std::ranges::sort(ranked, {},
                      [](const Ranked& entry) { return std::pair(std::get<0>(entry), std::get<1>(entry)); });
    std::vector<pharox::Proxy> ordered;
    for (Ranked& entry : ranked) {
        ordered.push_back(std::move(std::get<pharox::Proxy>(entry)));
    }
    return ordered;
}

// The lease id was used before: the same lease again, never a second one.
pharox::LeasedProxy answer_again(const State& state, const pharox::Lease& earlier,
                                 const pharox::CreateLeaseRequest& request, Timestamp now) {
    const auto consumer = state.consumers.find(request.consumer);
    const auto asked = state.proxies.find(request.proxy_id);
    if (consumer == state.consumers.end() || consumer->second.id != earlier.consumer_id) {
        throw pharox::ConflictError("lease_id", earlier.id.to_string(), "was made for another consumer");
    }
    if (asked != state.proxies.end() && asked->second.proxy.pool_id != earlier.pool_id) {
        throw pharox::ConflictError("lease_id", earlier.id.to_string(), "was made for another pool");
    }
    if (!is_active(earlier, now)) {
        throw pharox::LeaseEndedError(earlier.id);
    }
    return {copy_of(state, state.proxies.at(earlier.proxy_id), now), earlier};
}

}  // namespace

ShelfStorage::ShelfStorage(std::filesystem::path folder, std::shared_ptr<const pharox::Clock> clock)
    : file_(std::move(folder) / "shelf.jsonl"), clock_(std::move(clock)), state_(read_shelf(file_)) {}

Timestamp ShelfStorage::now() {
    state_.last_now = std::max(state_.last_now, clock_->now());
    return state_.last_now;
}

void ShelfStorage::commit(State next) {
    write_shelf(file_, next);
    state_ = std::move(next);
}

void ShelfStorage::add_pool(const pharox::ProxyPool& pool) {
    const std::lock_guard lock(mutex_);
    State next = state_;
    next.pools[pool.name] = pharox::validated(pool);
    commit(std::move(next));
}

void ShelfStorage::add_proxy(const pharox::Proxy& proxy) {
    const std::lock_guard lock(mutex_);
    State next = state_;
    next.proxies[proxy.id].proxy = pharox::validated(proxy);
    commit(std::move(next));
}

pharox::FindResult ShelfStorage::find_available_proxy(const pharox::FindRequest& request) {
    pharox::validate(request);
    pharox::FindResult result;
    std::vector<pharox::Proxy> ordered;
    {
        const std::lock_guard lock(mutex_);
        State next = state_;
        result.expired = collect_expired(next, now());
        ordered = candidates(next, request, now(), dice_);
        if (!result.expired.empty()) {
            commit(std::move(next));
        }
    }
    const auto hit = std::ranges::find_if(
        ordered, [&](const pharox::Proxy& proxy) { return pharox::matches(request.filters, proxy); });
    if (hit == ordered.end()) {
        return result;
    }
    result.proxy = *hit;
    if (request.selector == Selector::round_robin) {
        const std::lock_guard lock(mutex_);
        State next = state_;
        mark_used(next, hit->id);
        commit(std::move(next));
    }
    return result;
}

pharox::LeasedProxy ShelfStorage::create_lease(const pharox::CreateLeaseRequest& request) {
    pharox::validate(request);
    const std::lock_guard lock(mutex_);
    if (const auto earlier = state_.leases.find(request.lease_id); earlier != state_.leases.end()) {
        return answer_again(state_, earlier->second, request, now());
    }
    State next = state_;
    const auto stored = next.proxies.find(request.proxy_id);
    if (stored == next.proxies.end()) {
        throw pharox::ProxyNotFoundError(request.proxy_id);
    }
    const auto consumer = next.consumers.find(request.consumer);
    if (consumer == next.consumers.end()) {
        throw pharox::ConsumerNotFoundError(request.consumer);
    }
    const Timestamp acquired_at = now();
    if (!is_leasable(copy_of(next, stored->second, acquired_at))) {
        throw pharox::ProxyUnavailableError(request.proxy_id, "it is not active, or full");
    }
    auto expired = collect_expired(next, acquired_at);
    const pharox::PoolId pool_id = stored->second.proxy.pool_id;
    const auto pool =
        std::ranges::find_if(next.pools, [&](const auto& entry) { return entry.second.id == pool_id; });
    StoredProxy& proxy = stored->second;
    proxy.fencing_token = std::max(proxy.fencing_token + 1, acquired_at.time_since_epoch().count());
    mark_used(next, request.proxy_id);
    const pharox::Lease lease{
        .id = request.lease_id.is_nil() ? pharox::LeaseId::make() : request.lease_id,
        .proxy_id = request.proxy_id,
        .consumer_id = consumer->second.id,
        .pool_id = pool_id,
        .pool_name = pool->first,
        .acquired_at = acquired_at,
        .expires_at = acquired_at + request.duration,
        .fencing_token = proxy.fencing_token,
        .metadata = request.metadata,
    };
    next.leases.emplace(lease.id, lease);
    pharox::LeasedProxy leased(copy_of(next, proxy, acquired_at), lease);
    leased.expired = std::move(expired);
    commit(std::move(next));
    return leased;
}

pharox::ConsumerId ShelfStorage::ensure_consumer(const pharox::EnsureConsumerRequest& request) {
    pharox::validate(request);
    const std::lock_guard lock(mutex_);
    if (const auto found = state_.consumers.find(request.name); found != state_.consumers.end()) {
        return found->second.id;
    }
    State next = state_;
    const pharox::Consumer consumer{.name = request.name};
    next.consumers.emplace(consumer.name, consumer);
    commit(std::move(next));
    return consumer.id;
}

pharox::ReleaseResult ShelfStorage::release_lease(const pharox::ReleaseRequest& request) {
    const std::lock_guard lock(mutex_);
    State next = state_;
    const auto found = next.leases.find(request.lease_id);
    if (found == next.leases.end()) {
        return {};
    }
    pharox::Lease& lease = found->second;
    if (!is_active(lease, now())) {
        return {.lease = pharox::as_of(lease, now())};
    }
    lease.status = pharox::LeaseStatus::released;
    lease.release_reason = pharox::ReleaseReason::released;
    lease.released_at = now();
    mark_used(next, lease.proxy_id);
    pharox::ReleaseResult result{.released = true, .lease = lease};
    commit(std::move(next));
    return result;
}

pharox::CleanupResult ShelfStorage::cleanup_expired_leases(const pharox::CleanupRequest& request) {
    const std::lock_guard lock(mutex_);
    State next = state_;
    auto expired = collect_expired(next, now());
    pharox::CleanupResult result{.count = std::ssize(expired)};
    if (!expired.empty()) {
        commit(std::move(next));
    }
    if (request.collect) {
        result.leases = std::move(expired);
    }
    return result;
}

pharox::PoolStats ShelfStorage::get_pool_stats(const pharox::PoolStatsRequest& request) {
    const std::lock_guard lock(mutex_);
    const auto pool = state_.pools.find(request.pool);
    if (pool == state_.pools.end()) {
        return std::nullopt;
    }
    pharox::PoolStatsSnapshot stats{.pool_name = request.pool, .collected_at = now()};
    for (const auto& [id, stored] : state_.proxies) {
        if (stored.proxy.pool_id != pool->second.id) {
            continue;
        }
        const pharox::Proxy proxy = copy_of(state_, stored, stats.collected_at);
        stats.total_proxies += 1;
        stats.active_proxies += proxy.status == pharox::ProxyStatus::active ? 1 : 0;
        stats.available_proxies += is_leasable(proxy) ? 1 : 0;
        stats.leased_proxies += proxy.current_leases > 0 ? 1 : 0;
        stats.total_leases += proxy.current_leases;
    }
    return stats;
}

}  // namespace shelf
