// The catalog of an InMemoryStorage.
#include <algorithm>

#include "pharox/errors.hpp"
#include "pharox/rules/catalog.hpp"
#include "storage/in_memory_state.hpp"

namespace pharox {

namespace {

/// Up to one more than the limit, so that rules::page_by_name knows whether there are more.
template <class T>
std::vector<T> rows_by_name(const auto& by_name, const ListRequest& request, auto value_of) {
    std::vector<T> rows;
    auto next = request.after.empty() ? by_name.begin() : by_name.upper_bound(request.after);
    for (; next != by_name.end() && rows.size() <= request.limit; ++next)
        rows.push_back(value_of(next->second));
    return rows;
}

}  // namespace

// ---- Pools

ProxyPool InMemoryState::add_pool(const ProxyPool& pool) {
    ProxyPool stored = validated(pool);
    const std::lock_guard lock(mutex_);
    rules::check_new(stored, pool_names_.contains(stored.name), pools_.contains(stored.id));
    pool_names_[stored.name] = stored.id;
    proxies_of_[stored.id];
    return pools_[stored.id] = std::move(stored);
}

ProxyPool InMemoryState::update_pool(const ProxyPool& pool) {
    ProxyPool changed = validated(pool);
    const std::lock_guard lock(mutex_);
    const auto stored = pools_.find(changed.id);
    const auto holder = pool_names_.find(changed.name);
    rules::check_update(changed, stored != pools_.end(),
                        holder == pool_names_.end() ? std::nullopt : std::optional(holder->second));
    pool_names_.erase(stored->second.name);
    pool_names_[changed.name] = changed.id;
    return stored->second = std::move(changed);
}

std::optional<ProxyPool> InMemoryState::get_pool(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const ProxyPool* const pool = find_pool(name);
    return pool == nullptr ? std::nullopt : std::optional(*pool);
}

Page<ProxyPool> InMemoryState::list_pools(const ListRequest& request) {
    validate(request);
    const std::lock_guard lock(mutex_);
    return rules::page_by_name(
        rows_by_name<ProxyPool>(pool_names_, request, [this](PoolId id) { return pools_.at(id); }),
        request.limit);
}

RemoveResult InMemoryState::remove_pool(const std::string& name, bool force) {
    const std::lock_guard lock(mutex_);
    advance();
    const ProxyPool* const pool = find_pool(name);
    if (pool == nullptr) return {};
    const PoolId id = pool->id;
    std::vector<LeaseId> active;
    for (const ProxyId proxy : proxies_of_.at(id)) {
        const std::vector<LeaseId> more = active_leases_of(proxy);
        active.insert(active.end(), more.begin(), more.end());
    }
    if (!active.empty() && !force) rules::refuse_active_leases("pool", name);
    const std::int64_t revoked = revoke_all(active, now_);
    for (const std::set<ProxyId> members = proxies_of_.at(id); const ProxyId proxy : members) erase(proxy);
    proxies_of_.erase(id);
    pool_names_.erase(name);
    pools_.erase(id);
    return {.removed = true, .revoked_leases = revoked};
}

// ---- Proxies

Proxy InMemoryState::add_proxy(const Proxy& proxy) {
    Proxy checked = validated(proxy);
    const std::lock_guard lock(mutex_);
    require_pool(checked.pool_id);
    if (const auto holder = duplicate_of(checked)) rules::refuse_duplicate(checked, *holder);
    return insert(std::move(checked)).proxy;
}

AddProxiesResult InMemoryState::add_proxies(const AddProxiesRequest& request) {
    std::vector<Proxy> checked;
    for (const Proxy& proxy : request.proxies) checked.push_back(validated(proxy));
    const std::lock_guard lock(mutex_);
    for (const Proxy& proxy : checked) require_pool(proxy.pool_id);

    AddProxiesResult result;
    std::vector<ProxyId> added;  // removed again if a later proxy is refused; then none was updated
    try {
        for (Proxy& proxy : checked) {
            const auto holder = duplicate_of(proxy);
            if (!holder) {
                added.push_back(insert(std::move(proxy)).proxy.id);
                ++result.added;
            } else if (request.on_duplicate == DuplicatePolicy::update) {
                StoredProxy& stored = proxies_.at(*holder);
                proxy.id = *holder;
                replace(stored, std::move(proxy));
                ++result.updated;
            } else if (request.on_duplicate == DuplicatePolicy::skip) {
                ++result.skipped;
            } else {
                rules::refuse_duplicate(proxy, *holder);
            }
        }
    } catch (...) {
        for (const ProxyId id : added) erase(id);
        throw;
    }
    return result;
}

Proxy InMemoryState::update_proxy(const Proxy& proxy) {
    Proxy checked = validated(proxy);
    const std::lock_guard lock(mutex_);
    advance();
    const auto found = proxies_.find(checked.id);
    if (found == proxies_.end()) throw ProxyNotFoundError(checked.id);
    require_pool(checked.pool_id);
    const auto holder = identities_.find({checked.pool_id, checked.identity()});
    if (holder != identities_.end() && holder->second != checked.id)
        rules::refuse_duplicate(checked, holder->second);
    replace(found->second, std::move(checked));
    return found->second.proxy;
}

std::optional<Proxy> InMemoryState::get_proxy(ProxyId id) {
    const std::lock_guard lock(mutex_);
    advance();
    const auto found = proxies_.find(id);
    return found == proxies_.end() ? std::nullopt : std::optional(found->second.proxy);
}

Page<Proxy> InMemoryState::list_proxies(const ListProxiesRequest& request) {
    validate(request);
    std::vector<Proxy> found;
    {
        const std::lock_guard lock(mutex_);
        advance();
        const ProxyPool* const pool = find_pool(request.pool);
        if (pool == nullptr) return {};
        for (const ProxyId id : proxies_of_.at(pool->id)) {
            if (request.after.empty() || id > ProxyId::parse(request.after))
                found.push_back(proxies_.at(id).proxy);
        }
    }
    std::vector<Proxy> rows;  // predicates run here, unlocked
    for (Proxy& proxy : found) {
        if (rows.size() > request.limit) break;
        if (request.status && proxy.status != *request.status) continue;
        if (matches(request.filters, proxy)) rows.push_back(std::move(proxy));
    }
    return rules::page_by_id(std::move(rows), request.limit);
}

RemoveResult InMemoryState::remove_proxy(ProxyId id, bool force) {
    const std::lock_guard lock(mutex_);
    advance();
    if (!proxies_.contains(id)) return {};
    const std::vector<LeaseId> active = active_leases_of(id);
    if (!active.empty() && !force) rules::refuse_active_leases("proxy_id", id.to_string());
    const std::int64_t revoked = revoke_all(active, now_);
    erase(id);
    return {.removed = true, .revoked_leases = revoked};
}

InMemoryState::StoredProxy& InMemoryState::insert(Proxy proxy) {
    const ProxyId id = proxy.id;
    proxies_of_.at(proxy.pool_id).insert(id);
    identities_[{proxy.pool_id, proxy.identity()}] = id;
    on_available_({});
    return proxies_[id] = StoredProxy{.proxy = std::move(proxy)};
}

void InMemoryState::replace(StoredProxy& stored, Proxy proxy) {
    proxy.current_leases = stored.proxy.current_leases;
    identities_.erase({stored.proxy.pool_id, stored.proxy.identity()});
    identities_[{proxy.pool_id, proxy.identity()}] = proxy.id;
    proxies_of_.at(stored.proxy.pool_id).erase(proxy.id);
    proxies_of_.at(proxy.pool_id).insert(proxy.id);
    stored.proxy = std::move(proxy);
    on_available_({});
}

void InMemoryState::erase(ProxyId id) {
    const auto found = proxies_.find(id);
    const Proxy& proxy = found->second.proxy;
    identities_.erase({proxy.pool_id, proxy.identity()});
    proxies_of_.at(proxy.pool_id).erase(id);
    proxies_.erase(found);
}

void InMemoryState::require_pool(PoolId id) const {
    if (!pools_.contains(id)) throw PoolNotFoundError(id.to_string());
}

std::optional<ProxyId> InMemoryState::duplicate_of(const Proxy& proxy) const {
    const auto holder = identities_.find({proxy.pool_id, proxy.identity()});
    if (holder != identities_.end()) return holder->second;
    return proxies_.contains(proxy.id) ? std::optional(proxy.id) : std::nullopt;
}

// ---- Leases of what is removed

std::vector<LeaseId> InMemoryState::active_leases_of(ProxyId proxy) const {
    std::vector<LeaseId> active;
    for (const auto& [expires_at, id] : deadlines_) {
        if (leases_.at(id).proxy_id == proxy) active.push_back(id);
    }
    return active;
}

std::int64_t InMemoryState::revoke_all(const std::vector<LeaseId>& leases, Timestamp now) {
    for (const LeaseId id : leases) end_lease(leases_.at(id), now, ReleaseReason::revoked);
    return static_cast<std::int64_t>(leases.size());
}

// ---- Consumers

Consumer InMemoryState::add_consumer(const Consumer& consumer) {
    Consumer stored = validated(consumer);
    const std::lock_guard lock(mutex_);
    const bool id_taken =
        std::ranges::any_of(consumers_, [&](const auto& entry) { return entry.second.id == stored.id; });
    rules::check_new(stored, consumers_.contains(stored.name), id_taken);
    return consumers_[stored.name] = stored;
}

std::optional<Consumer> InMemoryState::get_consumer(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const Consumer* const consumer = find_consumer(name);
    return consumer == nullptr ? std::nullopt : std::optional(*consumer);
}

Page<Consumer> InMemoryState::list_consumers(const ListRequest& request) {
    validate(request);
    const std::lock_guard lock(mutex_);
    return rules::page_by_name(
        rows_by_name<Consumer>(consumers_, request, [](const Consumer& consumer) { return consumer; }),
        request.limit);
}

RemoveResult InMemoryState::remove_consumer(const std::string& name, bool force) {
    const std::lock_guard lock(mutex_);
    advance();
    const Consumer* const consumer = find_consumer(name);
    if (consumer == nullptr) return {};
    std::vector<LeaseId> active;
    for (const auto& [expires_at, id] : deadlines_) {
        if (leases_.at(id).consumer_id == consumer->id) active.push_back(id);
    }
    if (!active.empty() && !force) rules::refuse_active_leases("consumer", name);
    const std::int64_t revoked = revoke_all(active, now_);
    consumers_.erase(name);
    return {.removed = true, .revoked_leases = revoked};
}

}  // namespace pharox
