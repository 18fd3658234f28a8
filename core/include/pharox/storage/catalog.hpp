// A capability: the pools, proxies and consumers that a store holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pharox/filters.hpp"
#include "pharox/model/proxy.hpp"
#include "pharox/storage/page.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Pools and consumers come by name, proxies by id. What comes or goes between two pages may be missed or
/// not; nothing is shown twice.
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

/// What becomes of a proxy whose id, or whose identity within its pool, is there already.
enum class DuplicatePolicy : std::uint8_t {
    reject,  ///< ConflictError, and nothing of the call remains
    skip,    ///< what is stored stays
    update,  ///< what is stored is updated, and keeps its id
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
    bool removed = false;             ///< false: there was none
    std::int64_t revoked_leases = 0;  ///< active ones, ended by force
};

/// Every call is atomic and durable. Values pass `validated()` at the door; what is returned is what was
/// stored. Counters are never touched by an update. A name or identity that is taken: ConflictError naming
/// the field.
class ICatalog {
  public:
    virtual ~ICatalog() = default;

    virtual ProxyPool add_pool(const ProxyPool& pool) = 0;
    /// Replaces what is stored under the id. Throws PoolNotFoundError.
    virtual ProxyPool update_pool(const ProxyPool& pool) = 0;
    virtual std::optional<ProxyPool> get_pool(const std::string& name) = 0;
    virtual Page<ProxyPool> list_pools(const ListRequest& request) = 0;
    /// Removes its proxies too. Unless forced, ConflictError while any of them has an active lease; forced,
    /// those are revoked. Records of leases stay.
    virtual RemoveResult remove_pool(const std::string& name, bool force) = 0;

    /// Throws PoolNotFoundError for an unknown pool_id.
    virtual Proxy add_proxy(const Proxy& proxy) = 0;
    /// All or nothing, any number.
    virtual AddProxiesResult add_proxies(const AddProxiesRequest& request) = 0;
    /// Replaces what is stored under the id, except the counter. A change of pool_id moves it. Throws
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
    /// ConflictError while the consumer has active leases, unless forced.
    virtual RemoveResult remove_consumer(const std::string& name, bool force) = 0;
};

/// Throws ValidationError.
void validate(const ListRequest& request);
void validate(const ListProxiesRequest& request);

}  // namespace pharox
