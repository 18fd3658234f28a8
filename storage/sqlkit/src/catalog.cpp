#include "catalog.hpp"

#include "pharox/rules/catalog.hpp"

namespace pharox::sqlkit {

// ---- Pools

ProxyPool Catalog::add_pool(const ProxyPool& pool) {
    ProxyPool stored = validated(pool);
    store_.write_one({.name = "add_pool"}, [&](CatalogTransaction& transaction) {
        const Taken taken = transaction.insert_pool(stored);
        rules::check_new(stored, taken.name, taken.id);
    });
    return stored;
}

ProxyPool Catalog::update_pool(const ProxyPool& pool) {
    ProxyPool changed = validated(pool);
    store_.write_one({.name = "update_pool", .idempotent = true}, [&](CatalogTransaction& transaction) {
        const PoolUpdate update = transaction.update_pool(changed);
        rules::check_update(changed, update.known, update.name_holder);
    });
    return changed;
}

std::optional<ProxyPool> Catalog::get_pool(const std::string& name) {
    std::optional<ProxyPool> found;
    store_.read({.name = "get_pool"},
                [&](CatalogTransaction& transaction) { found = transaction.pool(name); });
    return found;
}

Page<ProxyPool> Catalog::list_pools(const ListRequest& request) {
    validate(request);
    std::vector<ProxyPool> rows;
    store_.read({.name = "list_pools"}, [&](CatalogTransaction& transaction) {
        rows = transaction.list_pools(request.after, request.limit + 1);
    });
    return rules::page_by_name(std::move(rows), request.limit);
}

RemoveResult Catalog::remove_pool(const std::string& name, bool force) {
    return remove({.operation = "remove_pool",
                   .field = "pool",
                   .value = name,
                   .lock = [&](CatalogTransaction& transaction) { return transaction.lock_pool(name); }},
                  force);
}

// ---- Consumers

Consumer Catalog::add_consumer(const Consumer& consumer) {
    Consumer stored = validated(consumer);
    store_.write_one({.name = "add_consumer"}, [&](CatalogTransaction& transaction) {
        const Taken taken = transaction.insert_consumer(stored);
        rules::check_new(stored, taken.name, taken.id);
    });
    return stored;
}

ConsumerId Catalog::ensure_consumer(const std::string& name) {
    constexpr Operation ensuring{.name = "ensure_consumer", .idempotent = true};
    for (;;) {
        std::optional<Consumer> known;
        store_.read(ensuring, [&](CatalogTransaction& transaction) { known = transaction.consumer(name); });
        if (known) return known->id;
        const Consumer consumer{.name = name};
        Taken taken;
        store_.write_one(ensuring, [&](CatalogTransaction& transaction) {
            taken = transaction.insert_consumer(consumer);
        });
        if (!taken.name && !taken.id) return consumer.id;
    }
}

std::optional<Consumer> Catalog::get_consumer(const std::string& name) {
    std::optional<Consumer> found;
    store_.read({.name = "get_consumer"},
                [&](CatalogTransaction& transaction) { found = transaction.consumer(name); });
    return found;
}

Page<Consumer> Catalog::list_consumers(const ListRequest& request) {
    validate(request);
    std::vector<Consumer> rows;
    store_.read({.name = "list_consumers"}, [&](CatalogTransaction& transaction) {
        rows = transaction.list_consumers(request.after, request.limit + 1);
    });
    return rules::page_by_name(std::move(rows), request.limit);
}

RemoveResult Catalog::remove_consumer(const std::string& name, bool force) {
    return remove({.operation = "remove_consumer",
                   .field = "consumer",
                   .value = name,
                   .lock = [&](CatalogTransaction& transaction) { return transaction.lock_consumer(name); }},
                  force);
}

// ---- Proxies

Proxy Catalog::add_proxy(const Proxy& proxy) {
    Proxy stored = validated(proxy);
    store_.write_one({.name = "add_proxy"}, [&](CatalogTransaction& transaction) {
        const ProxyInsert insert = transaction.insert_proxy(stored);
        rules::check_new(stored, insert.pool_known, insert.holder);
    });
    return stored;
}

AddProxiesResult Catalog::add_proxies(const AddProxiesRequest& request) {
    std::vector<Proxy> proxies;
    proxies.reserve(request.proxies.size());
    for (const Proxy& proxy : request.proxies) proxies.push_back(validated(proxy));
    if (proxies.empty()) return {};
    return store_.add_proxies(proxies, request.on_duplicate);
}

Proxy Catalog::update_proxy(const Proxy& proxy) {
    const Proxy changed = validated(proxy);
    ProxyUpdate update;
    store_.write_one({.name = "update_proxy", .idempotent = true}, [&](CatalogTransaction& transaction) {
        update = transaction.update_proxy(changed);
        rules::check_update(changed, update.known, update.pool_known, update.identity_holder);
    });
    return std::move(update.updated).value();
}

std::optional<Proxy> Catalog::get_proxy(ProxyId id) {
    std::optional<Proxy> found;
    store_.read({.name = "get_proxy"},
                [&](CatalogTransaction& transaction) { found = transaction.proxy(id); });
    return found;
}

Page<Proxy> Catalog::list_proxies(const ListProxiesRequest& request) {
    validate(request);
    const FilterSql filter = store_.list_filter(request.filters);
    const std::size_t wanted = request.limit + 1;  // the last row tells that there are more
    ProxyId after = request.after.empty() ? ProxyId() : ProxyId::parse(request.after);
    std::vector<Proxy> found;
    for (bool more = true; more && found.size() < wanted;) {
        std::vector<Proxy> read;
        store_.read({.name = "list_proxies"}, [&](CatalogTransaction& transaction) {
            read = transaction.list_proxies({.pool = request.pool,
                                             .after = after,
                                             .status = request.status,
                                             .filter = filter,
                                             .limit = wanted});
        });
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
    return remove({.operation = "remove_proxy",
                   .field = "proxy_id",
                   .value = id.to_string(),
                   .lock = [&](CatalogTransaction& transaction) { return transaction.lock_proxy(id); }},
                  force);
}

// ---- Removal

RemoveResult Catalog::remove(const Removal& removal, bool force) {
    RemoveResult result;
    std::vector<Lease> expired;
    const auto count = [&](std::vector<Lease>&& ended) {
        for (Lease& lease : ended) {
            if (lease.release_reason == ReleaseReason::expired) {
                expired.push_back(std::move(lease));
            } else {
                ++result.revoked_leases;
            }
        }
    };
    std::optional<LeaseHolder> removed;
    store_.write({.name = removal.operation}, [&](CatalogTransaction& transaction) {
        result = {};
        expired.clear();
        removed.reset();
        const std::optional<LeaseHolder> holder = removal.lock(transaction);
        if (!holder) return;
        if (!force && transaction.has_active_leases(*holder)) {
            rules::refuse_active_leases(removal.field, removal.value);
        }
        count(transaction.end_active_leases(*holder));
        transaction.remove(*holder);
        result.removed = true;
        removed = holder;
    });
    if (removed) count(store_.end_late_leases({.name = removal.operation}, *removed));
    reports_.put(std::move(expired));
    return result;
}

}  // namespace pharox::sqlkit
