// What the catalog needs of a database. An adapter implements these interfaces with its statements and its
// row mapping; the order of checks, the errors and the pages are in Catalog.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "filter_sql.hpp"
#include "operation.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"
#include "pharox/storage/catalog.hpp"

namespace pharox::sqlkit {

/// Which keys of a new pool or consumer are taken. None: it was inserted.
struct Taken {
    bool name = false;
    bool id = false;
};
/// Known, and no other pool has the name: it was changed.
struct PoolUpdate {
    bool known = false;
    std::optional<PoolId> name_holder{};  ///< the pool that has the name, possibly this one
};
/// The pool exists and there is no holder: it was inserted.
struct ProxyInsert {
    bool pool_known = false;
    std::optional<ProxyId> holder{};  ///< has the identity in the pool, or else the id
};
/// Known with its pool, and no other proxy has its identity: it was changed.
struct ProxyUpdate {
    bool known = false;
    bool pool_known = false;
    std::optional<ProxyId> identity_holder{};
    std::optional<Proxy> updated{};  ///< as the storage shows it
};

/// Proxies of a pool by id, as the storage shows them: without expired leases.
struct ProxyListing {
    const std::string& pool;
    ProxyId after{};
    std::optional<ProxyStatus> status{};
    const FilterSql& filter;
    std::size_t limit = 0;
};

/// What is removed, and whose active leases end with it.
using LeaseHolder = std::variant<PoolId, ProxyId, ConsumerId>;

/// The statements of a catalog call. Objects are validated. Throws StorageError. What becomes available wakes
/// the waiters of its pool once the call is committed.
class CatalogTransaction {
  public:
    CatalogTransaction() = default;
    CatalogTransaction(const CatalogTransaction&) = delete;
    CatalogTransaction& operator=(const CatalogTransaction&) = delete;
    virtual ~CatalogTransaction() = default;

    virtual std::optional<ProxyPool> pool(const std::string& name) = 0;
    virtual Taken insert_pool(const ProxyPool& pool) = 0;
    virtual PoolUpdate update_pool(const ProxyPool& pool) = 0;
    /// Up to `limit` by name, after this one; likewise the other lists.
    virtual std::vector<ProxyPool> list_pools(const std::string& after, std::size_t limit) = 0;

    virtual std::optional<Consumer> consumer(const std::string& name) = 0;
    virtual Taken insert_consumer(const Consumer& consumer) = 0;
    virtual std::vector<Consumer> list_consumers(const std::string& after, std::size_t limit) = 0;

    virtual std::optional<Proxy> proxy(ProxyId id) = 0;
    virtual ProxyInsert insert_proxy(const Proxy& proxy) = 0;
    virtual ProxyUpdate update_proxy(const Proxy& proxy) = 0;
    /// All of them, in their order, or in statements for the whole set with the same result. Throws the
    /// errors of rules::check_new() and rules::check_update().
    virtual AddProxiesResult insert_proxies(const std::vector<Proxy>& proxies, DuplicatePolicy policy) = 0;
    /// Nothing for an unknown pool.
    virtual std::vector<Proxy> list_proxies(const ProxyListing& listing) = 0;

    // ---- Removal, in this order

    /// Until the end of the transaction the object gets no new lease, and a pool no new proxy. Nothing if it
    /// does not exist.
    virtual std::optional<LeaseHolder> lock_pool(const std::string& name) = 0;
    virtual std::optional<LeaseHolder> lock_consumer(const std::string& name) = 0;
    virtual std::optional<LeaseHolder> lock_proxy(ProxyId id) = 0;
    /// Whether it has an active lease that has not expired.
    virtual bool has_active_leases(const LeaseHolder& holder) = 0;
    /// Ends all its active leases, the expired ones as expired and the others as revoked. All that were
    /// ended.
    virtual std::vector<Lease> end_active_leases(const LeaseHolder& holder) = 0;
    /// With what belongs to it: proxies to a pool, health to a proxy.
    virtual void remove(const LeaseHolder& holder) = 0;
};

/// Where Catalog gets its transactions. `work` may be called more than once, if its transaction conflicted.
class CatalogStore {
  public:
    using Work = std::function<void(CatalogTransaction& transaction)>;

    CatalogStore() = default;
    CatalogStore(const CatalogStore&) = delete;
    CatalogStore& operator=(const CatalogStore&) = delete;
    virtual ~CatalogStore() = default;

    /// For work that calls one reading function.
    virtual void read(const Operation& operation, const Work& work) = 0;
    /// Durable once it returns. What `work` throws undoes all that it did.
    virtual void write(const Operation& operation, const Work& work) = 0;
    /// The same for work that calls one writing function, which need not have a transaction of its own.
    virtual void write_one(const Operation& operation, const Work& work) { write(operation, work); }
    /// ICatalog::add_proxies for validated proxies.
    virtual AddProxiesResult add_proxies(const std::vector<Proxy>& proxies, DuplicatePolicy policy) {
        AddProxiesResult result;
        write({.name = "add_proxies"},
              [&](CatalogTransaction& transaction) { result = transaction.insert_proxies(proxies, policy); });
        return result;
    }
    /// After the removal: ends leases that calls which had begun before made for what was removed. For a
    /// store in which the lock of a consumer does not prevent that.
    virtual std::vector<Lease> end_late_leases(const Operation& /*operation*/,
                                               const LeaseHolder& /*removed*/) {
        return {};
    }
    /// As list_proxies() takes it.
    [[nodiscard]] virtual FilterSql list_filter(const ProxyFilters& filters) const = 0;
};

}  // namespace pharox::sqlkit
