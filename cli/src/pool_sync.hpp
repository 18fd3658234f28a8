// Makes a pool equal to a list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pharox/storage/catalog.hpp"

namespace pharox::cli {

/// What the list and the pool do not have in common. Holds the proxies of the list, some 1 KB each.
class PoolSync {
  public:
    struct Counts {
        std::int64_t added = 0;
        std::int64_t updated = 0;    ///< attributes that the list has and that differ
        std::int64_t passwords = 0;  ///< updated: same protocol, host, port and user, another password
        std::int64_t restored = 0;   ///< retired before, listed again
        std::int64_t retired = 0;    ///< no longer listed
        std::int64_t unchanged = 0;
        std::int64_t stored = 0;              ///< proxies of the pool before, without retired ones
        std::int64_t waiting_for_leases = 0;  ///< after apply(): retired ones whose leases have not ended
    };

    /// Reads the pool. `listed` has each proxy once. An unknown pool is empty.
    PoolSync(ICatalog& catalog, std::string pool, std::vector<Proxy> listed);

    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] bool pool_exists() const { return pool_exists_; }

    /// Adds, updates, then retires. Attributes that the list does not have stay, and so does the status,
    /// except that a proxy that was retired becomes active again. A retired proxy is removed; while it has
    /// active leases, it is inactive, and the next call removes it. Each change is atomic, the whole is not:
    /// after a failure the next call completes it.
    void apply();

  private:
    struct Change {
        ProxyId stored;
        std::size_t listed;
    };
    void compare();
    void retire(ProxyId id);

    ICatalog& catalog_;
    std::string pool_;
    std::vector<Proxy> listed_;
    Counts counts_;
    bool pool_exists_ = false;
    std::vector<std::size_t> to_add_;
    std::vector<Change> to_change_;
    std::vector<ProxyId> to_retire_;
};

}  // namespace pharox::cli
