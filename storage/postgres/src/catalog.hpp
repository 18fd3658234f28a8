// Pools, proxies and consumers.
#pragma once

#include <functional>

#include "database.hpp"
#include "pharox/storage/catalog.hpp"
#include "row_mapping.hpp"

namespace pharox::postgres {

/// Thread-safe.
class Catalog final : public ICatalog {
  public:
    Catalog(Database& database, ExpiryReports& reports, std::function<void()> on_available)
        : database_(database), reports_(reports), on_available_(std::move(on_available)) {}

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
    Proxy update(Connection& connection, const Proxy& proxy);
    AddProxiesResult add_staged(Connection& connection, const std::vector<Proxy>& proxies,
                                DuplicatePolicy policy);
    [[noreturn]] void refuse_duplicate(const Proxy& proxy, const std::string& constraint);
    /// Ends the active leases that `which` (with $1) names: what is due as expired, the others as revoked.
    /// How many the latter are. Throws `refusal()` instead of revoking unless forced.
    std::int64_t end_leases(Connection& connection, const char* which, const UuidBytes& id, bool force,
                            std::vector<Lease>& expired, const std::function<ConflictError()>& refusal);

    Database& database_;
    ExpiryReports& reports_;
    std::function<void()> on_available_;
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

}  // namespace pharox::postgres
