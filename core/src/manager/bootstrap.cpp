#include "pharox/manager/bootstrap.hpp"

#include "pharox/errors.hpp"

namespace pharox {

ConsumerId bootstrap_consumer(IStorage& storage, const BootstrapConsumer& consumer) {
    return storage.ensure_consumer({.name = consumer.name});
}

ProxyPool bootstrap_pool(IStorage& storage, const BootstrapPool& pool) {
    ICatalog& catalog = require_catalog(storage);
    if (auto stored = catalog.get_pool(pool.name)) return *std::move(stored);
    try {
        return catalog.add_pool({.name = pool.name, .description = pool.description});
    } catch (const ConflictError&) {
        // Another caller has created the pool.
        if (auto stored = catalog.get_pool(pool.name)) return *std::move(stored);
        throw;
    }
}

Proxy bootstrap_proxy(IStorage& storage, const ProxyPool& pool, const BootstrapProxy& proxy) {
    ICatalog& catalog = require_catalog(storage);
    Proxy wanted = validated(Proxy{.pool_id = pool.id,
                                   .host = proxy.host,
                                   .port = proxy.port,
                                   .protocol = proxy.protocol,
                                   .status = proxy.status,
                                   .credentials = proxy.credentials,
                                   .source = proxy.source,
                                   .country = proxy.country,
                                   .city = proxy.city,
                                   .max_concurrency = proxy.max_concurrency});
    const AddProxiesResult added =
        catalog.add_proxies({.proxies = {wanted}, .on_duplicate = DuplicatePolicy::skip});
    if (added.added == 1) return wanted;
    const std::string identity = wanted.identity();
    for (ListProxiesRequest request{.pool = pool.name, .limit = 1000};;) {
        Page<Proxy> page = catalog.list_proxies(request);
        for (Proxy& stored : page.items) {
            if (stored.identity() == identity) return std::move(stored);
        }
        if (page.next.empty()) throw ProxyNotFoundError(wanted.id);  // removed in between
        request.after = page.next;
    }
}

}  // namespace pharox
