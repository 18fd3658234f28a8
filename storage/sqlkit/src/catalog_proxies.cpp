#include <map>

#include "catalog.hpp"
#include "catalog_removal.hpp"
#include "pharox/errors.hpp"
#include "pharox/rules/catalog.hpp"
#include "random_order.hpp"

namespace pharox::sqlkit {

namespace {

/// Writes proxies, and remembers for the length of one transaction where each pool's random orders stand.
class ProxyWriter {
  public:
    explicit ProxyWriter(CatalogTransaction& transaction) : transaction_(transaction) {}

    /// False where the id or the identity is taken.
    bool insert(const Proxy& proxy) {
        const RandomKeys& keys = keys_for(proxy);
        const bool inserted =
            transaction_.insert_proxy({.proxy = proxy,
                                       .random_key = first_random_key(transaction_, keys),
                                       .weighted_key = first_weighted_key(transaction_, keys, proxy.weight)});
        transaction_.makes_available_anywhere();
        return inserted;
    }

    /// The proxy that has this one's identity in its pool, or else its id.
    ProxyId holder_of(const Proxy& proxy) {
        return transaction_.holder_of_identity(proxy).value_or(proxy.id);
    }

    /// Replaces what is stored under the id, but for its lease count. Throws ProxyNotFoundError,
    /// PoolNotFoundError, ConflictError.
    void update(Proxy& proxy) {
        std::optional<ProxyRow> row = transaction_.proxy(proxy.id);
        if (!row) throw ProxyNotFoundError(proxy.id);
        const RandomKeys& keys = keys_for(proxy);
        const auto holder = transaction_.holder_of_identity(proxy);
        if (holder && *holder != proxy.id) rules::refuse_duplicate(proxy, *holder);
        proxy.current_leases = row->proxy.current_leases;
        const bool moved = row->proxy.pool_id != proxy.pool_id;
        if (moved) row->random_key = first_random_key(transaction_, keys);
        if (moved || row->proxy.weight != proxy.weight) {
            row->weighted_key = first_weighted_key(transaction_, keys, proxy.weight);
        }
        row->proxy = proxy;
        transaction_.update_proxy(*row);
        transaction_.makes_available_anywhere();
    }

  private:
    const RandomKeys& keys_for(const Proxy& proxy) {
        auto known = pools_.find(proxy.pool_id);
        if (known == pools_.end()) {
            const std::optional<RandomKeys> keys = transaction_.random_keys(proxy.pool_id);
            if (!keys) throw PoolNotFoundError(proxy.pool_id.to_string());
            known = pools_.emplace(proxy.pool_id, *keys).first;
        }
        RandomKeys& keys = known->second;
        if (proxy.weight > keys.largest_weight) {
            keys.largest_weight = proxy.weight;
            transaction_.set_largest_weight(proxy.pool_id, proxy.weight);
        }
        return keys;
    }

    CatalogTransaction& transaction_;
    std::map<PoolId, RandomKeys> pools_{};
};

}  // namespace

Proxy Catalog::add_proxy(const Proxy& proxy) {
    Proxy stored = validated(proxy);
    const auto transaction = store_.write({.name = "add_proxy"});
    ProxyWriter writer(*transaction);
    if (!writer.insert(stored)) rules::refuse_duplicate(stored, writer.holder_of(stored));
    transaction->commit();
    return stored;
}

AddProxiesResult Catalog::add_proxies(const AddProxiesRequest& request) {
    std::vector<Proxy> proxies;
    proxies.reserve(request.proxies.size());
    for (const Proxy& proxy : request.proxies) proxies.push_back(validated(proxy));

    const auto transaction = store_.write({.name = "add_proxies"});
    ProxyWriter writer(*transaction);
    AddProxiesResult result;
    for (Proxy& proxy : proxies) {
        if (writer.insert(proxy)) {
            ++result.added;
        } else if (request.on_duplicate == DuplicatePolicy::skip) {
            ++result.skipped;
        } else {
            const ProxyId holder = writer.holder_of(proxy);
            if (request.on_duplicate == DuplicatePolicy::reject) rules::refuse_duplicate(proxy, holder);
            proxy.id = holder;
            writer.update(proxy);
            ++result.updated;
        }
    }
    transaction->commit();
    return result;
}

Proxy Catalog::update_proxy(const Proxy& proxy) {
    Proxy changed = validated(proxy);
    const auto transaction = store_.write({.name = "update_proxy"});
    ProxyWriter(*transaction).update(changed);
    changed = transaction->live_proxy(changed.id).value();
    transaction->commit();
    return changed;
}

std::optional<Proxy> Catalog::get_proxy(ProxyId id) {
    return store_.read({.name = "get_proxy"})->live_proxy(id);
}

Page<Proxy> Catalog::list_proxies(const ListProxiesRequest& request) {
    validate(request);
    const FilterSql filter = compile_filter(store_.dialect(), request.filters);
    const std::size_t wanted = request.limit + 1;  // the last row tells that there are more
    ProxyId after = request.after.empty() ? ProxyId() : ProxyId::parse(request.after);
    std::vector<Proxy> found;
    for (bool more = true; more && found.size() < wanted;) {
        std::vector<Proxy> read;
        {
            const auto transaction = store_.read({.name = "list_proxies"});
            const std::optional<ProxyPool> pool = transaction->pool(request.pool);
            if (!pool) return {};
            read = transaction->list_proxies({.pool = pool->id,
                                              .after = after,
                                              .status = request.status,
                                              .filter = filter,
                                              .limit = wanted});
        }
        more = read.size() == wanted;
        if (!read.empty()) after = read.back().id;
        for (Proxy& proxy : read) {  // predicates run here, outside the transaction
            if (found.size() == wanted) break;
            if (filter.exact || matches(request.filters, proxy)) found.push_back(std::move(proxy));
        }
    }
    return rules::page_by_id(std::move(found), request.limit);
}

RemoveResult Catalog::remove_proxy(ProxyId id, bool force) {
    const auto transaction = store_.write({.name = "remove_proxy"});
    const std::optional<ProxyRow> stored = transaction->proxy(id);
    if (!stored) return {};
    std::vector<Lease> active;
    if (stored->proxy.current_leases > 0) active = transaction->active_leases_of_proxy(id);
    return remove_with_leases(*transaction, std::move(active), force, "proxy_id", id.to_string(),
                              [&] { transaction->remove_proxy(id); });
}

}  // namespace pharox::sqlkit
