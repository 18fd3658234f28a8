#include "catalog_rows.hpp"

#include <algorithm>

#include "lease_ends.hpp"
#include "pharox/rules/catalog.hpp"
#include "random_order.hpp"

namespace pharox::sqlkit {

const CatalogRows::Pool* CatalogRows::pool_for(const Proxy& proxy) {
    auto known = pools_.find(proxy.pool_id);
    if (known == pools_.end()) {
        std::optional<std::string> name = pool_name(proxy.pool_id);
        if (!name) return nullptr;
        known = pools_
                    .emplace(proxy.pool_id,
                             Pool{.name = *std::move(name), .keys = random_keys(proxy.pool_id).value()})
                    .first;
    }
    Pool& pool = known->second;
    if (proxy.weight > pool.keys.largest_weight) {
        pool.keys.largest_weight = proxy.weight;
        set_largest_weight(proxy.pool_id, proxy.weight);
    }
    return &pool;
}

ProxyInsert CatalogRows::insert_proxy(const Proxy& proxy) {
    const Pool* const pool = pool_for(proxy);
    if (pool == nullptr) return {};
    const bool inserted = insert_row({.proxy = proxy,
                                      .random_key = first_random_key(*this, pool->keys),
                                      .weighted_key = first_weighted_key(*this, pool->keys, proxy.weight)});
    if (!inserted) return {.pool_known = true, .holder = holder_of_identity(proxy).value_or(proxy.id)};
    makes_available(pool->name);
    return {.pool_known = true};
}

ProxyUpdate CatalogRows::update_proxy(const Proxy& proxy) {
    std::optional<ProxyRow> row = proxy_row(proxy.id);
    if (!row) return {};
    const Pool* const pool = pool_for(proxy);
    if (pool == nullptr) return {.known = true};
    ProxyUpdate update{.known = true, .pool_known = true, .identity_holder = holder_of_identity(proxy)};
    if (update.identity_holder && *update.identity_holder != proxy.id) return update;
    const bool moved = row->proxy.pool_id != proxy.pool_id;
    if (moved) row->random_key = first_random_key(*this, pool->keys);
    if (moved || row->proxy.weight != proxy.weight) {
        row->weighted_key = first_weighted_key(*this, pool->keys, proxy.weight);
    }
    const auto leases = row->proxy.current_leases;
    row->proxy = proxy;
    row->proxy.current_leases = leases;
    update_row(*row);
    makes_available(pool->name);
    update.updated = this->proxy(proxy.id);
    return update;
}

AddProxiesResult CatalogRows::insert_proxies(const std::vector<Proxy>& proxies, DuplicatePolicy policy) {
    AddProxiesResult result;
    for (const Proxy& proxy : proxies) {
        const ProxyInsert insert = insert_proxy(proxy);
        if (!insert.holder || policy == DuplicatePolicy::reject) {
            rules::check_new(proxy, insert.pool_known, insert.holder);
            ++result.added;
        } else if (policy == DuplicatePolicy::skip) {
            ++result.skipped;
        } else {
            Proxy changed = proxy;
            changed.id = *insert.holder;
            const ProxyUpdate update = update_proxy(changed);
            rules::check_update(changed, update.known, update.pool_known, update.identity_holder);
            ++result.updated;
        }
    }
    return result;
}

bool CatalogRows::has_active_leases(const LeaseHolder& holder) {
    return std::ranges::any_of(active_leases(holder),
                               [now = now()](const Lease& lease) { return lease.expires_at > now; });
}

std::vector<Lease> CatalogRows::end_active_leases(const LeaseHolder& holder) {
    std::vector<Lease> leases = active_leases(holder);
    for (Lease& lease : leases) {
        const bool expired = lease.expires_at <= now();
        sqlkit::end_lease(*this, lease, expired ? lease.expires_at : now(),
                          expired ? ReleaseReason::expired : ReleaseReason::revoked);
    }
    return leases;
}

}  // namespace pharox::sqlkit
