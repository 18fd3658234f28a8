#include "shelf_storage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <pharox/rules/leases.hpp>
#include <pharox/rules/requests.hpp>
#include <pharox/rules/retention.hpp>

namespace shelf {
namespace {

using pharox::Selector;
using pharox::Timestamp;

namespace rules = pharox::rules;

bool is_active(const pharox::Lease& lease, Timestamp now) {
    return pharox::as_of(lease, now).status == pharox::LeaseStatus::active;
}

// Lease counts are computed, not stored, so expired leases do not count.
std::map<pharox::ProxyId, int> count_leases(const State& state, Timestamp now) {
    std::map<pharox::ProxyId, int> counts;
    for (const auto& [id, lease] : state.active) {
        counts[lease.proxy_id] += is_active(lease, now) ? 1 : 0;
    }
    return counts;
}

pharox::Proxy copy_of(const StoredProxy& stored, std::map<pharox::ProxyId, int>& counts) {
    pharox::Proxy proxy = stored.proxy;
    proxy.current_leases = counts[proxy.id];
    return proxy;
}

bool is_available(const pharox::Proxy& proxy, bool allow_slow) {
    return rules::is_leasable(proxy.status, allow_slow) && !rules::is_full(proxy);
}

// The changes of one operation. They take effect when the journal has written the records.
class Draft {
  public:
    explicit Draft(const State& state) : state_(state), use_sequence_(state.last_use_sequence) {}

    void put(const pharox::Lease& lease) { leases_.push_back(lease); }
    void record_use(pharox::ProxyId id) {
        if (StoredProxy* const proxy = change(id)) {
            proxy->use_sequence = ++use_sequence_;
        }
    }
    // The proxy as it will be stored; null if there is none.
    StoredProxy* change(pharox::ProxyId id) {
        const auto stored = state_.proxies.find(id);
        return stored == state_.proxies.end() ? nullptr
                                              : &proxies_.try_emplace(id, stored->second).first->second;
    }
    // Ends expired leases, oldest first.
    std::vector<pharox::Lease> collect_expired(Timestamp now) {
        std::vector<pharox::Lease> expired;
        for (const auto& [id, lease] : state_.active) {
            if (!is_active(lease, now)) {
                expired.push_back(pharox::as_of(lease, now));
            }
        }
        std::ranges::sort(expired, {},
                          [](const pharox::Lease& lease) { return std::pair(lease.expires_at, lease.id); });
        for (const pharox::Lease& lease : expired) {
            record_use(lease.proxy_id);
            put(lease);
        }
        return expired;
    }
    [[nodiscard]] std::vector<Record> records() const {
        std::vector<Record> all(leases_.begin(), leases_.end());
        for (const auto& [id, stored] : proxies_) {
            all.emplace_back(stored);
        }
        return all;
    }

  private:
    const State& state_;
    std::int64_t use_sequence_;
    std::map<pharox::ProxyId, StoredProxy> proxies_;
    std::vector<pharox::Lease> leases_;
};

// The sort key: smaller ones come first. Empty: the proxy is never picked.
std::optional<std::pair<double, double>> rank(Selector selector, const StoredProxy& stored,
                                              const pharox::Proxy& proxy, std::mt19937_64& dice) {
    const auto use_sequence = static_cast<double>(stored.use_sequence);
    std::exponential_distribution<double> draw;
    switch (selector) {
        case Selector::first_available:
            return std::pair(-static_cast<double>(proxy.checked_at.time_since_epoch().count()), 0.0);
        case Selector::round_robin:
            return std::pair(use_sequence, 0.0);
        case Selector::least_used:
            return std::pair(static_cast<double>(proxy.current_leases), use_sequence);
        case Selector::lowest_latency:
            return std::pair(proxy.latency_ms.value_or(std::numeric_limits<double>::infinity()), 0.0);
        case Selector::random:
            return std::pair(draw(dice), 0.0);
        case Selector::weighted_random:
            // Of independent exponential variables each is the smallest with a probability proportional to
            // its rate. Logarithms do not overflow for the largest and the smallest weight.
            if (proxy.weight <= 0) {
                return std::nullopt;
            }
            return std::pair(std::log(draw(dice)) - std::log(proxy.weight), 0.0);
    }
    return std::nullopt;
}

// The proxies that may be leased, best first. Predicates are not called: they must not run under the lock.
std::vector<pharox::Proxy> candidates(const State& state, const pharox::FindRequest& request, Timestamp now,
                                      std::mt19937_64& dice) {
    const auto pool = state.pools.find(request.pool);
    if (pool == state.pools.end()) {
        return {};
    }
    // Slow proxies, if allowed, come after all others.
    using Ranked = std::tuple<bool, std::pair<double, double>, pharox::ProxyId, pharox::Proxy>;
    std::vector<Ranked> ranked;
    auto counts = count_leases(state, now);
    for (const auto& [id, stored] : state.proxies) {
        if (stored.proxy.pool_id != pool->second.id) {
            continue;
        }
        pharox::Proxy proxy = copy_of(stored, counts);
        if (!is_available(proxy, request.allow_slow) || !pharox::may_match(request.filters, proxy)) {
            continue;
        }
        if (const auto place = rank(request.selector, stored, proxy, dice)) {
            const bool slow = proxy.status == pharox::ProxyStatus::slow;
            ranked.emplace_back(slow, *place, id, std::move(proxy));
        }
    }
    std::ranges::sort(ranked, {}, [](const Ranked& entry) {
        return std::tuple(std::get<0>(entry), std::get<1>(entry), std::get<2>(entry));
    });
    std::vector<pharox::Proxy> ordered;
    for (Ranked& entry : ranked) {
        ordered.push_back(std::move(std::get<pharox::Proxy>(entry)));
    }
    return ordered;
}

std::optional<pharox::Lease> find_lease(const State& state, pharox::LeaseId id, Timestamp now) {
    for (const auto* leases : {&state.active, &state.ended}) {
        if (const auto found = leases->find(id); found != leases->end()) {
            return rules::as_remembered(found->second, now, retention);
        }
    }
    return std::nullopt;
}

}  // namespace

ShelfStorage::ShelfStorage(const std::filesystem::path& folder, std::shared_ptr<const pharox::Clock> clock)
    : clock_(std::move(clock)), journal_(folder / "shelf.jsonl") {}

void ShelfStorage::add_pool(const pharox::ProxyPool& pool) {
    const std::lock_guard lock(mutex_);
    journal_.append({pharox::validated(pool)});
}

void ShelfStorage::add_proxy(const pharox::Proxy& proxy) {
    const std::lock_guard lock(mutex_);
    journal_.append({StoredProxy{.proxy = pharox::validated(proxy)}});
    became_available();
}

pharox::FindResult ShelfStorage::find_available_proxy(const pharox::FindRequest& request) {
    pharox::validate(request);
    pharox::FindResult result;
    std::vector<pharox::Proxy> ordered;
    {
        const std::lock_guard lock(mutex_);
        Draft draft(journal_.state());
        result.expired = draft.collect_expired(now());
        journal_.append(draft.records());
        ordered = candidates(journal_.state(), request, now(), dice_);
    }
    const auto hit = std::ranges::find_if(
        ordered, [&](const pharox::Proxy& proxy) { return pharox::matches(request.filters, proxy); });
    if (hit == ordered.end()) {
        return result;
    }
    result.proxy = *hit;
    if (request.selector == Selector::round_robin) {
        const std::lock_guard lock(mutex_);
        Draft draft(journal_.state());
        draft.record_use(hit->id);
        journal_.append(draft.records());
    }
    return result;
}

pharox::LeasedProxy ShelfStorage::create_lease(const pharox::CreateLeaseRequest& request) {
    const rules::Normalised normalised(request);
    const std::lock_guard lock(mutex_);
    const State& state = journal_.state();
    const Timestamp acquired_at = now();
    auto counts = count_leases(state, acquired_at);
    const auto consumer = state.consumers.find(normalised->consumer);
    const bool consumer_known = consumer != state.consumers.end();
    Draft draft(state);
    StoredProxy* const stored = draft.change(normalised->proxy_id);

    if (const auto earlier = find_lease(state, normalised->lease_id, acquired_at)) {
        const rules::ReplayFacts facts{
            .same_consumer = consumer_known && consumer->second.id == earlier->consumer_id,
            .same_pool = stored == nullptr || stored->proxy.pool_id == earlier->pool_id};
        throw_refusal(rules::decide_replay(*earlier, facts, acquired_at, retention), earlier->id, true);
        pharox::LeasedProxy again(copy_of(state.proxies.at(earlier->proxy_id), counts), *earlier);
        again.replayed = true;
        return again;
    }

    pharox::Proxy proxy;
    rules::CreateFacts facts{.consumer_known = consumer_known};
    if (stored != nullptr) {
        proxy = copy_of(*stored, counts);
        facts.proxy = proxy.status;
        facts.full = rules::is_full(proxy);
    }
    throw_refusal(rules::decide_create(facts, normalised->allow_slow), *normalised);

    const auto pool = std::ranges::find_if(
        state.pools, [&](const auto& entry) { return entry.second.id == proxy.pool_id; });
    auto expired = draft.collect_expired(acquired_at);
    draft.record_use(proxy.id);
    stored->fencing_token = rules::next_fencing_token(stored->fencing_token, acquired_at);
    const pharox::Lease lease = rules::make_lease(*normalised, {.proxy = proxy,
                                                                .consumer_id = consumer->second.id,
                                                                .pool_name = pool->first,
                                                                .fencing_token = stored->fencing_token,
                                                                .now = acquired_at});
    draft.put(lease);
    journal_.append(draft.records());
    proxy.current_leases += 1;
    pharox::LeasedProxy leased(std::move(proxy), lease);
    leased.expired = std::move(expired);
    return leased;
}

pharox::ConsumerId ShelfStorage::ensure_consumer(const pharox::EnsureConsumerRequest& request) {
    pharox::validate(request);
    const std::lock_guard lock(mutex_);
    const auto& consumers = journal_.state().consumers;
    if (const auto found = consumers.find(request.name); found != consumers.end()) {
        return found->second.id;
    }
    const pharox::Consumer consumer{.name = request.name};
    journal_.append({consumer});
    return consumer.id;
}

pharox::ReleaseResult ShelfStorage::release_lease(const pharox::ReleaseRequest& request) {
    const std::lock_guard lock(mutex_);
    auto lease = find_lease(journal_.state(), request.lease_id, now());
    if (!lease || lease->status == pharox::LeaseStatus::released) {
        return {.lease = std::move(lease)};
    }
    rules::end(*lease, now(), pharox::ReleaseReason::released);
    Draft draft(journal_.state());
    draft.put(*lease);
    draft.record_use(lease->proxy_id);
    journal_.append(draft.records());
    became_available(lease->pool_name);
    return {.released = true, .lease = std::move(lease)};
}

pharox::CleanupResult ShelfStorage::cleanup_expired_leases(const pharox::CleanupRequest& request) {
    const std::lock_guard lock(mutex_);
    Draft draft(journal_.state());
    auto expired = draft.collect_expired(now());
    journal_.append(draft.records());
    pharox::CleanupResult result{.count = std::ssize(expired)};
    if (request.collect) {
        result.leases = std::move(expired);
    }
    return result;
}

pharox::PoolStats ShelfStorage::get_pool_stats(const pharox::PoolStatsRequest& request) {
    pharox::validate_text("pool", request.pool, pharox::max_name_bytes);
    const std::lock_guard lock(mutex_);
    const State& state = journal_.state();
    const auto pool = state.pools.find(request.pool);
    if (pool == state.pools.end()) {
        return std::nullopt;
    }
    pharox::PoolStatsSnapshot stats{.pool_name = request.pool, .collected_at = now()};
    auto counts = count_leases(state, stats.collected_at);
    for (const auto& [id, stored] : state.proxies) {
        if (stored.proxy.pool_id != pool->second.id) {
            continue;
        }
        const pharox::Proxy proxy = copy_of(stored, counts);
        stats.total_proxies += 1;
        stats.active_proxies += proxy.status == pharox::ProxyStatus::active ? 1 : 0;
        stats.available_proxies += is_available(proxy, false) ? 1 : 0;
        stats.leased_proxies += proxy.current_leases > 0 ? 1 : 0;
        stats.total_leases += proxy.current_leases;
    }
    return stats;
}

}  // namespace shelf
