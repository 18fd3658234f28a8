// Pools, proxies and consumers. Every change is synced to the disk before it is acknowledged.
#pragma once

#include "database.hpp"
#include "lease_records.hpp"
#include "pharox/storage/catalog.hpp"

namespace pharox::sqlite {

/// Thread-safe.
class Catalog final : public ICatalog {
  public:
    Catalog(Database& database, ExpiryReports& reports) : database_(database), reports_(reports) {}

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
    Database& database_;
    ExpiryReports& reports_;
};

/// A page of what is listed by name: `rows` holds up to one more than asked for.
template <class T>
Page<T> page_by_name(std::vector<T> rows, std::size_t limit) {
    Page<T> page{.items = std::move(rows)};
    if (page.items.size() > limit) {
        page.items.resize(limit);
        page.next = page.items.back().name;
    }
    return page;
}

}  // namespace pharox::sqlite
