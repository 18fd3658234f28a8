// A capability: management of a store's pools, proxies and consumers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pharox/filters.hpp"
#include "pharox/model/proxy.hpp"
#include "pharox/storage/page.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Lists of pools and consumers are sorted by name, of proxies by id. An object that is added or removed
/// between two pages may be missing or not; no object appears twice.
struct ListRequest {
    std::string after{};      ///< from Page::next
    std::size_t limit = 100;  ///< 1 to 10,000
};
struct ListProxiesRequest {
    std::string pool;
    std::optional<ProxyStatus> status{};
    ProxyFilters filters{};
    std::string after{};
    std::size_t limit = 100;
};

/// The treatment of a proxy whose id, or whose identity within its pool, is stored already.
enum class DuplicatePolicy : std::uint8_t {
    reject,  ///< throws ConflictError; nothing of the call remains
    skip,    ///< the stored proxy stays unchanged
    update,  ///< the stored proxy is updated, and keeps its id
};
struct AddProxiesRequest {
    std::vector<Proxy> proxies;
    DuplicatePolicy on_duplicate = DuplicatePolicy::reject;
};
struct AddProxiesResult {
    std::int64_t added = 0;
    std::int64_t skipped = 0;
    std::int64_t updated = 0;
};

struct RemoveResult {
    bool removed = false;             ///< false if it did not exist
    std::int64_t revoked_leases = 0;  ///< active leases that were ended by force
};

/// Every call is atomic and durable. Values are validated by `validated()`; results equal what was stored. An
/// update never changes a lease count. For an existing name or identity a call throws ConflictError with the
/// field.
class ICatalog {
  public:
    virtual ~ICatalog() = default;

    virtual ProxyPool add_pool(const ProxyPool& pool) = 0;
    /// Replaces the pool stored under the id. Throws PoolNotFoundError.
    virtual ProxyPool update_pool(const ProxyPool& pool) = 0;
    virtual std::optional<ProxyPool> get_pool(const std::string& name) = 0;
    virtual Page<ProxyPool> list_pools(const ListRequest& request) = 0;
    /// Removes the pool and its proxies. If one of them has an active lease, throws ConflictError unless
    /// forced; with force the leases are revoked. Records of leases stay.
    virtual RemoveResult remove_pool(const std::string& name, bool force) = 0;

    /// Throws PoolNotFoundError for an unknown pool_id.
    virtual Proxy add_proxy(const Proxy& proxy) = 0;
    /// Adds any number of proxies, all or none.
    virtual AddProxiesResult add_proxies(const AddProxiesRequest& request) = 0;
    /// Replaces the proxy stored under the id, except its lease count. A change of pool_id moves it. Throws
    /// ProxyNotFoundError, PoolNotFoundError.
    virtual Proxy update_proxy(const Proxy& proxy) = 0;
    virtual std::optional<Proxy> get_proxy(ProxyId id) = 0;
    /// An unknown pool has no proxies.
    virtual Page<Proxy> list_proxies(const ListProxiesRequest& request) = 0;
    /// As remove_pool.
    virtual RemoveResult remove_proxy(ProxyId id, bool force) = 0;

    virtual Consumer add_consumer(const Consumer& consumer) = 0;
    virtual std::optional<Consumer> get_consumer(const std::string& name) = 0;
    virtual Page<Consumer> list_consumers(const ListRequest& request) = 0;
    /// Throws ConflictError if the consumer has active leases, unless forced.
    virtual RemoveResult remove_consumer(const std::string& name, bool force) = 0;
};

/// Throws ValidationError.
void validate(const ListRequest& request);
void validate(const ListProxiesRequest& request);

}  // namespace pharox
