#include "pharox/storage/in_memory.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>
#include <utility>

#include "pharox/errors.hpp"
#include "pharox/rules/catalog.hpp"
#include "pharox/rules/requests.hpp"
#include "pharox/rules/retention.hpp"
#include "pharox/rules/url_options.hpp"
#include "storage/in_memory_state.hpp"

namespace pharox {

InMemoryAdapter::InMemoryAdapter(InMemoryOptions options)
    : state_(std::make_unique<InMemoryState>(std::move(options),
                                             [this](std::string_view pool) { became_available(pool); })) {}
InMemoryAdapter::~InMemoryAdapter() = default;

FindResult InMemoryAdapter::find_available_proxy(const FindRequest& request) {
    validate(request);
    return state_->find(request);
}
LeasedProxy InMemoryAdapter::create_lease(const CreateLeaseRequest& request) {
    return state_->create_lease(*rules::Normalised(request));
}
ConsumerId InMemoryAdapter::ensure_consumer(const EnsureConsumerRequest& request) {
    validate(request);
    return state_->ensure_consumer(request);
}
ReleaseResult InMemoryAdapter::release_lease(const ReleaseRequest& request) {
    return state_->release(request);
}
CleanupResult InMemoryAdapter::cleanup_expired_leases(const CleanupRequest& /*request*/) {
    return state_->cleanup();
}
PoolStats InMemoryAdapter::get_pool_stats(const PoolStatsRequest& request) {
    validate_text("pool", request.pool, max_name_bytes);
    return state_->stats(request);
}
AcquireResult InMemoryAdapter::try_acquire(const AcquireRequest& request) {
    return state_->acquire(*rules::Normalised(request));
}
ICatalog* InMemoryAdapter::catalog() { return state_.get(); }
ILeaseControl* InMemoryAdapter::lease_control() { return state_.get(); }
IHealthLog* InMemoryAdapter::health_log() { return state_.get(); }
IMaintenance* InMemoryAdapter::maintenance() { return state_.get(); }
ProxyPool InMemoryAdapter::add_pool(const ProxyPool& pool) { return state_->add_pool(pool); }
Proxy InMemoryAdapter::add_proxy(const Proxy& proxy) { return state_->add_proxy(proxy); }
Consumer InMemoryAdapter::add_consumer(const Consumer& consumer) { return state_->add_consumer(consumer); }

void register_memory(StorageRegistry& registry) {
    registry.add("memory", [](const StorageUrl& url) -> std::shared_ptr<IStorage> {
        // The text is not shown: it may be a URL of another scheme with a password.
        if (!url.rest.empty()) throw ValidationError("storage", {}, "means nothing after memory:");
        InMemoryOptions options;
        rules::UrlOptions("memory").retention(options).set_all(url);
        return std::make_shared<InMemoryStorage>(std::move(options));
    });
}

// ---- Time and the life of leases

InMemoryState::InMemoryState(InMemoryOptions options, std::function<void(std::string_view pool)> on_available)
    : options_(std::move(options)), on_available_(std::move(on_available)), random_(std::random_device{}()) {
    if (options_.clock == nullptr) throw ValidationError("clock", {}, "is null");
    rules::check_retention(options_.retention, options_.health_retention, options_.health_records_per_proxy);
}

Timestamp InMemoryState::advance() {
    now_ = std::max(now_, options_.clock->now());
    while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
        Lease& expired = leases_.at(deadlines_.begin()->second);
        end_lease(expired, expired.expires_at, ReleaseReason::expired);
        unreported_.push_back(expired);
    }
    forget_ended(now_);
    return now_;
}

void InMemoryState::forget_ended(Timestamp now) {
    const Timestamp forgotten = rules::forgotten_until(now, options_.retention);
    const Timestamp surplus = rules::surplus_until(now);
    while (!ended_.empty()) {
        const auto& [ended_at, id] = *ended_.begin();
        const bool is_surplus = ended_.size() > options_.retained_leases && ended_at <= surplus;
        if (ended_at > forgotten && !is_surplus) return;
        leases_.erase(id);
        ended_.erase(ended_.begin());
    }
}

std::vector<Lease> InMemoryState::take_unreported() { return std::exchange(unreported_, {}); }

void InMemoryState::end_lease(Lease& lease, Timestamp at, ReleaseReason reason) {
    rules::end(lease, at, reason);
    deadlines_.erase({lease.expires_at, lease.id});
    ended_.emplace(at, lease.id);
    StoredProxy& stored = proxies_.at(lease.proxy_id);  // a proxy with active leases is not removed
    --stored.proxy.current_leases;
    record_use(stored);
    on_available_(lease.pool_name);
}

void InMemoryState::record_use(StoredProxy& stored) { stored.use_sequence = ++last_use_sequence_; }

template <class Request>
LeasedProxy InMemoryState::lease(StoredProxy& stored, const Request& request, ConsumerId consumer,
                                 Timestamp now) {
    stored.fencing_token = rules::next_fencing_token(stored.fencing_token, now);
    ++stored.proxy.current_leases;
    record_use(stored);
    Lease lease = rules::make_lease(request, {.proxy = stored.proxy,
                                              .consumer_id = consumer,
                                              .pool_name = pools_.at(stored.proxy.pool_id).name,
                                              .fencing_token = stored.fencing_token,
                                              .now = now});
    deadlines_.emplace(lease.expires_at, lease.id);
    leases_.emplace(lease.id, lease);
    return {stored.proxy, std::move(lease)};
}

rules::Replay InMemoryState::decide_replay(LeaseId id, const std::string& consumer,
                                           std::optional<PoolId> pool) const {
    const auto found = leases_.find(id);
    if (found == leases_.end()) return rules::Replay::forgotten;
    const Lease& lease = found->second;
    const Consumer* const asking = find_consumer(consumer);
    return rules::decide_replay(lease,
                                {.same_consumer = asking != nullptr && asking->id == lease.consumer_id,
                                 .same_pool = !pool || *pool == lease.pool_id},
                                now_, options_.retention);
}

LeasedProxy InMemoryState::same_lease(LeaseId id) const {
    const Lease& lease = leases_.at(id);
    LeasedProxy repeated(proxies_.at(lease.proxy_id).proxy, lease);
    repeated.replayed = true;
    return repeated;
}

std::optional<AcquireResult> InMemoryState::replay(const AcquireRequest& request, PoolId pool) const {
    const rules::Replay answer = decide_replay(request.lease_id, request.consumer, pool);
    rules::throw_refusal(answer, request.lease_id, false);
    if (answer == rules::Replay::forgotten) return std::nullopt;
    if (answer == rules::Replay::lease_ended) return Miss::lease_ended;
    AcquireResult result(same_lease(request.lease_id));
    result.replayed = true;
    return result;
}

// ---- Picking

const ProxyPool* InMemoryState::find_pool(const std::string& name) const {
    const auto found = pool_names_.find(name);
    return found == pool_names_.end() ? nullptr : &pools_.at(found->second);
}

const Consumer* InMemoryState::find_consumer(const std::string& name) const {
    const auto found = consumers_.find(name);
    return found == consumers_.end() ? nullptr : &found->second;
}

const Consumer& InMemoryState::require_consumer(const std::string& name) const {
    if (const Consumer* const consumer = find_consumer(name)) return *consumer;
    throw ConsumerNotFoundError(name);
}

std::vector<InMemoryState::StoredProxy*> InMemoryState::candidates(const Search& search) {
    std::vector<StoredProxy*> found = candidates(search, ProxyStatus::active);
    if (found.empty() && search.allow_slow) return candidates(search, ProxyStatus::slow);
    return found;
}

std::vector<InMemoryState::StoredProxy*> InMemoryState::candidates(const Search& search, ProxyStatus status) {
    std::vector<StoredProxy*> found;
    for (const ProxyId id : proxies_of_.at(search.pool)) {
        StoredProxy& stored = proxies_.at(id);
        if (search.selector == Selector::weighted_random && stored.proxy.weight == 0.0) continue;
        if (stored.proxy.status == status && !rules::is_full(stored.proxy) &&
            may_match(search.filters, stored.proxy)) {
            found.push_back(&stored);
        }
    }
    const std::size_t wanted = search.filters.has_predicate() ? found.size() : 1;
    put_first(found, std::min(wanted, found.size()), search.selector);
    return found;
}

void InMemoryState::put_first(std::vector<StoredProxy*>& proxies, std::size_t count, Selector selector) {
    const auto sort_by = [&](auto key) {
        std::ranges::partial_sort(
            proxies, proxies.begin() + static_cast<std::ptrdiff_t>(count), std::ranges::less(),
            [&](const StoredProxy* stored) { return std::tuple(key(*stored), stored->proxy.id); });
    };
    constexpr double unmeasured = std::numeric_limits<double>::infinity();
    switch (selector) {
        case Selector::first_available:
            return sort_by([](const StoredProxy& s) { return -s.proxy.checked_at.time_since_epoch(); });
        case Selector::round_robin:
            return sort_by([](const StoredProxy& s) { return s.use_sequence; });
        case Selector::least_used:
            return sort_by(
                [](const StoredProxy& s) { return std::tuple(s.proxy.current_leases, s.use_sequence); });
        case Selector::lowest_latency:
            return sort_by(
                [unmeasured](const StoredProxy& s) { return s.proxy.latency_ms.value_or(unmeasured); });
        case Selector::random:
        case Selector::weighted_random: {
            // The smallest exponential variable with rate `weight`: P. S. Efraimidis and P. G. Spirakis,
            // "Weighted random sampling with a reservoir", Information Processing Letters 97(5), 2006.
            // Rates are relative to the largest weight, so that no weight is too small to divide by.
            double largest = 1.0;
            if (selector == Selector::weighted_random) {
                largest = 0.0;
                for (const StoredProxy* stored : proxies) largest = std::max(largest, stored->proxy.weight);
            }
            std::map<const StoredProxy*, double> arrival;
            std::exponential_distribution<double> exponential;
            for (const StoredProxy* stored : proxies) {
                const double weight = selector == Selector::random ? 1.0 : stored->proxy.weight;
                arrival[stored] = exponential(random_) * (largest / weight);
            }
            return sort_by([&](const StoredProxy& s) { return arrival.at(&s); });
        }
    }
}

template <class Use>
void InMemoryState::pick(std::unique_lock<std::mutex>& lock, const Search& search, Use use) {
    if (!search.filters.has_predicate()) {
        const std::vector<StoredProxy*> found = candidates(search);
        if (!found.empty()) use(*found.front());
        return;
    }
    for (bool lost_a_race = true; lost_a_race;) {
        lost_a_race = false;
        std::vector<Proxy> copies;
        for (const ProxyStatus status : {ProxyStatus::active, ProxyStatus::slow}) {
            if (status == ProxyStatus::slow && !search.allow_slow) break;
            for (const StoredProxy* stored : candidates(search, status)) copies.push_back(stored->proxy);
        }
        lock.unlock();
        for (const Proxy& copy : copies) {
            if (!matches(search.filters, copy)) continue;
            lock.lock();
            advance();
            const auto stored = proxies_.find(copy.id);
            if (stored != proxies_.end() && !rules::is_full(stored->second.proxy)) {
                Proxy current = stored->second.proxy;
                current.current_leases = copy.current_leases;  // a changed lease count is no change
                if (current == copy) return use(stored->second);
            }
            lost_a_race = true;
            lock.unlock();
        }
        lock.lock();
        advance();
        if (!pools_.contains(search.pool)) return;
    }
}

Miss InMemoryState::kind_of_miss(const Search& search) const {
    const auto found = proxies_of_.find(search.pool);
    rules::MissFacts facts{.pool_known = found != proxies_of_.end(),
                           .has_predicate = search.filters.has_predicate()};
    if (!facts.pool_known) return rules::decide_miss(facts);
    for (const ProxyId id : found->second) {
        const Proxy& proxy = proxies_.at(id).proxy;
        if (!rules::is_leasable(proxy.status, search.allow_slow) || !may_match(search.filters, proxy))
            continue;
        (rules::is_full(proxy) ? facts.any_full : facts.any_free) = true;
    }
    return rules::decide_miss(facts);
}

// ---- The six, and acquire

FindResult InMemoryState::find(const FindRequest& request) {
    std::unique_lock lock(mutex_);
    advance();
    FindResult result;
    if (const ProxyPool* const pool = find_pool(request.pool)) {
        const Search search{.pool = pool->id,
                            .filters = request.filters,
                            .selector = request.selector,
                            .allow_slow = request.allow_slow};
        pick(lock, search, [&](StoredProxy& stored) {
            if (request.selector == Selector::round_robin) record_use(stored);
            result.proxy = stored.proxy;
        });
    }
    result.expired = take_unreported();
    return result;
}

LeasedProxy InMemoryState::create_lease(const CreateLeaseRequest& request) {
    const std::lock_guard lock(mutex_);
    const Timestamp now = advance();
    const auto found = proxies_.find(request.proxy_id);
    StoredProxy* const stored = found == proxies_.end() ? nullptr : &found->second;
    const Consumer* const consumer = find_consumer(request.consumer);
    const rules::Replay repeated =
        decide_replay(request.lease_id, request.consumer,
                      stored == nullptr ? std::nullopt : std::optional(stored->proxy.pool_id));
    rules::throw_refusal(repeated, request.lease_id, true);
    const auto leased = [&] {
        if (repeated == rules::Replay::same_lease) return same_lease(request.lease_id);
        rules::CreateFacts facts{.consumer_known = consumer != nullptr};
        if (stored != nullptr) {
            facts.proxy = stored->proxy.status;
            facts.full = rules::is_full(stored->proxy);
        }
        rules::throw_refusal(rules::decide_create(facts, request.allow_slow), request);
        assert(stored != nullptr && consumer != nullptr);  // else it was refused
        return lease(*stored, request, consumer->id, now);
    };
    LeasedProxy result = leased();
    result.expired = take_unreported();
    return result;
}

ConsumerId InMemoryState::ensure_consumer(const EnsureConsumerRequest& request) {
    const std::lock_guard lock(mutex_);
    return consumers_.try_emplace(request.name, Consumer{.name = request.name}).first->second.id;
}

ReleaseResult InMemoryState::release(const ReleaseRequest& request) {
    const std::lock_guard lock(mutex_);
    return end_now(request.lease_id, ReleaseReason::released);
}

ReleaseResult InMemoryState::end_now(LeaseId id, ReleaseReason reason) {
    const Timestamp now = advance();
    const auto found = leases_.find(id);
    if (found == leases_.end()) return {};
    Lease& lease = found->second;
    if (lease.status == LeaseStatus::released) return {.released = false, .lease = lease};
    end_lease(lease, now, reason);
    return {.released = true, .lease = lease};
}

CleanupResult InMemoryState::cleanup() {
    const std::lock_guard lock(mutex_);
    advance();
    CleanupResult result{.leases = take_unreported()};
    result.count = static_cast<std::int64_t>(result.leases.size());
    return result;
}

PoolStats InMemoryState::stats(const PoolStatsRequest& request) {
    const std::lock_guard lock(mutex_);
    const Timestamp now = advance();
    const ProxyPool* const pool = find_pool(request.pool);
    if (pool == nullptr) return std::nullopt;
    PoolStatsSnapshot stats{.pool_name = pool->name, .collected_at = now};
    for (const ProxyId id : proxies_of_.at(pool->id)) {
        const StoredProxy& stored = proxies_.at(id);
        ++stats.total_proxies;
        stats.active_proxies += stored.proxy.status == ProxyStatus::active ? 1 : 0;
        const bool available =
            rules::is_leasable(stored.proxy.status, false) && !rules::is_full(stored.proxy);
        stats.available_proxies += available ? 1 : 0;
        stats.leased_proxies += stored.proxy.current_leases > 0 ? 1 : 0;
        stats.total_leases += stored.proxy.current_leases;
    }
    return stats;
}

AcquireResult InMemoryState::acquire(const AcquireRequest& request) {
    std::unique_lock lock(mutex_);
    advance();
    const auto acquired = [&]() -> AcquireResult {
        const ProxyPool* const pool = find_pool(request.pool);
        if (pool == nullptr) return Miss::pool_unknown;
        const PoolId pool_id = pool->id;
        std::optional<AcquireResult> picked;
        const Search search{.pool = pool_id,
                            .filters = request.filters,
                            .selector = request.selector,
                            .allow_slow = request.allow_slow};
        pick(lock, search, [&](StoredProxy& stored) {
            picked = replay(request, pool_id);
            if (picked) return;
            picked = lease(stored, request, require_consumer(request.consumer).id, now_);
        });
        if (!picked)
            picked = replay(request, pool_id);  // the lease with the requested id may occupy the proxy
        if (!picked) return kind_of_miss(search);
        return *std::move(picked);
    };
    AcquireResult result = acquired();
    result.expired = take_unreported();
    return result;
}

// ---- Lease control

RenewResult InMemoryState::renew_lease(const RenewRequest& request) {
    validate_lease_duration(request.duration);
    const std::lock_guard lock(mutex_);
    return renew(request, advance());
}

std::vector<RenewResult> InMemoryState::renew_many(const std::vector<RenewRequest>& requests) {
    for (const RenewRequest& request : requests) validate_lease_duration(request.duration);
    const std::lock_guard lock(mutex_);
    const Timestamp now = advance();
    std::vector<RenewResult> results;
    results.reserve(requests.size());
    for (const RenewRequest& request : requests) results.push_back(renew(request, now));
    return results;
}

RenewResult InMemoryState::renew(const RenewRequest& request, Timestamp now) {
    const auto found = leases_.find(request.lease_id);
    if (found == leases_.end()) return {};
    Lease& lease = found->second;
    const auto until = rules::renewed_until(lease, request.duration, now);
    if (!until) return {.renewed = false, .lease = lease};
    deadlines_.erase({lease.expires_at, lease.id});
    lease.expires_at = *until;
    deadlines_.emplace(lease.expires_at, lease.id);
    return {.renewed = true, .lease = lease};
}

std::optional<Lease> InMemoryState::get_lease(const GetLeaseRequest& request) {
    const std::lock_guard lock(mutex_);
    advance();
    const auto found = leases_.find(request.lease_id);
    return found == leases_.end() ? std::nullopt : std::optional(found->second);
}

ReleaseResult InMemoryState::revoke_lease(const RevokeRequest& request) {
    const std::lock_guard lock(mutex_);
    return end_now(request.lease_id, ReleaseReason::revoked);
}

Page<Lease> InMemoryState::list_leases(const ListLeasesRequest& request) {
    validate(request);
    const std::lock_guard lock(mutex_);
    advance();
    const Consumer* const consumer = find_consumer(request.consumer);
    if (!request.consumer.empty() && consumer == nullptr) return {};
    std::vector<Lease> found;
    auto next = request.after.empty() ? leases_.begin() : leases_.upper_bound(LeaseId::parse(request.after));
    for (; next != leases_.end() && found.size() <= request.limit; ++next) {
        const Lease& lease = next->second;
        if (!request.pool.empty() && lease.pool_name != request.pool) continue;
        if (consumer != nullptr && lease.consumer_id != consumer->id) continue;
        if (request.proxy_id && lease.proxy_id != *request.proxy_id) continue;
        if (request.status && lease.status != *request.status) continue;
        found.push_back(lease);
    }
    return rules::page_by_id(std::move(found), request.limit);
}

}  // namespace pharox
