// Pools, proxies and consumers over a CatalogStore: the order of checks, what a duplicate does, pages, and
// removal with leases.
#pragma once

#include "catalog_store.hpp"
#include "expiry_reports.hpp"
#include "pharox/storage/catalog.hpp"

namespace pharox::sqlkit {

/// Thread-safe.
class Catalog final : public ICatalog {
  public:
    Catalog(CatalogStore& store, ExpiryReports& reports) : store_(store), reports_(reports) {}

    ProxyPool add_pool(const ProxyPool& pool) override;
    ProxyPool update_pool(const ProxyPool& pool) override;
    std::optional<ProxyPool> get_pool(const std::string& name) override;
    Page<ProxyPool> list_pools(const ListRequest& request) override;
    RemoveResult remove_pool(const std::string& name, bool force) override;

    Proxy add_proxy(const Proxy& proxy) override;
    AddProxiesResult add_proxies(const AddProxiesRequest& request) override;
    Proxy update_proxy(const Proxy& proxy) override;
    std::optional<Proxy> get_proxy(ProxyId id) override;
    Page<Proxy> list_proxies(const ListProxiesRequest& request) override;
    RemoveResult remove_proxy(ProxyId id, bool force) override;

    Consumer add_consumer(const Consumer& consumer) override;
    std::optional<Consumer> get_consumer(const std::string& name) override;
    Page<Consumer> list_consumers(const ListRequest& request) override;
    RemoveResult remove_consumer(const std::string& name, bool force) override;
    ConsumerId ensure_consumer(const std::string& name);

  private:
    /// The object to remove, as errors name it, and how it is locked.
    struct Removal {
        std::string_view operation;
        const char* field;
        std::string value;
        std::function<std::optional<LeaseHolder>(CatalogTransaction& transaction)> lock;
    };
    RemoveResult remove(const Removal& removal, bool force);

    CatalogStore& store_;
    ExpiryReports& reports_;
};

}  // namespace pharox::sqlkit
