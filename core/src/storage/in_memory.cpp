#include "pharox/storage/in_memory.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>
#include <utility>

#include "pharox/errors.hpp"
#include "storage/in_memory_state.hpp"

namespace pharox {
namespace {

constexpr Duration least_retention = std::chrono::minutes(10);

std::string consumer_of(const AcquireRequest& request) {
    return request.consumer.empty() ? std::string(default_consumer_name) : request.consumer;
}

}  // namespace

InMemoryStorage::InMemoryStorage(InMemoryOptions options)
    : state_(std::make_unique<InMemoryState>(std::move(options), [this] { became_available(); })) {}
InMemoryStorage::~InMemoryStorage() { stop_waiting(); }

FindResult InMemoryStorage::find_available_proxy(const FindRequest& request) {
    validate(request);
    return state_->find(request);
}
LeasedProxy InMemoryStorage::create_lease(const CreateLeaseRequest& request) {
    validate(request);
    return state_->create_lease(request);
}
ConsumerId InMemoryStorage::ensure_consumer(const EnsureConsumerRequest& request) {
    validate(request);
    return state_->ensure_consumer(request);
}
ReleaseResult InMemoryStorage::release_lease(const ReleaseRequest& request) {
    return state_->release(request);
}
CleanupResult InMemoryStorage::cleanup_expired_leases(const CleanupRequest& /*request*/) {
    return state_->cleanup();
}
PoolStats InMemoryStorage::get_pool_stats(const PoolStatsRequest& request) {
    validate_text("pool", request.pool, max_name_bytes);
    return state_->stats(request);
}
AcquireResult InMemoryStorage::try_acquire(const AcquireRequest& request) {
    validate(request);
    return state_->acquire(request);
}
ICatalog* InMemoryStorage::catalog() { return state_.get(); }
ILeaseControl* InMemoryStorage::lease_control() { return state_.get(); }
IHealthLog* InMemoryStorage::health_log() { return state_.get(); }
IMaintenance* InMemoryStorage::maintenance() { return state_.get(); }
ProxyPool InMemoryStorage::add_pool(const ProxyPool& pool) { return state_->add_pool(pool); }
Proxy InMemoryStorage::add_proxy(const Proxy& proxy) { return state_->add_proxy(proxy); }
Consumer InMemoryStorage::add_consumer(const Consumer& consumer) { return state_->add_consumer(consumer); }

void register_memory(StorageRegistry& registry) {
    registry.add("memory", [](const StorageUrl& url) -> std::shared_ptr<IStorage> {
        // What it is stays unshown: whoever mistook the scheme may have written a password.
        if (!url.rest.empty()) throw ValidationError("storage", {}, "means nothing after memory:");
        if (!url.options.empty())
            throw ValidationError("storage", url.options.begin()->first, "is not an option");
        return std::make_shared<InMemoryStorage>();
    });
}

// ---- Time and the life of leases

InMemoryState::InMemoryState(InMemoryOptions options, std::function<void()> on_available)
    : options_(std::move(options)), on_available_(std::move(on_available)), random_(std::random_device{}()) {
    if (options_.clock == nullptr) throw ValidationError("clock", {}, "is null");
    if (options_.retention < least_retention) {
        throw ValidationError("retention_ms", std::to_string(options_.retention.count()),
                              "is below 600000 (10 minutes)");
    }
    if (options_.health_retention < min_lease_duration) {
        throw ValidationError("health_retention_ms", std::to_string(options_.health_retention.count()),
                              "is below 1");
    }
}

bool InMemoryState::StoredProxy::is_full() const {
    return proxy.max_concurrency && proxy.current_leases >= *proxy.max_concurrency;
}

bool InMemoryState::StoredProxy::is_leasable(bool allow_slow) const {
    return proxy.status == ProxyStatus::active || (allow_slow && proxy.status == ProxyStatus::slow);
}

Timestamp InMemoryState::settle() {
    now_ = std::max(now_, options_.clock->now());
    while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
        Lease& due = leases_.at(deadlines_.begin()->second);
        end_lease(due, due.expires_at, ReleaseReason::expired);
        unreported_.push_back(due);
    }
    forget_ended(now_);
    return now_;
}

void InMemoryState::forget_ended(Timestamp now) {
    const auto is_forgotten = [&] {  // in milliseconds: no retention is too long for them
        const auto age = std::chrono::floor<Duration>(now - ended_.begin()->first);
        return age >= options_.retention ||
               (age >= least_retention && ended_.size() > options_.retained_leases);
    };
    while (!ended_.empty() && is_forgotten()) {
        leases_.erase(ended_.begin()->second);
        ended_.erase(ended_.begin());
    }
}

std::vector<Lease> InMemoryState::take_unreported() { return std::exchange(unreported_, {}); }

void InMemoryState::end_lease(Lease& lease, Timestamp at, ReleaseReason reason) {
    lease.status = LeaseStatus::released;
    lease.released_at = at;
    lease.release_reason = reason;
    deadlines_.erase({lease.expires_at, lease.id});
    ended_.emplace(at, lease.id);
    StoredProxy& stored = proxies_.at(lease.proxy_id);  // it stays as long as a lease on it is active
    --stored.proxy.current_leases;
    renew_mark(stored);
    on_available_();
}

void InMemoryState::renew_mark(StoredProxy& stored) { stored.use_mark = ++last_mark_; }

LeasedProxy InMemoryState::lease(StoredProxy& stored, const LeaseTerms& terms, Timestamp now) {
    stored.fencing_token = std::max<std::int64_t>(stored.fencing_token + 1, now.time_since_epoch().count());
    ++stored.proxy.current_leases;
    renew_mark(stored);
    Lease lease{.id = terms.lease_id.is_nil() ? LeaseId::make() : terms.lease_id,
                .proxy_id = stored.proxy.id,
                .consumer_id = terms.consumer,
                .pool_id = stored.proxy.pool_id,
                .pool_name = pools_.at(stored.proxy.pool_id).name,
                .acquired_at = now,
                .expires_at = now + terms.duration,
                .fencing_token = stored.fencing_token,
                .tenure_ends_at = terms.max_tenure ? std::optional(now + *terms.max_tenure) : std::nullopt,
                .metadata = terms.metadata};
    deadlines_.emplace(lease.expires_at, lease.id);
    leases_.emplace(lease.id, lease);
    return {stored.proxy, std::move(lease)};
}

std::optional<LeasedProxy> InMemoryState::replay(LeaseId id, const std::string& consumer) {
    const auto found = leases_.find(id);
    if (id.is_nil() || found == leases_.end()) return std::nullopt;
    const Lease& lease = found->second;
    const Consumer* const asking = find_consumer(consumer);
    if (asking == nullptr || asking->id != lease.consumer_id) {
        throw ConflictError("lease_id", id.to_string(), "was used by another consumer");
    }
    if (lease.status == LeaseStatus::released) throw LeaseEndedError(id);
    LeasedProxy repeated(proxies_.at(lease.proxy_id).proxy, lease);
    repeated.replayed = true;
    return repeated;
}

std::optional<AcquireResult> InMemoryState::replay(const AcquireRequest& request, PoolId pool) {
    try {
        auto repeated = replay(request.lease_id, consumer_of(request));
        if (!repeated) return std::nullopt;
        if (repeated->lease().pool_id != pool) {
            throw ConflictError("lease_id", request.lease_id.to_string(), "was used for another pool");
        }
        AcquireResult result(*std::move(repeated));
        result.replayed = true;
        return result;
    } catch (const LeaseEndedError&) {
        return Miss::lease_ended;
    }
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

std::vector<InMemoryState::StoredProxy*> InMemoryState::candidates(const Question& question) {
    std::vector<StoredProxy*> found = candidates(question, ProxyStatus::active);
    if (found.empty() && question.allow_slow) return candidates(question, ProxyStatus::slow);
    return found;
}

std::vector<InMemoryState::StoredProxy*> InMemoryState::candidates(const Question& question,
                                                                   ProxyStatus status) {
    std::vector<StoredProxy*> found;
    for (const ProxyId id : proxies_of_.at(question.pool)) {
        StoredProxy& stored = proxies_.at(id);
        if (question.selector == Selector::weighted_random && stored.proxy.weight == 0.0) continue;
        if (stored.proxy.status == status && !stored.is_full() && may_match(question.filters, stored.proxy)) {
            found.push_back(&stored);
        }
    }
    const std::size_t wanted = question.filters.has_predicate() ? found.size() : 1;
    put_first(found, std::min(wanted, found.size()), question.selector);
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
            return sort_by([](const StoredProxy& s) { return s.use_mark; });
        case Selector::least_used:
            return sort_by(
                [](const StoredProxy& s) { return std::tuple(s.proxy.current_leases, s.use_mark); });
        case Selector::lowest_latency:
            return sort_by(
                [unmeasured](const StoredProxy& s) { return s.proxy.latency_ms.value_or(unmeasured); });
        case Selector::random:
        case Selector::weighted_random: {
            // Whoever's exponential time with rate `weight` comes first: P. S. Efraimidis and P. G. Spirakis,
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
void InMemoryState::pick(std::unique_lock<std::mutex>& lock, const Question& question, Use use) {
    if (!question.filters.has_predicate()) {
        const std::vector<StoredProxy*> found = candidates(question);
        if (!found.empty()) use(*found.front());
        return;
    }
    for (bool lost_a_race = true; lost_a_race;) {
        lost_a_race = false;
        std::vector<Proxy> copies;
        for (const ProxyStatus status : {ProxyStatus::active, ProxyStatus::slow}) {
            if (status == ProxyStatus::slow && !question.allow_slow) break;
            for (const StoredProxy* stored : candidates(question, status)) copies.push_back(stored->proxy);
        }
        lock.unlock();
        for (const Proxy& copy : copies) {
            if (!matches(question.filters, copy)) continue;
            lock.lock();
            settle();
            const auto stored = proxies_.find(copy.id);
            if (stored != proxies_.end() && !stored->second.is_full()) {
                Proxy current = stored->second.proxy;
                current.current_leases = copy.current_leases;  // whatever the counter says now
                if (current == copy) return use(stored->second);
            }
            lost_a_race = true;
            lock.unlock();
        }
        lock.lock();
        settle();
        if (!pools_.contains(question.pool)) return;
    }
}

Miss InMemoryState::kind_of_miss(const Question& question) const {
    const auto found = proxies_of_.find(question.pool);
    if (found == proxies_of_.end()) return Miss::pool_unknown;
    const bool asks_predicates = question.filters.has_predicate();  // which have refused what is free
    bool unpicked = false;
    for (const ProxyId id : found->second) {
        const StoredProxy& stored = proxies_.at(id);
        if (!stored.is_leasable(question.allow_slow) || !may_match(question.filters, stored.proxy)) continue;
        if (stored.is_full()) return asks_predicates ? Miss::none_available : Miss::all_busy;
        unpicked = true;  // of weight 0, unless a predicate refused it
    }
    return unpicked && !asks_predicates ? Miss::none_available : Miss::nothing_matches;
}

// ---- The six, and acquire

FindResult InMemoryState::find(const FindRequest& request) {
    std::unique_lock lock(mutex_);
    settle();
    FindResult result;
    if (const ProxyPool* const pool = find_pool(request.pool)) {
        const Question question{.pool = pool->id,
                                .filters = request.filters,
                                .selector = request.selector,
                                .allow_slow = request.allow_slow};
        pick(lock, question, [&](StoredProxy& stored) {
            if (request.selector == Selector::round_robin) renew_mark(stored);
            result.proxy = stored.proxy;
        });
    }
    result.expired = take_unreported();
    return result;
}

LeasedProxy InMemoryState::create_lease(const CreateLeaseRequest& request) {
    const std::lock_guard lock(mutex_);
    const Timestamp now = settle();
    auto leased = replay(request.lease_id, request.consumer);
    const auto found = proxies_.find(request.proxy_id);
    if (leased && leased->lease().proxy_id != request.proxy_id && found != proxies_.end() &&
        found->second.proxy.pool_id != leased->lease().pool_id) {
        throw ConflictError("lease_id", request.lease_id.to_string(), "was used for another pool");
    }
    if (!leased) {
        if (found == proxies_.end()) throw ProxyNotFoundError(request.proxy_id);
        const Consumer& consumer = require_consumer(request.consumer);
        StoredProxy& stored = found->second;
        if (!stored.is_leasable(request.allow_slow))
            throw ProxyUnavailableError(stored.proxy.id, "it is not active");
        if (stored.is_full())
            throw ProxyUnavailableError(stored.proxy.id, "it has as many leases as it may have");
        leased = lease(stored,
                       {.consumer = consumer.id,
                        .duration = request.duration,
                        .lease_id = request.lease_id,
                        .metadata = request.metadata,
                        .max_tenure = request.max_tenure},
                       now);
    }
    leased->expired = take_unreported();
    return *std::move(leased);
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
    const Timestamp now = settle();
    const auto found = leases_.find(id);
    if (found == leases_.end()) return {};
    Lease& lease = found->second;
    if (lease.status == LeaseStatus::released) return {.released = false, .lease = lease};
    end_lease(lease, now, reason);
    return {.released = true, .lease = lease};
}

CleanupResult InMemoryState::cleanup() {
    const std::lock_guard lock(mutex_);
    settle();
    CleanupResult result{.leases = take_unreported()};
    result.count = static_cast<std::int64_t>(result.leases.size());
    return result;
}

PoolStats InMemoryState::stats(const PoolStatsRequest& request) {
    const std::lock_guard lock(mutex_);
    const Timestamp now = settle();
    const ProxyPool* const pool = find_pool(request.pool);
    if (pool == nullptr) return std::nullopt;
    PoolStatsSnapshot stats{.pool_name = pool->name, .collected_at = now};
    for (const ProxyId id : proxies_of_.at(pool->id)) {
        const StoredProxy& stored = proxies_.at(id);
        ++stats.total_proxies;
        stats.active_proxies += stored.proxy.status == ProxyStatus::active ? 1 : 0;
        stats.available_proxies += stored.is_leasable(false) && !stored.is_full() ? 1 : 0;
        stats.leased_proxies += stored.proxy.current_leases > 0 ? 1 : 0;
        stats.total_leases += stored.proxy.current_leases;
    }
    return stats;
}

AcquireResult InMemoryState::acquire(const AcquireRequest& request) {
    std::unique_lock lock(mutex_);
    settle();
    const auto acquired = [&]() -> AcquireResult {
        const ProxyPool* const pool = find_pool(request.pool);
        if (pool == nullptr) return Miss::pool_unknown;
        const PoolId pool_id = pool->id;
        std::optional<AcquireResult> picked;
        const Question question{.pool = pool_id,
                                .filters = request.filters,
                                .selector = request.selector,
                                .allow_slow = request.allow_slow};
        pick(lock, question, [&](StoredProxy& stored) {
            picked = replay(request, pool_id);
            if (picked) return;
            picked = lease(stored,
                           {.consumer = require_consumer(consumer_of(request)).id,
                            .duration = request.duration,
                            .lease_id = request.lease_id,
                            .metadata = request.metadata,
                            .max_tenure = request.max_tenure},
                           now_);
        });
        if (!picked) picked = replay(request, pool_id);  // the very lease that is asked for may be why
        if (!picked) return kind_of_miss(question);
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
    const Timestamp now = settle();
    const auto found = leases_.find(request.lease_id);
    if (found == leases_.end()) return {};
    Lease& lease = found->second;
    if (lease.status == LeaseStatus::released) return {.renewed = false, .lease = lease};
    if (lease.tenure_ends_at && lease.expires_at >= *lease.tenure_ends_at)
        return {.renewed = false, .lease = lease};
    deadlines_.erase({lease.expires_at, lease.id});
    lease.expires_at = std::max<Timestamp>(lease.expires_at, now + request.duration);
    if (lease.tenure_ends_at) lease.expires_at = std::min(lease.expires_at, *lease.tenure_ends_at);
    deadlines_.emplace(lease.expires_at, lease.id);
    return {.renewed = true, .lease = lease};
}

std::optional<Lease> InMemoryState::get_lease(const GetLeaseRequest& request) {
    const std::lock_guard lock(mutex_);
    settle();
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
    settle();
    Page<Lease> page;
    const Consumer* const consumer = find_consumer(request.consumer);
    if (!request.consumer.empty() && consumer == nullptr) return page;
    auto next = request.after.empty() ? leases_.begin() : leases_.upper_bound(LeaseId::parse(request.after));
    for (; next != leases_.end(); ++next) {
        const Lease& lease = next->second;
        if (!request.pool.empty() && lease.pool_name != request.pool) continue;
        if (consumer != nullptr && lease.consumer_id != consumer->id) continue;
        if (request.proxy_id && lease.proxy_id != *request.proxy_id) continue;
        if (request.status && lease.status != *request.status) continue;
        if (page.items.size() == request.limit) {
            page.next = page.items.back().id.to_string();
            break;
        }
        page.items.push_back(lease);
    }
    return page;
}

}  // namespace pharox
